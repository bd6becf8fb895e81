"""``python -m genderscope``: the command line."""

from genderscope.cli import main

main()
