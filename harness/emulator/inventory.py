"""The inventory that reaches boards, as the rest of the harness reads it."""

from pathlib import Path

import yaml

from harness.emulator.board import Board
from harness.emulator.phone import LAUNCHER

# Emulated cores are slow, and all boards share the host's.
_DEADLINES = {"connect_s": 60, "cell_s": 1800}
_HEADING = "# Emulated boards; made by `farm boards up`, right until they are stopped.\n"


def inventory_text(boards: tuple[Board, ...]) -> str:
    """Return the inventory of these boards as YAML."""
    content = {"devices": [_device(board) for board in boards]}
    return _HEADING + yaml.safe_dump(content, sort_keys=False, width=1000)


def write_inventory(path: Path, boards: tuple[Board, ...]) -> None:
    """Write the inventory, whole or not at all.

    Raises:
        OSError: it cannot be written.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    fresh = path.with_name(f".{path.name}.new")
    fresh.write_text(inventory_text(boards))
    fresh.replace(path)


def _device(board: Board) -> dict[str, object]:
    return {
        "name": board.name,
        "kind": "phone" if board.phone else "board",
        "host": board.host,
        "port": board.port,
        "user": board.user,
        "identity_file": str(board.identity_file),
        "host_key": board.host_key,
        **({"launcher": list(LAUNCHER)} if board.phone else {}),
        "python": "python3",
        "threads": 1,
        "workdir": "~/.cache/farm",
        "deadlines": dict(_DEADLINES),
        "emulated": True,
        "labels": {"cpu": board.cpu},
    }
