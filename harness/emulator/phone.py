"""What makes a board a phone: sessions land in a bare userland, and Python lives in another, behind a launcher.

It stands for Termux with proot-distro. The outer userland is busybox and nothing else: no Python, no bash, no
sha256sum, no flock. The inner one is the boards' Debian, in which one is root, and /proc tells little.
"""

import shlex
from pathlib import Path

from harness.emulator.enclosure import Account
from harness.emulator.entrance import proot
from harness.emulator.layout import Place
from harness.emulator.processes import MARKER
from harness.emulator.tools import Tools
from harness.errors import Code, InputError

LAUNCHER = ("proot-distro", "login", "debian", "--")
ROOT = Account("root", 0, 0, enclosed=True)
"""Whom one is inside; proot makes the kernel's answers look so."""

_APPLETS = ("cat", "cp", "echo", "env", "false", "grep", "head", "id", "kill", "ls", "mkdir", "mv", "printf", "ps")
_MORE_APPLETS = ("pwd", "rm", "sed", "sh", "sleep", "tail", "test", "true", "wc", "whoami")
_HIDDEN = ("/proc/stat", "/proc/loadavg", "/proc/uptime", "/proc/version", "/proc/vmstat")
"""What Android lets no application read."""

_OUTER = """\
#!{busybox} sh
# A session of an emulated phone: SSH's command, or a shell, with busybox and nothing else.
if [ -n "$SSH_ORIGINAL_COMMAND" ]; then
    set -- -c "$SSH_ORIGINAL_COMMAND"
else
    set -- -l
fi
cd {home} && exec {busybox} env -i {environment} TERM="${{TERM:-dumb}}" SSH_CONNECTION="$SSH_CONNECTION" \\
    {busybox} sh "$@"
"""
_LAUNCHER = """\
#!{busybox} sh
# Stands for proot-distro.
if [ "$1" != login ] || [ "$2" != debian ]; then
    echo "this phone knows only: proot-distro login debian [-- COMMAND ...]" >&2
    exit 1
fi
shift 2
[ "$1" != -- ] || shift
[ $# -gt 0 ] || set -- /bin/sh -l
exec {busybox} env -i {environment} TERM="${{TERM:-dumb}}" {proot} /bin/sh -c 'unset PROOT_TMP_DIR; exec "$@"' sh "$@"
"""
_UNAME = """\
#!{busybox} sh
# The kernel is the host's; a phone's says aarch64.
case "$*" in *m*) echo aarch64 ;; *) echo Linux ;; esac
"""


def busybox(tools: Tools) -> str:
    """Return where busybox is.

    Raises:
        InputError: machine-not-ready.
    """
    if tools.busybox is None:
        raise InputError(Code.MACHINE_NOT_READY, "Emulated phones need busybox, which is missing here.")
    return tools.busybox


def furnish(tools: Tools, place: Place, model: str, mark: str) -> str:
    """Lay out the outer userland of a phone; return the script by which its sessions begin."""
    program, termux = busybox(tools), place.termux
    programs, home = termux / "usr" / "bin", termux / "home"
    for folder in (programs, home, termux / "usr" / "tmp"):
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    for applet in (*_APPLETS, *_MORE_APPLETS):
        link = programs / applet
        link.unlink(missing_ok=True)
        link.symlink_to(program)
    inner = {"PATH": "/usr/local/bin:/usr/bin:/bin", "HOME": ROOT.home, "USER": "root", "LANG": "C.UTF-8"}
    inner |= {"TMPDIR": "/tmp", MARKER: mark, "PROOT_TMP_DIR": str(place.proot_folder)}  # noqa: S108 (the phone's)
    hidden = [word for path in _HIDDEN for word in ("-b", f"/dev/null:{path}")]
    into = shlex.join([*proot(tools, place, ROOT, model), "-0", *hidden])
    launcher = _LAUNCHER.format(busybox=program, environment=_words(inner), proot=into)
    _script(programs / LAUNCHER[0], launcher)
    _script(programs / "uname", _UNAME.format(busybox=program))
    outer = {"PATH": str(programs), "HOME": str(home), "PREFIX": str(termux / "usr")}
    outer |= {"TMPDIR": str(termux / "usr" / "tmp"), MARKER: mark}
    return _OUTER.format(busybox=program, home=shlex.quote(str(home)), environment=_words(outer))


def _words(environment: dict[str, str]) -> str:
    return " ".join(f"{name}={shlex.quote(value)}" for name, value in environment.items())


def _script(path: Path, text: str) -> None:
    path.unlink(missing_ok=True)
    path.write_text(text)
    path.chmod(0o700)
