"""Boards up, down, and how they are."""

from pathlib import Path

from harness.cache import cache_root
from harness.emulator.board import Board, load_boards
from harness.emulator.bringing_up import Progress, bring_up
from harness.emulator.cpus import named
from harness.emulator.inventory import write_inventory
from harness.emulator.layout import fleet_at
from harness.emulator.locking import locked
from harness.emulator.stopping import stop

__all__ = ["Board", "Progress", "default_state_dir", "down", "silent", "status", "up"]

_LOCK_PATIENCE_S = 90.0
_LOCK_ADVICE = "Wait until the other `farm boards` command is done."


def default_state_dir() -> Path:
    """Return where boards are kept that were started without naming a folder."""
    return cache_root() / "boards" / "default"


def silent(_: str) -> None:
    """Show no progress."""


def up(
    cpus: tuple[str, ...],
    state_dir: Path,
    inventory: Path | None = None,
    progress: Progress = silent,
    *,
    leash: int | None = None,
    phones: tuple[str, ...] = (),
) -> tuple[Board, ...]:
    """Start one board a CPU (a phone for those of `phones`), wait for them, write the inventory that reaches them.

    Boards that run already stay as they are; those of the same set that do not are started. A board's home
    is kept in `state_dir` by its name, so what was sent there once is there the next time. `leash` is the
    reading end of a pipe: the boards end when nobody holds the other end; without it they run until `down`.

    Raises:
        InputError: machine-not-ready; nothing that was started is left running.
    """
    fleet = fleet_at(state_dir)
    with locked(fleet.lock, _LOCK_PATIENCE_S, _LOCK_ADVICE):
        boards = bring_up(fleet, named(cpus, phones), progress, leash)
        write_inventory(inventory or fleet.inventory, boards)
    return boards


def down(state_dir: Path, progress: Progress = silent) -> tuple[Board, ...]:
    """Stop the boards of a folder with everything they started; return those that there were."""
    fleet = fleet_at(state_dir)
    if not fleet.state.exists():
        return ()
    with locked(fleet.lock, _LOCK_PATIENCE_S, _LOCK_ADVICE):
        boards = load_boards(fleet)
        progress(f"stopping {', '.join(board.name for board in boards)}")
        stop(boards)
        fleet.state.unlink(missing_ok=True)
    return boards


def status(state_dir: Path) -> tuple[Board, ...]:
    """Return the boards that were started and not stopped; `running` tells whether they still are."""
    return load_boards(fleet_at(state_dir))
