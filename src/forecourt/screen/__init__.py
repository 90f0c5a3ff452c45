"""The control API of a station."""
