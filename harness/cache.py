"""Where the farm keeps what it need not make twice."""

import os
from pathlib import Path

import platformdirs

from harness.errors import Code, InputError
from harness.ours import who_else_writes


def cache_root() -> Path:
    """Return the cache folder: `$FARM_CACHE`, or the user's cache folder for precision-farm.

    Raises:
        InputError: (machine-not-ready) others could put models, references and wheels of theirs in there.
    """
    named = os.environ.get("FARM_CACHE")
    root = Path(named).expanduser() if named else platformdirs.user_cache_path("precision-farm")
    try:
        others = who_else_writes(root)
    except OSError as error:
        raise InputError(Code.MACHINE_NOT_READY, f"The cache {root} cannot be used: {error}.", _ADVICE) from error
    if others:
        raise InputError(Code.MACHINE_NOT_READY, f"The cache cannot be trusted: {others}.", _ADVICE)
    return root


_ADVICE = (
    "Name a folder of your own in FARM_CACHE. If you trust what is in this one: make it yours, chmod -R go-w it."
)
