"""`python3 -m harness.setup [run|dev|timm|train] [--no-boards]`: make this machine ready."""

import sys

OLDEST_PYTHON = (3, 11)

if sys.version_info < OLDEST_PYTHON:  # before anything that an older Python could not even read
    sys.stdout.write(
        "Python {}.{} or newer is needed; this is {}.\n"
        "Install a newer one and name it: make setup PYTHON=python3.12\n".format(
            *OLDEST_PYTHON, sys.version.split()[0]
        )
    )
    sys.exit(2)

from harness.setup.main import main  # noqa: E402 (see above)

if __name__ == "__main__":
    sys.exit(main())
