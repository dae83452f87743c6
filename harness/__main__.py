"""`python -m harness` is `farm`."""

from harness.cli import main

main()
