"""Where the farm keeps what it need not make twice."""

import os
from pathlib import Path

import platformdirs


def cache_root() -> Path:
    """Return the cache folder: `$FARM_CACHE`, or the user's cache folder for precision-farm."""
    named = os.environ.get("FARM_CACHE")
    return Path(named).expanduser() if named else platformdirs.user_cache_path("precision-farm")
