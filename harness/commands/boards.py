"""`farm boards`: emulated boards up, down, and how they are."""

from pathlib import Path

from rich.console import Console

from harness.emulator import boards
from harness.emulator.cpus import DEFAULT_FLEET


def up_command(cpus: tuple[str, ...], phones: tuple[str, ...], inventory: Path | None, console: Console) -> None:
    """Start boards and phones and say how to reach them.

    Raises:
        InputError: machine-not-ready, or an unknown CPU.
    """
    state = boards.default_state_dir()

    def progress(text: str) -> None:
        console.print(text, markup=False, highlight=False, soft_wrap=True)

    fleet = cpus if cpus or phones else DEFAULT_FLEET
    started = boards.up(fleet, state, inventory, progress, phones=phones)
    written = inventory or state / "inventory.yaml"
    progress(f"{len(started)} boards run until `farm boards down`. Inventory: {written}")
    progress(f"Try: farm check -i {written}")


def down_command(console: Console) -> None:
    """Stop the boards."""
    stopped = boards.down(boards.default_state_dir())
    names = ", ".join(board.name for board in stopped)
    console.print(f"Stopped: {names}." if names else "No boards were up.", highlight=False)


def status_command(console: Console) -> None:
    """List the boards."""
    known = boards.status(boards.default_state_dir())
    for board in known:
        state = "runs" if board.running else "has ended"
        console.print(
            f"{board.name}: {state}, 127.0.0.1 port {board.port}, QEMU {board.qemu}", markup=False, highlight=False
        )
    if not known:
        console.print("No boards are up. Start some with `farm boards up`.", highlight=False)
