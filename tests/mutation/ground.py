"""Where mutants live: a copy of the sources, and mutmut in it."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

COPIED = ("harness", "tests")
_IGNORED = shutil.ignore_patterns("__pycache__", ".*")
_NOBODY = "harness.no-such-mutant"
_BATCH = 200
"""Mutants a call of mutmut; between calls the clock is looked at too."""


@dataclass(frozen=True)
class Ground:
    """A folder for mutants of the project at `root`."""

    folder: Path
    root: Path

    def prepare(self, files: Sequence[str], *, tests: Sequence[str], seed: int) -> None:
        """Copy the sources, write mutmut's configuration, and make the mutants of `files` (patterns)."""
        shutil.rmtree(self.folder, ignore_errors=True)
        self.folder.mkdir(parents=True)
        for name in COPIED:
            shutil.copytree(self.root / name, self.folder / name, ignore=_IGNORED)
        settings = {
            "source_paths": ["harness"],
            "only_mutate": list(files),
            "pytest_add_cli_args_test_selection": list(tests),
            "pytest_add_cli_args": ["-q", "-p", "no:cacheprovider", f"--hypothesis-seed={seed}"],
            "use_git_change_detection": False,
        }
        text = (self.root / "pyproject.toml").read_text(encoding="utf-8")
        # What JSON writes for such values is TOML as well.
        lines = [f"{key} = {json.dumps(value)}" for key, value in settings.items()]
        (self.folder / "pyproject.toml").write_text("\n".join([text, "[tool.mutmut]", *lines, ""]), encoding="utf-8")
        said = self._mutmut(_NOBODY, timeout_s=600)
        if not self.mutants():
            raise SystemExit(f"mutmut made no mutants:\n{said[-2000:]}")

    def mutants(self) -> list[str]:
        """Return the names of all mutants, sorted."""
        return sorted(self._outcomes())

    def test(self, names: Sequence[str], *, budget_s: float, processes: int) -> None:
        """Test mutants, in this order as far as time goes; what was tested when it is up is kept.

        Raises:
            SystemExit: none was tested, since the tests fail without any defect, say.
        """
        until = time.monotonic() + budget_s
        for start in range(0, len(names), _BATCH):
            left = until - time.monotonic()
            if left <= 0:
                return
            part = names[start : start + _BATCH]
            said = self._mutmut("--max-children", str(processes), *part, timeout_s=left)
            if not self.outcomes(part):
                raise SystemExit(f"mutmut tested nothing:\n{said[-2000:]}")

    def outcomes(self, names: Iterable[str]) -> dict[str, int]:
        """Return pytest's exit code for each of `names` that was tested: 0 where it survived."""
        known = self._outcomes()
        return {name: code for name in names if (code := known[name]) is not None}

    def difference(self, name: str) -> str:
        """Return what a mutant changes: the lines that it takes away and adds."""
        shown = self._run("show", name, timeout_s=60).splitlines()
        return "\n".join(line for line in shown if line[:1] in "+-" and line[:3] not in ("+++", "---"))

    def _outcomes(self) -> dict[str, int | None]:
        found: dict[str, int | None] = {}
        for path in (self.folder / "mutants").rglob("*.meta"):
            found |= json.loads(path.read_text(encoding="utf-8"))["exit_code_by_key"]
        return found

    def _mutmut(self, *arguments: str, timeout_s: float) -> str:
        return self._run("run", *arguments, timeout_s=timeout_s)

    def _run(self, *arguments: str, timeout_s: float) -> str:
        command = [sys.executable, "-m", "mutmut", *arguments]
        # The copy must come first: an installed harness would be tested instead, and every mutant survive.
        environment = {**os.environ, "PYTHONPATH": str(self.folder), "PYTHONDONTWRITEBYTECODE": "1"}
        process = subprocess.Popen(
            command,
            cwd=self.folder,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            start_new_session=True,
        )
        try:
            return process.communicate(timeout=timeout_s)[0]
        except subprocess.TimeoutExpired:
            # An interrupt lets it write down what it knows; then its group goes, children and all.
            process.send_signal(signal.SIGINT)
            try:
                return process.communicate(timeout=10)[0]
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)
                return process.communicate()[0]
