"""Bringing a fleet of boards up: those that are missing, all at once, or none of them."""

from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor, as_completed

from harness.cache import cache_root
from harness.emulator.board import Board, load_boards, save_boards
from harness.emulator.cpus import Wanted
from harness.emulator.enclosure import account
from harness.emulator.keys import ensure_key
from harness.emulator.layout import Fleet
from harness.emulator.readiness import wait_until_ready
from harness.emulator.starting import Starter
from harness.emulator.stopping import stop
from harness.emulator.tools import find_tools
from harness.errors import Code, InputError

Progress = Callable[[str], None]
"""Called with a line that says what is being done."""


def bring_up(fleet: Fleet, wanted: Mapping[str, Wanted], progress: Progress, leash: int | None) -> tuple[Board, ...]:
    """Start the boards that are missing; return all of them, in the order in which they are wanted.

    Raises:
        InputError: machine-not-ready; nothing that was started here is left running.
    """
    before = load_boards(fleet)
    running = {board.name: board for board in before if board.running}
    _refuse_others(fleet, running, wanted)
    missing = {name: one for name, one in wanted.items() if name not in running}
    if not missing:
        progress(f"{_counted(len(wanted))} up already")
        return tuple(running[name] for name in wanted)
    stop(tuple(board for board in before if not board.running))
    starter = Starter(find_tools(cache_root()), fleet, account(), leash)
    ensure_key(starter.tools.keygen, fleet.identity, "farm-boards")
    progress(f"starting {_counted(len(missing))}: {', '.join(missing)}")
    started = _start(starter, missing, running, progress)
    return tuple((running | started)[name] for name in wanted)


def _start(
    starter: Starter, missing: Mapping[str, Wanted], running: dict[str, Board], progress: Progress
) -> dict[str, Board]:
    fleet, started = starter.fleet, dict[str, Board]()
    try:
        for name, one in missing.items():
            taken = {board.port for board in (*running.values(), *started.values())}
            started[name] = starter.start(name, one, taken)
            # At once, so that `down` finds it even if this process is killed now.
            save_boards(fleet, (*running.values(), *started.values()))
        _write_known_hosts(fleet, (*running.values(), *started.values()))
        _wait_for_all(starter, tuple(started.values()), progress)
    except BaseException:  # Ctrl-C too: nothing half-started may stay
        stop(tuple(started.values()))
        save_boards(fleet, tuple(running.values()))
        raise
    return started


def _wait_for_all(starter: Starter, boards: tuple[Board, ...], progress: Progress) -> None:
    with ThreadPoolExecutor(max_workers=len(boards)) as pool:
        waits = {pool.submit(wait_until_ready, starter.tools.ssh, starter.fleet, board): board for board in boards}
        for wait in as_completed(waits):
            wait.result()
            board = waits[wait]
            progress(f"{board.name} answers on port {board.port} (QEMU {board.qemu}, {board.model})")


def _refuse_others(fleet: Fleet, running: dict[str, Board], wanted: Mapping[str, Wanted]) -> None:
    others = [name for name in running if name not in wanted]
    if others:
        raise InputError(
            Code.MACHINE_NOT_READY,
            f"Other boards are up already in {fleet.root}: {', '.join(running)}.",
            "Run `farm boards down` first, or ask for the same boards.",
        )


def _write_known_hosts(fleet: Fleet, boards: tuple[Board, ...]) -> None:
    fleet.known_hosts.write_text("".join(f"[{board.host}]:{board.port} {board.host_key}\n" for board in boards))


def _counted(number: int) -> str:
    return f"{number} board{'' if number == 1 else 's'}"
