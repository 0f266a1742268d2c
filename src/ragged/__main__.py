"""`python -m ragged`, the same as the command `ragged`."""

from ragged.cli import main

if __name__ == "__main__":
    main()
