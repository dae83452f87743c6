"""How the agent comes to the device: one command, one question, and the agent's bytes if they are not there.

The command is a short Python program that needs neither sftp nor a shell beyond the login shell that ssh
starts. It says whether the agent of this content is already in the store, takes the bytes if not, checks
their sha256, and replaces itself by the agent.
"""

import base64
import hashlib
import io
import shlex
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from importlib import resources

MARK = b"\nFARM-BOOT "
"""Stands before each word of the bootstrap; what a noisy login shell printed before it is skipped."""

_STAGE0 = """
import sys
def say(word):
    sys.stdout.write("\\nFARM-BOOT %s\\n" % word); sys.stdout.flush()
if sys.version_info < (3, 8):
    say("old %d.%d" % sys.version_info[:2]); sys.exit(0)
import os, hashlib
os.umask(0o077)
work, digest, size = os.path.abspath(os.path.expanduser(sys.argv[1])), sys.argv[2], int(sys.argv[3])
path = os.path.join(work, "store", digest)
def good(data):
    return hashlib.sha256(data).hexdigest() == digest
try:
    for folder in (work, os.path.dirname(path)):
        os.makedirs(folder, mode=0o700, exist_ok=True)
        found = os.stat(folder)
        if found.st_uid != os.geteuid() or found.st_mode & 0o022:
            say("unsafe %s" % folder); sys.exit(0)
    have = False
    if os.path.isfile(path):
        with open(path, "rb") as old:
            have = good(old.read())
    say("have" if have else "need")
    if not have:
        data = b""
        while len(data) < size:
            part = os.read(0, size - len(data))
            if not part:
                sys.exit(0)
            data += part
        if not good(data):
            say("corrupt"); sys.exit(0)
        new = "%s.%d" % (path, os.getpid())
        with open(new, "wb") as out:
            out.write(data); out.flush(); os.fsync(out.fileno())
        os.replace(new, path)
except OSError as error:
    say("oserror %d %s" % (error.errno or 0, error)); sys.exit(0)
os.execv(sys.executable, [sys.executable, "-B", path, work])
"""

_MAIN = "from harness.agent.main import main\n\nmain()\n"
_EPOCH = (1980, 1, 1, 0, 0, 0)


@dataclass(frozen=True, slots=True)
class AgentArchive:
    """The agent as one zip file that Python can run; the same sources give the same bytes."""

    data: bytes

    @property
    def digest(self) -> str:
        """sha256 of the file, hexadecimal."""
        return hashlib.sha256(self.data).hexdigest()


def agent_archive() -> AgentArchive:
    """Pack `harness.agent` into a zip file that runs by itself."""
    package = resources.files("harness.agent")
    sources = {
        f"harness/agent/{entry.name}": entry.read_bytes() for entry in package.iterdir() if entry.name.endswith(".py")
    }
    members = {"__main__.py": _MAIN.encode(), "harness/__init__.py": b"", **sources}
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in sorted(members):
            archive.writestr(zipfile.ZipInfo(name, _EPOCH), members[name], zipfile.ZIP_DEFLATED)
    return AgentArchive(buffer.getvalue())


def command(archive: AgentArchive, *, launcher: Sequence[str], python: str, workdir: str) -> str:
    """Return the command line to run on the device, every word quoted for its login shell."""
    # In base64, since csh and some launchers break words that hold a newline.
    code = f"exec(__import__('base64').b64decode('{base64.b64encode(_STAGE0.encode()).decode()}'))"
    words = [*launcher, python, "-c", code, workdir, archive.digest, str(len(archive.data))]
    return shlex.join(words)
