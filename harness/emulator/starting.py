"""Starting one board: its folder, its configuration, its keeper."""

import contextlib
import os
import shutil
import socket
import subprocess
import sys
import uuid
from collections.abc import Collection
from dataclasses import dataclass

from harness.emulator.board import Board
from harness.emulator.cpus import Wanted, cpu_named
from harness.emulator.enclosure import Account
from harness.emulator.entrance import entrance
from harness.emulator.keys import ensure_key
from harness.emulator.layout import Fleet, Place
from harness.emulator.phone import ROOT, furnish
from harness.emulator.processes import MARKER, process
from harness.emulator.server_config import ADDRESS, server_config
from harness.emulator.tools import Tools, qemu_model

_ENVIRONMENT = ("PATH", "HOME", "VIRTUAL_ENV")


@dataclass(frozen=True, slots=True)
class Starter:
    """What all boards of a fleet are started with.

    Attributes:
        leash: a descriptor; the boards end when its other end is closed. None: they run until stopped.
    """

    tools: Tools
    fleet: Fleet
    who: Account
    leash: int | None

    def start(self, name: str, wanted: Wanted, taken: Collection[int]) -> Board:
        """Start a board on a port that is not `taken`; it does not answer yet.

        Raises:
            InputError: machine-not-ready.
        """
        place = self.fleet.board(name)
        model = qemu_model(self.tools, cpu_named(wanted.cpu))
        mark = uuid.uuid4().hex
        _lay_out(place, self.who, ROOT if wanted.phone else self.who, name)
        host_key = ensure_key(self.tools.keygen, place.host_key, name)
        port = _port(place, taken)
        place.config.write_text(server_config(self.tools, self.fleet, place, self.who, port))
        place.entrance.write_text(
            furnish(self.tools, place, model, mark)
            if wanted.phone
            else entrance(self.tools, place, self.who, model, mark)
        )
        place.entrance.chmod(0o700)
        pid = self._keep(place, mark)
        found = process(pid)
        return Board(
            name=name,
            cpu=wanted.cpu,
            model=model,
            qemu=self.tools.qemu_version,
            port=port,
            user=self.who.name,
            identity_file=self.fleet.identity,
            host_key=host_key,
            home=place.home,
            log=place.server_log,
            keeper=pid,
            started=found.started if found else 0,
            mark=mark,
            phone=wanted.phone,
        )

    def _keep(self, place: Place, mark: str) -> int:
        server = [str(self.tools.server.program), "-D", "-f", str(place.config), "-E", str(place.server_log)]
        command = [sys.executable, "-P", "-m", "harness.emulator.keeper", *self._keeper_options(place), "--", *server]
        environment = {name: os.environ[name] for name in _ENVIRONMENT if name in os.environ} | {MARKER: mark}
        if self.tools.server.library_path:
            environment["LD_LIBRARY_PATH"] = self.tools.server.library_path
        with place.keeper_log.open("w") as log:
            return subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL if self.leash is None else self.leash,
                stdout=log,
                stderr=log,
                env=environment,
                cwd="/",
                start_new_session=True,
            ).pid

    def _keeper_options(self, place: Place) -> list[str]:
        options = ["--name", self.who.name, "--uid", str(self.who.uid), "--gid", str(self.who.gid)]
        options += ["--passwd", str(place.server_passwd), "--group", str(place.group)]
        options += ["--enclosed"] if self.who.enclosed else []
        return options + ([] if self.leash is None else ["--leash"])


def _lay_out(place: Place, who: Account, inside: Account, name: str) -> None:
    """Make the board's folder; home, host key and port stay from the last time, the rest is new."""
    place.home.mkdir(parents=True, exist_ok=True, mode=0o700)
    for folder in (*place.fleeting.values(), place.proot_folder):
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(mode=0o700, exist_ok=True)
    system_files = {
        place.passwd: inside.passwd,
        place.server_passwd: who.server_passwd,
        place.group: inside.group,
        place.hosts: f"127.0.0.1 localhost {name}\n",
        place.hostname: f"{name}\n",
    }
    for path, text in system_files.items():
        path.unlink(missing_ok=True)
        path.write_text(text)
        path.chmod(0o444)  # on a board they are root's
    place.server_log.unlink(missing_ok=True)


def _port(place: Place, taken: Collection[int]) -> int:
    """Return the port that the board had before if it is free, else another."""
    with contextlib.suppress(OSError, ValueError):
        last = int(place.port.read_text())
        if last not in taken and _free_port(last):
            return last
    port = next(port for port in iter(lambda: _free_port(0), None) if port and port not in taken)
    place.port.write_text(f"{port}\n")
    return port


def _free_port(wanted: int) -> int:
    """Return `wanted`, or any port for 0, if nobody listens there; else 0."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # as the server does: old connections may linger
        try:
            probe.bind((ADDRESS, wanted))
        except OSError:
            return 0
        port: int = probe.getsockname()[1]
        return port
