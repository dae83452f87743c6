"""Stopping boards, with everything that they ever started."""

import os
import signal
import time

from harness.emulator.board import Board
from harness.emulator.leftovers import remove_leftovers
from harness.emulator.processes import Process, is_running, kill, marked, wait_until_gone

_PATIENCE_S = 15.0
_PAUSE_S = 0.02


def stop(boards: tuple[Board, ...]) -> None:
    """Stop boards; returns when none of their processes is left."""
    for board in boards:
        if is_running(board.keeper, board.started):
            os.kill(board.keeper, signal.SIGTERM)
    for board in boards:
        wait_until_gone(board.keeper, board.started, _PATIENCE_S)
        _sweep(board)


def _sweep(board: Board) -> None:
    """Kill what a keeper that was itself killed could not take with it."""
    deadline = time.monotonic() + _PATIENCE_S
    seen: set[Process] = set()
    while time.monotonic() < deadline:
        # A process that is just dying shows no mark any more, so those seen once are watched to their end.
        seen |= set(marked(board.mark))
        left = [one for one in seen if is_running(one.pid, one.started)]
        if not left:
            break
        for one in left:
            kill(one)
        time.sleep(_PAUSE_S)
    remove_leftovers(one.pid for one in seen)
