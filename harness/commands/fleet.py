"""The devices of a command that measures: those of an inventory, or the default fleet for as long as it takes."""

import contextlib
import signal
from collections.abc import Iterator
from pathlib import Path

from harness.diagnose.look import Start
from harness.dispatch.ledger import Listener
from harness.dispatch.run import Coordinator
from harness.dispatch.scratch import scratch, temporary_files_in


@contextlib.contextmanager
def fleet(inventory: Path | None, listener: Listener) -> Iterator[Path]:
    """Give the inventory to use; None stands for the default fleet, which is brought up and ended.

    Raises:
        InputError: machine-not-ready, or another run uses the default fleet.
    """
    if inventory is not None:
        yield inventory
        return
    from harness.emulator.session import default_fleet

    with default_fleet(listener.stage) as made:
        yield made


@contextlib.contextmanager
def at_work() -> Iterator[Start]:
    """Give what runs a request, with all fleeting files of this command in one folder that is gone after it."""
    with terminate_as_interrupt(), scratch() as folder, temporary_files_in(folder):
        yield lambda request, listener: Coordinator(request, listener, scratch=folder).run()


@contextlib.contextmanager
def terminate_as_interrupt() -> Iterator[None]:
    """Let `kill` and a CI job's time limit keep what was measured, as Ctrl-C does."""

    def interrupt(_number: int, _frame: object) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
