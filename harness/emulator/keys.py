"""Keys of boards and of those who use them."""

import subprocess
from pathlib import Path

from harness.errors import Code, InputError

_DEADLINE_S = 30.0


def ensure_key(keygen: str, private: Path, comment: str) -> str:
    """Make an ed25519 key pair unless it is there; return the public half as `type base64`.

    Raises:
        InputError: machine-not-ready, ssh-keygen failed.
    """
    public = private.with_suffix(".pub")
    if not (private.exists() and public.exists()):
        private.unlink(missing_ok=True)
        command = [keygen, "-q", "-t", "ed25519", "-N", "", "-C", comment, "-f", str(private)]
        done = subprocess.run(command, capture_output=True, text=True, timeout=_DEADLINE_S, check=False)
        if done.returncode:
            raise InputError(Code.MACHINE_NOT_READY, f"ssh-keygen failed: {done.stderr.strip()}")
    return " ".join(public.read_text().split()[:2])
