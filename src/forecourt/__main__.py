"""`python -m forecourt`: the command without its script."""

from forecourt.cli.main import main

if __name__ == "__main__":
    main()
