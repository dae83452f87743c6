"""What set-up says while it works, and how it runs other programs."""

import os
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager

_LAST_LINES = 15


class SetupError(Exception):
    """Set-up cannot go on; the message says why and what to do."""


def say(text: str) -> None:
    """Print a line at once: the next thing may take minutes."""
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


@contextmanager
def step(text: str) -> Iterator[None]:
    """Say what is being done, and afterwards how long it took."""
    say(f"==> {text} …")
    started = time.monotonic()
    yield
    say(f"    done in {time.monotonic() - started:.0f} s")


def run(command: Sequence[str], environment: Mapping[str, str] | None = None, *, shown: bool = False) -> None:
    """Run a program; its output is shown, or, if not `shown`, only the last lines of it when it fails.

    Raises:
        SetupError: it failed.
    """
    environment = {**os.environ, **environment} if environment else None
    taken = None if shown else subprocess.PIPE
    try:
        done = subprocess.run(
            command, env=environment, stdin=subprocess.DEVNULL, stdout=taken, stderr=subprocess.STDOUT, check=False
        )
    except OSError as error:
        raise SetupError(f"{command[0]} does not run: {error}") from error
    if done.returncode:
        lines = (done.stdout or b"").decode(errors="replace").splitlines()[-_LAST_LINES:]
        raise SetupError("\n".join((f"{' '.join(command)} failed ({done.returncode}).", *lines)))


def output_of(command: Sequence[str]) -> str:
    """Return what a program prints.

    Raises:
        SetupError: it failed.
    """
    try:
        done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
    except OSError as error:
        raise SetupError(f"{command[0]} does not run: {error}") from error
    if done.returncode:
        raise SetupError(f"{' '.join(command)} failed ({done.returncode}): {done.stderr.strip()}")
    return done.stdout
