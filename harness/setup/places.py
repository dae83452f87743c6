"""Where set-up keeps what it makes."""

import os
import platform
from pathlib import Path

NAME = "precision-farm"


def cache_root() -> Path:
    """Return the cache folder; the same as `harness.cache.cache_root`, which needs platformdirs."""
    named = os.environ.get("FARM_CACHE")
    if named:
        return Path(named).expanduser().absolute()
    base = os.environ.get("XDG_CACHE_HOME", "").strip()
    return (Path(base) if base else Path.home() / ".cache") / NAME


def release() -> str:
    """Return the host's distribution and version, such as `debian-12`; programs of one may not run on another."""
    try:
        described = platform.freedesktop_os_release()
    except OSError:
        return "unknown"
    return f"{described.get('ID', 'unknown')}-{described.get('VERSION_ID', 'rolling')}"
