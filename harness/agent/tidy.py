"""Removing what an earlier agent left behind; only the holder of the lease may."""

import os


def leftovers(workdir: str) -> None:
    """Empty tmp/ and remove half-written objects and half-unpacked engines; what cannot be removed stays."""
    for folder in ("tmp", "store", "engines"):
        base = os.path.join(workdir, folder)
        for name in _names(base):
            if folder == "tmp" or name.endswith(".part"):
                _remove(os.path.join(base, name))


def _names(folder: str) -> "list[str]":
    try:
        return os.listdir(folder)
    except OSError:
        return []


def _remove(path: str) -> None:
    try:
        if os.path.isdir(path) and not os.path.islink(path):
            import shutil  # slow to import, and most agents find nothing to remove

            shutil.rmtree(path, ignore_errors=True)
        else:
            os.unlink(path)
    except OSError:
        pass
