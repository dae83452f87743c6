"""Waiting until a board answers, as a user would reach it."""

import socket
import subprocess
import time

from harness.emulator.board import Board
from harness.emulator.layout import Fleet
from harness.errors import Code, InputError

_PATIENCE_S = 60.0
_PAUSE_S = 0.03
_LINES_SHOWN = 5


def wait_until_ready(ssh: str, fleet: Fleet, board: Board) -> None:
    """Wait until the board's SSH server greets, then run a command there.

    Raises:
        InputError: machine-not-ready, with what the board's processes said.
    """
    deadline = time.monotonic() + _PATIENCE_S
    while not _greets(board):
        if not board.running or time.monotonic() > deadline:
            raise _failure(fleet, board)
        time.sleep(_PAUSE_S)
    command = [*board.ssh_command(ssh), "uname -m"]
    try:
        tried = subprocess.run(command, capture_output=True, text=True, timeout=_PATIENCE_S, check=False)
    except subprocess.TimeoutExpired as error:
        raise _failure(fleet, board, "it greets, but no command ends") from error
    if tried.returncode or tried.stdout.strip() != "aarch64":
        raise _failure(fleet, board, f"{tried.stdout}{tried.stderr}".strip())


def _greets(board: Board) -> bool:
    try:
        with socket.create_connection((board.host, board.port), timeout=_PATIENCE_S) as connection:
            return connection.recv(4) == b"SSH-"
    except OSError:
        return False


def _failure(fleet: Fleet, board: Board, said: str = "") -> InputError:
    place = fleet.board(board.name)
    logs = [path.read_text(errors="replace") for path in (place.keeper_log, place.server_log) if path.exists()]
    lines = [line for text in (*logs, said) for line in text.splitlines()][-_LINES_SHOWN:]
    message = f"The board {board.name} does not start: {' / '.join(lines) or 'it says nothing'}"
    if "unshare" in "".join(lines) or "/proc/self/uid_map" in "".join(lines) or "mount" in "".join(lines):
        return InputError(
            Code.MACHINE_NOT_READY,
            f"{message}. Started by root, a board needs a user namespace, and this machine forbids them.",
            "Run the farm as an ordinary user, whose boards need none; or allow user namespaces "
            "(sysctl user.max_user_namespaces; in a container, the capability SYS_ADMIN).",
        )
    return InputError(Code.MACHINE_NOT_READY, message, f"Read {place.server_log} and {place.keeper_log}.")
