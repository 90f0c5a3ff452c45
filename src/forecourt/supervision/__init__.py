"""The other side: what a central system decides, its store and its API."""
