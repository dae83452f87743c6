"""A board's keeper: starts its SSH server, collects what sessions leave behind, and takes all of it down.

Run as `python -m harness.emulator.keeper`. Whatever detaches itself on the board becomes the keeper's child
(it is a "subreaper"), so nothing a board started can outlive it. It ends, and the board with it, on SIGTERM,
when the server ends, or, with --leash, when its standard input closes: then the one who started it is gone.
"""

import argparse
import os
import select
import signal
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from harness.emulator.enclosure import Account, enclose
from harness.emulator.kernel import PR_SET_CHILD_SUBREAPER, PR_SET_PDEATHSIG, prctl
from harness.emulator.leftovers import remove_leftovers
from harness.emulator.processes import descendants, kill

ENCLOSING_FAILED = 71  # as EX_OSERR of sysexits.h

_ENDING = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
_PATIENCE_S = 10.0
_PAUSE_S = 0.01


def main(arguments: Sequence[str] | None = None) -> int:
    """Keep a board until it shall end; return 0, or the server's failure."""
    asked = _parser().parse_args(arguments)
    who = Account(asked.name, asked.uid, asked.gid, asked.enclosed)
    prctl(PR_SET_CHILD_SUBREAPER, 1)
    wake, signalled = os.pipe()
    os.set_blocking(wake, False)
    os.set_blocking(signalled, False)
    for number in (*_ENDING, signal.SIGCHLD):
        signal.signal(number, lambda *_: None)
    signal.set_wakeup_fd(signalled)
    server = _start(who, asked.passwd, asked.group, asked.command)
    try:
        return _watch(server, wake, leash=asked.leash)
    finally:
        _end_all()


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="keeper")
    parser.add_argument("--name", required=True)
    parser.add_argument("--uid", type=int, required=True)
    parser.add_argument("--gid", type=int, required=True)
    parser.add_argument("--enclosed", action="store_true")
    parser.add_argument("--passwd", type=Path, required=True)
    parser.add_argument("--group", type=Path, required=True)
    parser.add_argument("--leash", action="store_true")
    parser.add_argument("command", nargs="+")
    return parser


def _start(who: Account, passwd: Path, group: Path, command: Sequence[str]) -> int:
    pid = os.fork()
    if pid:
        return pid
    try:
        prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
        for number in (*_ENDING, signal.SIGCHLD):
            signal.signal(number, signal.SIG_DFL)
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)  # the leash is ours alone
        enclose(who, passwd, group)
        os.execv(command[0], list(command))  # noqa: S606 (no shell is wanted)
    except OSError as error:
        sys.stderr.write(f"{error}\n")
        sys.stderr.flush()
    os._exit(ENCLOSING_FAILED)


def _watch(server: int, wake: int, *, leash: bool) -> int:
    """Wait until the board shall end; return the server's exit code if it ended by itself."""
    watched = [wake, *([sys.stdin.fileno()] if leash else [])]
    while True:
        ready, _, _ = select.select(watched, [], [])
        if len(ready) > 1 or ready[0] != wake:
            return 0
        signals = os.read(wake, 4096)
        ended = dict(_collect())
        if server in ended:
            return os.waitstatus_to_exitcode(ended[server])
        if any(number in _ENDING for number in signals):
            return 0


def _collect() -> list[tuple[int, int]]:
    """Collect children that have ended: (pid, wait status) each."""
    found: list[tuple[int, int]] = []
    while True:
        try:
            pid, status = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return found
        if pid == 0:
            return found
        found.append((pid, status))


def _end_all() -> None:
    """Kill everything below this process, again and again: a program may be starting another one meanwhile."""
    deadline = time.monotonic() + _PATIENCE_S
    seen: set[int] = set()
    while (left := descendants(os.getpid())) and time.monotonic() < deadline:
        # Children first: a program that loses its proot would go on running, and see the host's files.
        for one in reversed(left):
            kill(one)
        seen |= {one.pid for one in left}
        _collect()
        time.sleep(_PAUSE_S)
    remove_leftovers(seen)


if __name__ == "__main__":
    sys.exit(main())
