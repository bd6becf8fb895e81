"""``python -m genderscope`` and the console script."""

import sys


def main() -> None:
    """Run the command line. Ctrl-C is no traceback, also while modules are imported."""
    try:
        from genderscope.cli import main as command_line

        command_line()
    except KeyboardInterrupt:
        sys.exit(130)


if __name__ == "__main__":
    main()
