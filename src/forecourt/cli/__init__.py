"""The command `forecourt`."""
