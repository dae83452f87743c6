"""The project's Python environments, made from locks with hashes."""

import hashlib
import json
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from harness.setup.saying import run, step

_STAMP = "farm-setup.json"
_PIP = ("-m", "pip", "--disable-pip-version-check", "--no-input")


@dataclass(frozen=True, slots=True)
class Environment:
    """A Python environment.

    Attributes:
        name: what it holds; the lock's name.
        folder: where it stands, below the project.
        first: requirements that are installed before the lock, without hashes: builds of torch differ from
            machine to machine.
        editable: the project itself is installed too, in place.
        serves: the names of the environments that this one can stand in for.
    """

    name: str
    folder: str
    first: tuple[str, ...] = ()
    editable: bool = True
    serves: tuple[str, ...] = ()

    def lock(self, project: Path) -> Path:
        """Return its lock."""
        return project / "lock" / f"{self.name}.txt"


RUN = Environment("run", ".venv", serves=("run",))
DEV = Environment("dev", ".venv", serves=("run", "dev"))
TIMM = Environment("timm", ".cache/venv-timm", first=("torch==2.13.0",), editable=False, serves=("timm",))

ENVIRONMENTS = {"run": RUN, "dev": DEV, "timm": TIMM, "train": TIMM}


def make_environment(project: Path, asked: Environment) -> None:
    """Make the environment, or bring it to what its lock says; quick where that is so already.

    Raises:
        SetupError: it could not be made.
    """
    folder = project / asked.folder
    there = _stamped(folder)
    if there and asked.name in there.serves and _stamp_text(project, there) == _read(folder):
        return
    # An environment that has more keeps it: `make farm-run` after `make test` does not take the tests' tools away.
    wanted = there if there and asked.name in there.serves else asked
    python = str(folder / "bin" / "python")
    if not _is_usable(folder):
        with step(f"Creating {asked.folder} with Python {sys.version.split()[0]}"):
            run([sys.executable, "-m", "venv", "--clear", str(folder)])
    count = wanted.lock(project).read_text().count("==")
    with step(f"Installing {count} Python packages (lock/{wanted.name}.txt)"):
        _install(python, project, wanted)
    (folder / _STAMP).write_text(_stamp_text(project, wanted))


def _install(python: str, project: Path, wanted: Environment) -> None:
    if wanted.first:
        _pip(python, "--no-deps", *wanted.first)
    _pip(python, "--no-deps", "--require-hashes", "-r", str(wanted.lock(project)))
    if wanted.editable:
        _pip(python, "--no-deps", "--no-build-isolation", "--editable", str(project))


def _pip(python: str, *words: str) -> None:
    bar = () if sys.stdout.isatty() else ("--quiet",)
    run([python, *_PIP, "install", *bar, *words], shown=sys.stdout.isatty())


def _is_usable(folder: Path) -> bool:
    """Return whether the environment is there and made with the Python that runs now."""
    version = f"python{sys.version_info.major}.{sys.version_info.minor}"
    return (folder / "bin" / version).exists() and (folder / "bin" / "pip").exists()


def _stamped(folder: Path) -> Environment | None:
    try:
        name = json.loads(_read(folder))["name"]
    except (ValueError, KeyError, TypeError):
        return None
    return ENVIRONMENTS.get(name)


def _read(folder: Path) -> str:
    try:
        return (folder / _STAMP).read_text()
    except OSError:
        return ""


def _stamp_text(project: Path, environment: Environment) -> str:
    """Return what tells that the environment is as its sources want it."""
    return json.dumps(
        {
            "name": environment.name,
            "python": sys.version,
            "project": str(project),
            "sources": [_digest(path) for path in _sources(project, environment)],
        }
    )


def _sources(project: Path, environment: Environment) -> Sequence[Path]:
    return (environment.lock(project), project / "pyproject.toml")


def _digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()
