"""What of the operating system the farm needs, and how to see whether it is there."""

import importlib.util
import shutil
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

_KEYRING = Path("/usr/share/keyrings/debian-archive-keyring.gpg")
_FASHION_MNIST = Path("/usr/share/dataset-fashion-mnist")


@dataclass(frozen=True, slots=True)
class Need:
    """Something the farm needs.

    Attributes:
        package: the package that has it, the same on Debian and Ubuntu.
        what_for: why it is needed, for the one who has to install it.
        present: tells whether it is there, however it came there.
    """

    package: str
    what_for: str
    present: Callable[[], bool]


def _programs(*names: str) -> Callable[[], bool]:
    return lambda: all(shutil.which(name) for name in names)


def _any_program(*names: str) -> Callable[[], bool]:
    return lambda: any(shutil.which(name) for name in names)


def _module(name: str) -> Callable[[], bool]:
    return lambda: importlib.util.find_spec(name) is not None


PYTHON_NEEDS = (Need("python3-venv", "the Python environment", _module("ensurepip")),)

BOARD_NEEDS = (
    Need("qemu-user-static", "emulated CPUs", _any_program("qemu-aarch64-static", "qemu-aarch64")),
    Need("proot", "entering a board's userland without root", _programs("proot")),
    Need("mmdebstrap", "unpacking a board's userland without root", _programs("mmdebstrap")),
    Need("busybox", "the outer userland of emulated phones", _programs("busybox")),
    Need("openssh-client", "keys, and reaching boards", _programs("ssh", "ssh-keygen")),
    Need("debian-archive-keyring", "checking the userland's packages", _KEYRING.exists),
)

TRAINING_NEEDS = (Need("dataset-fashion-mnist", "the training data", _FASHION_MNIST.is_dir),)


def missing(needs: Iterable[Need]) -> tuple[Need, ...]:
    """Return the needs that are not met."""
    return tuple(need for need in needs if not need.present())
