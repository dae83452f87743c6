"""The wheels a device needs: resolved for its platform, Python and engine version, verified by hash.

The device itself has no pip and perhaps no internet. Which files are right stands in `locks/`, one file an
engine version and Python, with hashes; pip fetches them here, once, into the cache.
"""

import hashlib
import json
import os
import re
import subprocess
import sys
import tempfile
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib import resources
from importlib.resources.abc import Traversable
from pathlib import Path

from harness.errors import Code, DeviceError, FarmError

MACHINES = ("aarch64", "x86_64")
_OLDEST_GLIBC_MINOR = 17
_GLIBC_VERSION = re.compile(r"2\.([0-9]{1,3})(\.[0-9]+)?")
_LOCK = re.compile(r"mnn-([0-9.]+)-(cp3[0-9]{1,2})\.txt")
_PIP_DEADLINE_S = 900


@dataclass(frozen=True, slots=True)
class Platform:
    """What decides which wheels fit: as the agent's facts report it."""

    machine: str
    bits: int
    libc: str
    libc_version: str
    python_tag: str

    @classmethod
    def of(cls, facts: Mapping[str, object]) -> "Platform":
        """Read a platform from an agent's facts; what is missing is empty and fits nothing."""
        bits = facts.get("bits")
        return cls(
            machine=str(facts.get("machine", ""))[:50],
            bits=bits if isinstance(bits, int) else 0,
            libc=str(facts.get("libc", ""))[:50],
            libc_version=str(facts.get("libc_version", ""))[:50],
            python_tag=str(facts.get("python_tag", ""))[:50],
        )

    @property
    def pip_tags(self) -> tuple[str, ...]:
        """The platform tags that pip may take, newest first (PEP 600)."""
        minor = int(self.libc_version.split(".")[1])
        modern = [f"manylinux_2_{n}_{self.machine}" for n in range(minor, _OLDEST_GLIBC_MINOR - 1, -1)]
        return (*modern, f"manylinux2014_{self.machine}")


@dataclass(frozen=True, slots=True)
class Wheel:
    """A wheel in the cache."""

    name: str
    path: Path
    digest: str


