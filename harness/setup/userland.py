"""The arm64 userland that boards run: Debian, unpacked without root."""

import hashlib
import os
import shutil
import stat
from contextlib import suppress
from pathlib import Path

from harness.setup.mirror import debian_mirror
from harness.setup.saying import SetupError, run, step

SUITE = "bookworm"
PACKAGES = (
    "base-files",
    "bash",
    "coreutils",
    "dash",
    "findutils",
    "grep",
    "gzip",
    "hostname",
    "libc-bin",
    "libgomp1",
    "libstdc++6",
    "openssh-sftp-server",
    "procps",
    "python3",
    "sed",
    "tar",
    "util-linux",
)
_RECIPE = "2"  # raise it when the way in which the userland is made changes
_UNFINISHED = ".building-"


def userland_path(cache: Path) -> Path:
    """Return where the userland of this recipe stands, or will."""
    recipe = "\n".join((_RECIPE, SUITE, *PACKAGES))
    return cache / "userland" / f"{SUITE}-{hashlib.sha256(recipe.encode()).hexdigest()[:12]}"


def build_userland(cache: Path) -> None:
    """Make the userland unless it is there; it appears whole or not at all.

    Raises:
        SetupError: the packages could not be fetched or do not run.
    """
    final = userland_path(cache)
    if final.is_dir():
        return
    final.parent.mkdir(parents=True, exist_ok=True)
    for leftover in final.parent.glob(f"{_UNFINISHED}*"):
        remove_tree(leftover)
    building = final.parent / f"{_UNFINISHED}{os.getpid()}"
    with step(f"Unpacking the boards' arm64 userland ({SUITE}) into {final}"):
        run(command(building, debian_mirror()))
        _try_out(building)
        _protect(building)
        building.rename(final)


def command(target: Path, mirror: str | None) -> list[str]:
    """Return the command that unpacks the userland."""
    words = ["mmdebstrap", "--mode=chrootless", "--variant=extract", "--architectures=arm64"]
    return [*words, f"--include={','.join(PACKAGES)}", SUITE, str(target), *([mirror] if mirror else [])]


def remove_tree(tree: Path) -> None:
    """Remove a tree that may be write-protected."""
    for folder, _, _ in os.walk(tree):
        with suppress(OSError):
            Path(folder).chmod(stat.S_IRWXU)
    shutil.rmtree(tree)


def _try_out(tree: Path) -> None:
    qemu = shutil.which("qemu-aarch64-static") or shutil.which("qemu-aarch64") or "qemu-aarch64-static"
    python = tree / "usr" / "bin" / "python3"
    try:
        run([qemu, "-L", str(tree), str(python), "-I", "-c", "import ctypes, hashlib, socket"])
    except SetupError as error:
        remove_tree(tree)
        raise SetupError(f"The arm64 userland was unpacked, but does not run. {error}") from error


def _protect(tree: Path) -> None:
    """Take the right to write from everything: all boards share the tree, and none may change it for the others."""
    for folder, _, files in os.walk(tree):
        for path in (Path(folder), *(Path(folder, name) for name in files)):
            if not path.is_symlink():
                path.chmod(stat.S_IMODE(path.stat().st_mode) & 0o555)
