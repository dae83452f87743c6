"""A `farm run` in the background, watched through its journal."""

import json
import subprocess
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.e2e.farm import FARM, RUN_S, Finished

BEGIN_S = 120.0


@dataclass
class Started:
    """A run in the background."""

    folder: Path
    process: "subprocess.Popen[bytes]"

    @classmethod
    def of(
        cls, inventory: Path, asked: Path, folder: Path, *options: str, env: Mapping[str, str] | None = None
    ) -> "Started":
        command = [*FARM, "run", "-i", str(inventory), "-e", str(asked), "-o", str(folder), *options]
        with folder.with_suffix(".log").open("wb") as log:
            return cls(folder, subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=env))

    @property
    def said(self) -> str:
        return self.folder.with_suffix(".log").read_text()

    def events(self) -> list[dict[str, Any]]:
        journal = self.folder / "journal.jsonl"
        lines = journal.read_text().splitlines() if journal.is_file() else []
        return [json.loads(line) for line in lines if line.endswith("}")]

    def begun(self) -> set[str]:
        """Return the devices that have begun a cell."""
        return {event["key"]["device"] for event in self.events() if event["kind"] == "cell-started"}

    def wait_for(self, kind: str) -> None:
        self._wait(lambda: any(event["kind"] == kind for event in self.events()))

    def wait_until_begun(self, *devices: str) -> None:
        """Wait until all these devices are within the run."""
        self._wait(lambda: self.begun().issuperset(devices))

    def wait_until_said(self, *parts: str) -> None:
        """Wait until one line of its output has all these parts."""
        self._wait(lambda: any(all(part in line for part in parts) for line in self.said.splitlines()))

    def _wait(self, come: Callable[[], bool]) -> None:
        until = time.monotonic() + BEGIN_S
        while not come():
            assert self.process.poll() is None, self.said
            assert time.monotonic() < until, self.said
            time.sleep(0.1)

    def finish(self, timeout: float = RUN_S) -> Finished:
        try:
            code = self.process.wait(timeout=timeout)
        finally:
            self.process.kill()
        return Finished(code, self.said, self.folder)

    def spans(self, device: str) -> list[tuple[str, str]]:
        """Return when cells of a device began and ended; ISO times of one clock sort as they came."""
        begun: dict[str, str] = {}
        spans = []
        for event in self.events():
            if event["kind"] == "cell-started" and event["key"]["device"] == device:
                begun[json.dumps(event["key"])] = event["at"]
            elif event["kind"] == "cell" and event["evidence"]["key"]["device"] == device:
                spans.append((begun[json.dumps(event["evidence"]["key"])], event["at"]))
        return spans
