"""Installing system packages: as root, through sudo, or by telling the user the one command."""

import os
import shlex
import shutil
import subprocess
import time
from collections.abc import Sequence
from pathlib import Path

from harness.setup.needs import Need
from harness.setup.saying import SetupError, run, say, step

_LISTS = Path("/var/lib/apt/lists")
_OLD_S = 24 * 3600
_ENVIRONMENT = {"DEBIAN_FRONTEND": "noninteractive"}


def install(needs: Sequence[Need]) -> None:
    """Install the packages of these needs and nothing that is merely recommended.

    Raises:
        SetupError: there is no apt, no right to use it, or it failed.
    """
    if not needs:
        return
    packages = tuple(need.package for need in needs)
    for need in needs:
        say(f"missing: {need.package} ({need.what_for})")
    prefix = privilege()
    if prefix is None:
        raise SetupError(
            "Only root can install them, and sudo is not here or asks for a password. "
            f"Run this, then try again:\n\n    {the_command(packages)}\n"
        )
    with step(f"Installing {len(packages)} system packages: {', '.join(packages)}"):
        _install(prefix, packages)


def privilege() -> tuple[str, ...] | None:
    """Return the words before a command that has to be run as root; None if there is no way without asking.

    Raises:
        SetupError: this is not a machine with apt.
    """
    if shutil.which("apt-get") is None:
        raise SetupError("There is no apt-get here. The farm sets itself up on Debian 12, Ubuntu 24.04, or newer.")
    if os.geteuid() == 0:
        return ()
    sudo = shutil.which("sudo")
    if sudo and subprocess.run([sudo, "-n", "true"], capture_output=True, check=False).returncode == 0:
        return (sudo, "-n", "env", *(f"{name}={value}" for name, value in _ENVIRONMENT.items()))
    return None


def the_command(packages: Sequence[str]) -> str:
    """Return the one command that installs packages, for a user to run."""
    words = "apt-get update"
    if packages:
        words += f" && apt-get install --yes --no-install-recommends {shlex.join(packages)}"
    return f"sudo sh -c '{words}'" if shutil.which("sudo") else f"su -c '{words}'"


def lists_are_fresh(lists: Path = _LISTS, now: float | None = None) -> bool:
    """Return whether apt knows what packages there are, and has looked within the last day."""
    if not any(lists.glob("*_Packages*")):
        return False
    # The files carry the mirror's dates; the folder that downloads go through carries ours.
    looked = max((folder.stat().st_mtime for folder in (lists, lists / "partial") if folder.exists()), default=0.0)
    return (time.time() if now is None else now) - looked < _OLD_S


def _install(prefix: Sequence[str], packages: Sequence[str]) -> None:
    updated = not lists_are_fresh()
    if updated:
        run([*prefix, "apt-get", "update"], _ENVIRONMENT)
    command = [*prefix, "apt-get", "install", "--yes", "--no-install-recommends", *packages]
    try:
        run(command, _ENVIRONMENT)
    except SetupError:
        if updated:
            raise
        # The mirror may have moved on since apt looked.
        run([*prefix, "apt-get", "update"], _ENVIRONMENT)
        run(command, _ENVIRONMENT)
