"""The default fleet for the length of one run."""

import os
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType

from harness.cache import cache_root
from harness.emulator.boards import down, silent, up
from harness.emulator.bringing_up import Progress
from harness.emulator.cpus import DEFAULT_FLEET
from harness.emulator.layout import fleet_at
from harness.emulator.locking import locked

_ENDING = (signal.SIGTERM, signal.SIGHUP)
Handler = Callable[[int, FrameType | None], None]

_LOCK_PATIENCE_S = 2.0
_LOCK_ADVICE = "Another run is using them: wait until it is done, or name an inventory of other devices."


def session_state_dir() -> Path:
    """Return where the boards of `make farm-run` are kept; their homes stay from run to run."""
    return cache_root() / "boards" / "farm-run"


@contextmanager
def default_fleet(
    progress: Progress = silent, *, cpus: tuple[str, ...] = DEFAULT_FLEET, state_dir: Path | None = None
) -> Iterator[Path]:
    """Bring boards up, give the inventory that reaches them, and stop them whatever happens.

    SIGTERM and SIGHUP become KeyboardInterrupt meanwhile, so that they end a run as Ctrl-C does. The boards
    also end when this process does, however it does: they watch a pipe that only it holds.

    Raises:
        InputError: machine-not-ready, or another run uses the same boards.
    """
    root = fleet_at(state_dir or session_state_dir())
    with locked(root.root / "session.lock", _LOCK_PATIENCE_S, _LOCK_ADVICE), _interrupts(), _leash() as leash:
        try:
            down(root.root)  # what a session that was killed may have left
            up(cpus, root.root, progress=progress, leash=leash)
            yield root.inventory
        finally:
            with _undisturbed():
                down(root.root, progress)


@contextmanager
def _leash() -> Iterator[int]:
    kept, held = os.pipe()
    try:
        yield kept
    finally:
        os.close(held)
        os.close(kept)


@contextmanager
def _interrupts() -> Iterator[None]:
    """Let SIGTERM and SIGHUP end the run as Ctrl-C does."""
    with _handled(_ENDING, _interrupt):
        yield


@contextmanager
def _undisturbed() -> Iterator[None]:
    """Let a second Ctrl-C not interrupt the stopping of boards, which takes a second."""
    with _handled((signal.SIGINT, *_ENDING), _ignore):
        yield


@contextmanager
def _handled(numbers: tuple[signal.Signals, ...], handler: Handler) -> Iterator[None]:
    if threading.current_thread() is not threading.main_thread():  # Python handles signals in the main thread only
        yield
        return
    before = {number: signal.signal(number, handler) for number in numbers}
    try:
        yield
    finally:
        for number, old in before.items():
            signal.signal(number, old)


def _interrupt(_number: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt


def _ignore(_number: int, _frame: FrameType | None) -> None:
    return
