"""Unpacking OpenSSH's server and what it needs, without installing it and without root."""

import re
import shutil
import subprocess
import tempfile
from pathlib import Path

from harness.setup.apt import privilege, the_command
from harness.setup.saying import SetupError, output_of, run, step
from harness.setup.sshd import PROGRAM, SshServer, find_server, unpacked_root

_SERVER = "openssh-server"
_FRESH_PACKAGE = re.compile(r"^Inst (\S+) \(", re.MULTILINE)


def unpack_server(cache: Path) -> None:
    """Fetch and unpack OpenSSH's server unless the machine or the cache has one.

    Raises:
        SetupError: it could not be fetched, or does not start.
    """
    if find_server(cache):
        return
    final = unpacked_root(cache)
    final.parent.mkdir(parents=True, exist_ok=True)
    with (
        step(f"Unpacking {_SERVER} into {final} (it is not installed: no daemon is started)"),
        tempfile.TemporaryDirectory(dir=final.parent, prefix=".building-") as folder,
    ):
        tree = Path(folder) / "tree"
        for package in _packages():
            _unpack(package, Path(folder), tree)
        _try_out(SshServer(tree / PROGRAM, tree))
        shutil.rmtree(final, ignore_errors=True)
        tree.rename(final)


def fresh_packages(simulation: str) -> tuple[str, ...]:
    """Return what apt would install anew, from what it says when it only simulates."""
    return tuple(_FRESH_PACKAGE.findall(simulation))


def _packages() -> tuple[str, ...]:
    try:
        simulation = output_of(["apt-get", "install", "--simulate", "--no-install-recommends", _SERVER])
    except SetupError as error:
        hint = "" if privilege() is not None else f"\nIf apt does not know it, run: {the_command(())}"
        raise SetupError(f"{error}{hint}") from error
    # Its libraries that this machine lacks, but no package that would set something up.
    return (_SERVER, *(name for name in fresh_packages(simulation) if name.startswith("lib")))


def _unpack(package: str, folder: Path, tree: Path) -> None:
    # apt-get downloads to where it is.
    run(["env", "-C", str(folder), "apt-get", "download", "-o", "APT::Sandbox::User=root", package])
    for archive in folder.glob("*.deb"):
        run(["dpkg-deb", "--extract", str(archive), str(tree)])
        archive.unlink()


def _try_out(server: SshServer) -> None:
    libraries = {"LD_LIBRARY_PATH": server.library_path} if server.library_path else {}
    loaded = subprocess.run(
        [str(server.program), "-V"],
        env=libraries,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    # Older servers do not know -V, and name their version in the complaint.
    if "OpenSSH_" not in loaded.stderr:
        raise SetupError(f"The unpacked {_SERVER} does not start: {loaded.stderr.strip()}")
