"""Whether the Python environment is made, made again, or left alone."""

import sys
from pathlib import Path

import pytest

from harness.setup import environment
from harness.setup.environment import DEV, RUN, Environment


class Project:
    """A project folder whose environments are made by nothing but notes of what would be run."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.folder = folder
        self.ran: list[str] = []
        (folder / "lock").mkdir()
        (folder / "pyproject.toml").write_text("one")
        for name in ("run", "dev"):
            (folder / "lock" / f"{name}.txt").write_text("a==1\n")
        monkeypatch.setattr(environment, "run", self._run)

    def _run(self, command: list[str], *_: object, **__: object) -> None:
        self.ran.append(" ".join(command))
        if "venv" in command:
            version = f"python{sys.version_info.major}.{sys.version_info.minor}"
            (self.folder / ".venv" / "bin").mkdir(parents=True, exist_ok=True)
            for name in (version, "pip"):
                (self.folder / ".venv" / "bin" / name).touch()

    def made(self, asked: Environment) -> str:
        self.ran.clear()
        environment.make_environment(self.folder, asked)
        return "\n".join(self.ran)


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Project:
    return Project(tmp_path, monkeypatch)


def test_environment_is_made_once_from_hashes(project: Project) -> None:
    first = project.made(RUN)
    assert "-m venv" in first
    assert "--require-hashes" in first
    assert "lock/run.txt" in first
    assert "--editable" in first
    assert project.made(RUN) == ""


def test_environment_with_more_serves_for_less(project: Project) -> None:
    project.made(RUN)
    assert "lock/dev.txt" in project.made(DEV)
    assert project.made(RUN) == ""
    (project.folder / "lock" / "dev.txt").write_text("a==2\n")
    assert "lock/dev.txt" in project.made(RUN)


def test_changed_project_file_is_installed_again(project: Project) -> None:
    project.made(DEV)
    (project.folder / "pyproject.toml").write_text("two")
    again = project.made(DEV)
    assert "--editable" in again
    assert "-m venv" not in again
