"""The order of set-up. Every step looks first, and does only what is missing."""

import argparse
import fcntl
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from harness.ours import close_umask, who_else_writes
from harness.setup import apt
from harness.setup.environment import ENVIRONMENTS, make_environment
from harness.setup.needs import BOARD_NEEDS, PYTHON_NEEDS, TRAINING_NEEDS, missing
from harness.setup.places import cache_root
from harness.setup.saying import SetupError, say
from harness.setup.unpacking import unpack_server
from harness.setup.userland import build_userland

PROJECT = Path(__file__).resolve().parents[2]
_FAILED, _INTERRUPTED = 2, 130


def main(arguments: Sequence[str] | None = None) -> int:
    """Make this machine ready; return the exit code."""
    asked = _parser().parse_args(arguments)
    close_umask()
    try:
        set_up(asked.purpose, boards=not asked.no_boards)
    except SetupError as error:
        say(f"\n{error}")
        return _FAILED
    except KeyboardInterrupt:
        say("\nInterrupted. What is done is kept; the same command goes on from there.")
        return _INTERRUPTED
    return 0


def set_up(purpose: str, *, boards: bool) -> None:
    """Do what is missing for a purpose.

    Raises:
        SetupError: it cannot be done.
    """
    needs = [*PYTHON_NEEDS, *(BOARD_NEEDS if boards else ()), *(TRAINING_NEEDS if purpose == "train" else ())]
    cache = cache_root()
    with _alone(cache):
        apt.install(missing(needs))
        make_environment(PROJECT, ENVIRONMENTS[purpose])
        if boards:
            unpack_server(cache)
            build_userland(cache)


@contextmanager
def _alone(cache: Path) -> Iterator[None]:
    """Let one set-up run at a time."""
    try:
        cache.mkdir(parents=True, exist_ok=True)
        others = who_else_writes(cache)
        if others:
            raise SetupError(f"The cache cannot be trusted: {others}.\nName a folder of your own in FARM_CACHE.")
        lock = (cache / "setup.lock").open("a")
    except OSError as error:
        raise SetupError(f"The cache {cache} cannot be used: {error}\nName another one in FARM_CACHE.") from error
    with lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say("Another set-up is running; waiting for it.")
            fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python3 -m harness.setup", description="Make this machine ready.")
    parser.add_argument("purpose", nargs="?", default="run", choices=sorted(ENVIRONMENTS))
    parser.add_argument("--no-boards", action="store_true", help="no emulated boards will be used")
    return parser
