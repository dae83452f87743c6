"""A bastion: a second OpenSSH server, which forwards connections and has no shell."""

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from harness.cache import cache_root
from harness.emulator.enclosure import account
from harness.emulator.keys import ensure_key
from harness.emulator.processes import MARKER
from harness.emulator.tools import find_tools

_CONFIG = """\
ListenAddress 127.0.0.1:{port}
HostKey {host_key}
PidFile none
AuthorizedKeysFile {authorized}
AuthenticationMethods publickey
UsePAM no
StrictModes no
AllowTcpForwarding local
PermitTTY no
ForceCommand /bin/false
LogLevel VERBOSE
"""


@dataclass(frozen=True)
class Bastion:
    """A running bastion; `host_key` is its public key as `type base64`."""

    port: int
    user: str
    host_key: str
    log: Path

    @property
    def known_hosts_line(self) -> str:
        return f"[127.0.0.1]:{self.port} {self.host_key}\n"

    def entered(self) -> int:
        """Return how many connections it let in, by its log."""
        return self.log.read_text(errors="replace").count("Accepted publickey")


def key_pair(folder: Path, kind: str, passphrase: str = "") -> Path:
    """Make a key pair with ssh-keygen; return the private half."""
    path = folder / f"id_{kind}{'_locked' if passphrase else ''}"
    size = ["-b", "3072"] if kind == "rsa" else []
    subprocess.run(["ssh-keygen", "-q", "-t", kind, *size, "-N", passphrase, "-f", str(path)], check=True)
    return path


@contextmanager
def bastion(folder: Path, keys: Sequence[Path]) -> Iterator[Bastion]:
    """Run a bastion that lets these keys in; it ends with the test process, however that ends."""
    tools, who = find_tools(cache_root()), account()
    folder.mkdir(parents=True)
    host_key = ensure_key(tools.keygen, folder / "host_key", "bastion")
    (folder / "authorized").write_text("".join(Path(f"{key}.pub").read_text() for key in keys))
    (folder / "passwd").write_text(who.server_passwd)
    (folder / "group").write_text(who.group)
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    config, log = folder / "sshd_config", folder / "sshd.log"
    text = _CONFIG.format(port=port, host_key=folder / "host_key", authorized=folder / "authorized")
    for option, name in {"SshdSessionPath": "sshd-session", "SshdAuthPath": "sshd-auth"}.items():
        text += f"{option} {path}\n" if (path := tools.server.helper(name)) else ""
    config.write_text(text)
    server = [str(tools.server.program), "-D", "-f", str(config), "-E", str(log)]
    keeper = [sys.executable, "-P", "-m", "harness.emulator.keeper", "--name", who.name, "--uid", str(who.uid)]
    keeper += ["--gid", str(who.gid), "--passwd", str(folder / "passwd"), "--group", str(folder / "group"), "--leash"]
    environment = {**os.environ, MARKER: f"bastion-{port}"}
    if tools.server.library_path:
        environment["LD_LIBRARY_PATH"] = tools.server.library_path
    kept, held = os.pipe()
    process = subprocess.Popen(
        [*keeper, *(["--enclosed"] if who.enclosed else []), "--", *server], stdin=kept, env=environment
    )
    try:
        _wait_for(port)
        yield Bastion(port, who.name, host_key, log)
    finally:
        os.close(held)
        os.close(kept)
        process.wait(timeout=30)


def _wait_for(port: int) -> None:
    until = time.monotonic() + 30
    while time.monotonic() < until:
        try:
            with socket.create_connection(("127.0.0.1", port), timeout=5) as connection:
                if connection.recv(4) == b"SSH-":
                    return
        except OSError:
            time.sleep(0.05)
    raise AssertionError("the bastion does not answer")
