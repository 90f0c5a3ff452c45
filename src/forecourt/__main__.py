"""The command `forecourt`, also as `python -m forecourt`. It imports everything else late, so that Ctrl-C is quiet."""

import sys


def main() -> None:
    """The entry point. Ctrl-C while the program is still being loaded ends it as at any other moment."""
    try:
        from forecourt.cli.main import main as command_line

        command_line()
    except KeyboardInterrupt:
        sys.exit(130)  # as `ExitStatus.INTERRUPTED`, which may not be loaded yet


if __name__ == "__main__":
    main()
