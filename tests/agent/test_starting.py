"""Starting a process where a tracer now and then says that a good path is a bad address."""

import errno
import subprocess
import sys
from typing import Any

import pytest

from harness.agent.starting import start


class Kernel:
    """Refuses the first tries with an error, then starts what is asked for."""

    def __init__(self, number: int, refusals: int) -> None:
        self.left = refusals
        self.number = number
        self.tries = 0

    def __call__(self, command: list[str], **options: Any) -> str:
        self.tries += 1
        if self.left:
            self.left -= 1
            raise OSError(self.number, "said the kernel")
        return f"{command} {sorted(options)}"


def test_a_process_is_started() -> None:
    process = start([sys.executable, "-c", "print(7)"], stdout=subprocess.PIPE)
    assert process.communicate(timeout=30)[0] == b"7\n"


@pytest.mark.parametrize("refusals", [0, 1, 4])
def test_a_bad_address_is_tried_again(monkeypatch: pytest.MonkeyPatch, refusals: int) -> None:
    kernel = Kernel(errno.EFAULT, refusals)
    monkeypatch.setattr(subprocess, "Popen", kernel)
    assert start(["a"], cwd="/") == "['a'] ['cwd']"
    assert kernel.tries == refusals + 1


@pytest.mark.parametrize(("number", "tries"), [(errno.EFAULT, 5), (errno.ENOENT, 1), (errno.ENOMEM, 1)])
def test_what_does_not_pass_is_told(monkeypatch: pytest.MonkeyPatch, number: int, tries: int) -> None:
    kernel = Kernel(number, 99)
    monkeypatch.setattr(subprocess, "Popen", kernel)
    with pytest.raises(OSError, match="said the kernel") as caught:
        start(["a"])
    assert (caught.value.errno, kernel.tries) == (number, tries)
