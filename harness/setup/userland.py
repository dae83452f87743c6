"""The arm64 userland that boards run: Debian, unpacked without root."""

import hashlib
from pathlib import Path

SUITE = "bookworm"
PACKAGES = (
    "coreutils",
    "dash",
    "grep",
    "libgomp1",
    "libstdc++6",
    "openssh-sftp-server",
    "procps",
    "python3",
    "sed",
    "util-linux",
)
_RECIPE = "1"  # raise it when the way in which the userland is made changes


def userland_path(cache: Path) -> Path:
    """Return where the userland of this recipe stands, or will."""
    recipe = "\n".join((_RECIPE, SUITE, *PACKAGES))
    return cache / "userland" / f"{SUITE}-{hashlib.sha256(recipe.encode()).hexdigest()[:12]}"
