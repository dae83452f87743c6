"""The script by which every session of a board is taken into its userland."""

import shlex
from pathlib import Path

from harness.emulator.enclosure import Account
from harness.emulator.layout import Place
from harness.emulator.processes import MARKER
from harness.emulator.tools import Tools

_PATH = "/usr/local/bin:/usr/bin:/bin"

# Not all of /dev: the board's account is the host's own, which may be allowed to write to disks there.
_DEVICES = ("null", "zero", "full", "random", "urandom", "tty", "ptmx", "pts")

_SCRIPT = """\
#!/bin/sh
# A session of an emulated board: SSH's command, or a shell, inside the userland, with no variable of the host's.
if [ -n "$SSH_ORIGINAL_COMMAND" ]; then
    set -- -c "unset {private}
$SSH_ORIGINAL_COMMAND"
else
    set -- -l
fi
exec env -i {environment} TERM="${{TERM:-dumb}}" SSH_CONNECTION="$SSH_CONNECTION" \\
    {proot} /bin/sh "$@"
"""


def entrance(tools: Tools, place: Place, who: Account, model: str, mark: str) -> str:
    """Return the script for a board whose CPU QEMU calls `model` and whose processes carry `mark`."""
    private = {"PROOT_TMP_DIR": str(place.proot_folder)}
    environment = {
        "PATH": _PATH,
        "HOME": who.home,
        "USER": who.name,
        "LOGNAME": who.name,
        "SHELL": "/bin/sh",
        "LANG": "C.UTF-8",
        "TMPDIR": "/tmp",  # noqa: S108 (the board's own)
        MARKER: mark,
        **private,
    }
    return _SCRIPT.format(
        private=" ".join(private),
        environment=" ".join(f"{name}={shlex.quote(value)}" for name, value in environment.items()),
        proot=shlex.join(proot(tools, place, who, model)),
    )


def proot(tools: Tools, place: Place, who: Account, model: str) -> list[str]:
    """Return the words that enter the userland; a command follows."""
    # Never -R: it would bind the host's home, /tmp and accounts, and all boards would share one home.
    words = [tools.proot, "-q", f"{tools.qemu} -cpu {model}", "-r", str(tools.userland), "-w", who.home]
    for inside, outside in _bindings(place, who).items():
        words += ["-b", f"{outside}:{inside}"]
    return words


def _bindings(place: Place, who: Account) -> dict[str, Path]:
    return {
        **{f"/dev/{name}": Path("/dev", name) for name in _DEVICES},
        "/proc": Path("/proc"),
        "/dev/fd": Path("/proc/self/fd"),
        **place.fleeting,
        who.home: place.home,
        "/etc/passwd": place.passwd,
        "/etc/group": place.group,
        "/etc/hosts": place.hosts,
        "/etc/hostname": place.hostname,
    }