class WheelHouse:
    """Fetches wheels into `root`, once for each platform, Python and engine; safe for many lanes at once."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._lock = threading.Lock()

    def resolve(self, platform: Platform, engine: str) -> tuple[Wheel, ...]:
        """Return the wheels of MNN `engine` and what it needs, for `platform`.

        Raises:
            DeviceError: no-wheel, with the reason.
            FarmError: machine-not-ready, pip could not fetch them.
        """
        lock = lock_text(platform, engine)
        tags = "\n".join(platform.pip_tags)
        key = hashlib.sha256(f"{lock}\n{tags}".encode()).hexdigest()[:16]
        folder = self._root / f"mnn-{engine}-{platform.python_tag}-{platform.machine}-{key}"
        with self._lock:
            if not (folder / "index.json").is_file():
                _fetch(folder, lock, platform)
            return _indexed(folder)


def lock_text(platform: Platform, engine: str) -> str:
    """Return the lock file for a platform and an engine.

    Raises:
        DeviceError: no-wheel, with the reason.
    """
    if platform.machine not in MACHINES:
        raise DeviceError(Code.NO_WHEEL, f"MNN has no wheel for {platform.machine or 'an unknown machine'}.")
    if platform.bits != 64:
        raise DeviceError(Code.NO_WHEEL, f"The userland is {platform.bits}-bit; MNN has 64-bit wheels only.")
    if platform.libc != "glibc":
        raise DeviceError(
            Code.NO_WHEEL, f"The C library is {platform.libc or 'unknown'}, and MNN's wheels need glibc."
        )
    version = _GLIBC_VERSION.fullmatch(platform.libc_version)
    if version is None or int(version[1]) < _OLDEST_GLIBC_MINOR:
        raise DeviceError(
            Code.NO_WHEEL,
            f"The C library is glibc {platform.libc_version or 'of unknown version'}, and MNN's wheels need "
            f"2.{_OLDEST_GLIBC_MINOR} or newer.",
        )
    text = _locks().get((engine, platform.python_tag))
    if text is None:
        raise _no_lock(engine, platform.python_tag)
    return text.read_text(encoding="utf-8")


def _locks() -> dict[tuple[str, str], Traversable]:
    """Return the lock files by engine version and Python tag."""
    files = (resources.files("harness.fleet") / "locks").iterdir()
    return {(found[1], found[2]): file for file in files if (found := _LOCK.fullmatch(file.name))}


def _no_lock(engine: str, tag: str) -> DeviceError:
    locked = sorted(_locks(), key=lambda lock: [int(n) for n in (*lock[0].split("."), lock[1][3:])])
    versions = [version for version, python in locked if python == tag]
    pythons = [_dotted(python) for version, python in locked if version == engine]
    ways = [f"ask for MNN {_either(versions)} in `engines:`"] if versions else []
    ways += [f"give the device Python {_either(pythons)} and name it in `python:`"] if pythons else []
    ways = ways or [f"ask for MNN {_either(list(dict.fromkeys(version for version, _ in locked)))} in `engines:`"]
    advice = ", or ".join(ways)
    return DeviceError(
        Code.NO_WHEEL,
        f"MNN {engine} has no wheel for Python {tag or 'of unknown kind'} in the farm's locks.",
        f"{advice[0].upper()}{advice[1:]}.",
    )


def _either(names: Sequence[str]) -> str:
    return " or ".join(filter(None, (", ".join(names[:-1]), names[-1])))


def _fetch(folder: Path, lock: str, platform: Platform) -> None:
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder.parent, prefix=".fetch-") as work:
        requirements = Path(work) / "lock.txt"
        requirements.write_text(lock, encoding="utf-8")
        target = Path(work) / "wheels"
        command = [sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check"]
        command += ["--no-deps", "--require-hashes", "--only-binary", ":all:", "-d", str(target)]
        command += ["--python-version", _dotted(platform.python_tag), "--implementation", "cp"]
        for tag in platform.pip_tags:
            command += ["--platform", tag]
        _run_pip([*command, "-r", str(requirements)])
        index = {file.name: _sha256(file) for file in sorted(target.glob("*.whl"))}
        (target / "index.json").write_text(json.dumps(index), encoding="utf-8")
        try:
            target.rename(folder)
        except OSError:
            # Another process was quicker; what it fetched is the same.
            if not (folder / "index.json").is_file():
                raise


def _run_pip(command: list[str]) -> None:
    try:
        subprocess.run(
            command, check=True, capture_output=True, text=True, timeout=_PIP_DEADLINE_S, env=dict(os.environ)
        )
    except subprocess.CalledProcessError as error:
        lines = [line for line in error.stderr.splitlines() if not line.startswith("WARNING")]
        raise FarmError(
            Code.MACHINE_NOT_READY,
            f"pip could not fetch the device's wheels: {' '.join(lines[-3:])}",
            "Check this machine's access to its package index, then run again.",
        ) from error
    except subprocess.TimeoutExpired as error:
        raise FarmError(
            Code.MACHINE_NOT_READY, f"pip did not fetch the device's wheels within {_PIP_DEADLINE_S} s."
        ) from error


def _indexed(folder: Path) -> tuple[Wheel, ...]:
    try:
        index: dict[str, str] = json.loads((folder / "index.json").read_text(encoding="utf-8"))
        wheels = tuple(Wheel(name, folder / name, digest) for name, digest in index.items())
    except (ValueError, AttributeError) as error:
        raise _damaged(folder / "index.json") from error
    for wheel in wheels:
        if not wheel.path.is_file() or _sha256(wheel.path) != wheel.digest:
            raise _damaged(wheel.path)
    return wheels


def _damaged(path: Path) -> FarmError:
    return FarmError(Code.STORE_CORRUPT, f"{path} is damaged.", f"Remove the folder {path.parent} and run again.")


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _dotted(tag: str) -> str:
    digits = tag.removeprefix("cp")
    return f"{digits[0]}.{digits[1:]}"
