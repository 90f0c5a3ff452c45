"""The root of the errors that are a user's, a peer's or a file's fault."""


class ForecourtError(Exception):
    """What was expected and what came, in one sentence for a person. The command line prints it and exits 1."""
