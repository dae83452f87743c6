"""The fixture `fleet`: two emulated boards, one without fp16 and one with it, for the whole test session."""

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from harness.emulator.board import Board
from harness.emulator.boards import down, up

CPUS = ("cortex-a72", "cortex-a76")


@dataclass(frozen=True)
class RunningFleet:
    """Boards that are up.

    Attributes:
        inventory: reaches them; their homes were empty when they came up.
        boards: by name, which is the CPU's.
        leash: ends them when nobody holds its other end any more.
    """

    state_dir: Path
    inventory: Path
    boards: dict[str, Board]
    leash: int

    def again(self) -> None:
        """Start those boards that went down; they keep their ports, keys and homes."""
        up(tuple(board.cpu for board in self.boards.values()), self.state_dir, leash=self.leash)


def ssh(board: Board, command: str, *options: str, stdin: str = "") -> subprocess.CompletedProcess[str]:
    """Run a command on a board with OpenSSH's client; `options` come first."""
    program, *rest = board.ssh_command()
    words = [program, *options, *rest, command]
    return subprocess.run(words, input=stdin, capture_output=True, text=True, timeout=60, check=False)


@contextmanager
def running_fleet(state_dir: Path, cpus: tuple[str, ...] = CPUS) -> Iterator[RunningFleet]:
    """Bring boards up in a folder of their own; they end with the test process, however that ends."""
    kept, held = os.pipe()
    try:
        boards = up(cpus, state_dir, leash=kept)
        yield RunningFleet(state_dir, state_dir / "inventory.yaml", {board.name: board for board in boards}, kept)
    finally:
        down(state_dir)
        os.close(held)
        os.close(kept)


@pytest.fixture(scope="session")
def fleet(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningFleet]:
    with running_fleet(tmp_path_factory.mktemp("fleet")) as running:
        yield running
