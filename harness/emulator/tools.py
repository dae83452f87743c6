"""The programs that boards are made of, as this machine has them."""

import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from harness.emulator.cpus import Cpu
from harness.errors import Code, InputError
from harness.setup.sshd import SshServer, find_server
from harness.setup.userland import userland_path

_DEADLINE_S = 30.0


@dataclass(frozen=True, slots=True)
class Tools:
    """What a board needs of the machine; `busybox` only if it is a phone."""

    server: SshServer
    server_version: tuple[int, int]
    userland: Path
    proot: str
    qemu: str
    qemu_version: str
    ssh: str
    keygen: str
    busybox: str | None


def find_tools(cache: Path) -> Tools:
    """Find everything that boards need.

    Raises:
        InputError: machine-not-ready, with all that is missing.
    """
    paths = {name: shutil.which(name) for name in ("proot", "ssh", "ssh-keygen")}
    # Newer distributions call the static one qemu-aarch64.
    paths["qemu-user-static"] = shutil.which("qemu-aarch64-static") or shutil.which("qemu-aarch64")
    server, userland = find_server(cache), userland_path(cache)
    missing = [name for name, path in paths.items() if path is None]
    missing += [] if server else ["sshd"]
    missing += [] if userland.is_dir() else [f"the arm64 userland ({userland})"]
    if missing or server is None:
        raise InputError(Code.MACHINE_NOT_READY, f"Emulated boards need what is missing here: {', '.join(missing)}.")
    return Tools(
        server=server,
        server_version=_server_version(server),
        userland=userland,
        proot=str(paths["proot"]),
        qemu=str(paths["qemu-user-static"]),
        qemu_version=_qemu_version(str(paths["qemu-user-static"])),
        ssh=str(paths["ssh"]),
        keygen=str(paths["ssh-keygen"]),
        busybox=shutil.which("busybox"),
    )


def qemu_model(tools: Tools, cpu: Cpu) -> str:
    """Return the first of the CPU's models that this QEMU knows.

    Raises:
        InputError: machine-not-ready, with what QEMU said.
    """
    said = ""
    for model in cpu.models:
        program = tools.userland / "bin" / "true"
        tried = _run([tools.qemu, "-cpu", model, "-L", str(tools.userland), str(program)])
        if tried.returncode == 0:
            return model
        said = tried.stderr.strip()
    raise InputError(
        Code.MACHINE_NOT_READY,
        f"QEMU {tools.qemu_version} cannot be a {cpu.name}: {said}",
        "Use a newer qemu-user-static, or other CPUs (`--cpu`).",
    )


def _server_version(server: SshServer) -> tuple[int, int]:
    # Older servers do not know -V, and name their version in the complaint.
    said = _run([str(server.program), "-V"], library_path=server.library_path).stderr
    found = re.search(r"OpenSSH_(\d+)\.(\d+)", said)
    if not found:
        raise InputError(
            Code.MACHINE_NOT_READY,
            f"{server.program} does not start: {said.strip()}",
            "Remove it if it is under the cache folder, and run `make setup` again.",
        )
    return int(found[1]), int(found[2])


def _qemu_version(qemu: str) -> str:
    found = re.search(r"version (\S+)", _run([qemu, "--version"]).stdout)
    return found[1] if found else "of unknown version"


def _run(command: list[str], library_path: str = "") -> subprocess.CompletedProcess[str]:
    environment = {"PATH": "/usr/bin:/bin", "LC_ALL": "C"} | (
        {"LD_LIBRARY_PATH": library_path} if library_path else {}
    )
    try:
        return subprocess.run(
            command, capture_output=True, text=True, timeout=_DEADLINE_S, env=environment, check=False
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise InputError(Code.MACHINE_NOT_READY, f"{command[0]} does not run: {error}") from error
