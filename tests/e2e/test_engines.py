"""Two engine versions side by side on one board, each in a process of its own."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import yaml

from harness.emulator.board import Board
from tests.boards import RunningFleet
from tests.e2e.farm import experiment, farm_run, write_yaml

pytestmark = pytest.mark.e2e

OLD, NEW = "3.2.0", "3.6.1"


@contextmanager
def watching(board: Board) -> Iterator[set[frozenset[str]]]:
    """Collect which engines have a zygote at one moment, again and again."""
    seen: set[frozenset[str]] = set()
    over = threading.Event()

    def look() -> None:
        while not over.wait(0.2):
            seen.add(frozenset(_engines_of(board)))

    thread = threading.Thread(target=look)
    thread.start()
    try:
        yield seen
    finally:
        over.set()
        thread.join()


def _engines_of(board: Board) -> Iterator[str]:
    lease = board.home / ".cache/farm/lease"
    for process in Path("/proc").iterdir():
        try:
            words = (process / "cmdline").read_text().split("\0") if process.name.isdigit() else []
            if "--zygote" in words and lease in [link.readlink() for link in (process / "fd").iterdir()]:
                yield Path(words[words.index("--zygote") + 2]).name.partition("-")[0]
        except OSError:
            continue  # it has ended meanwhile


def test_two_versions_on_one_board(fleet: RunningFleet, tmp_path: Path) -> None:
    content = yaml.safe_load(fleet.inventory.read_text())
    content["devices"] = [device for device in content["devices"] if device["name"] == "cortex-a76"]
    inventory = write_yaml(tmp_path / "inventory.yaml", content)
    asked = experiment(tmp_path / "experiment.yaml", precisions=["fp32", "w8-lowmem"], images=10)
    write_yaml(asked, {**yaml.safe_load(asked.read_text()), "engines": [OLD, NEW]})
    with watching(fleet.boards["cortex-a76"]) as seen:
        run = farm_run(inventory, asked, tmp_path / "out")
    assert run.code == 0, run.output
    assert {OLD, NEW} in seen, "both engines' processes were there at once"
    cells = {(cell["precision"], cell["engine"]): cell for cell in run.results["cells"]}
    assert set(cells) == {(precision, engine) for precision in ("fp32", "w8-lowmem") for engine in (OLD, NEW)}
    assert {cell["status"] for cell in cells.values()} == {"measured"}
    assert {cell["effective"]["proven"] for cell in cells.values()} == {True}
    # Each answered by itself: the engines say who they are, and the fp32 kernels of both agree with the reference.
    (device,) = run.results["devices"]
    assert device["fingerprint"]["engine"] == f"{OLD}, {NEW}"
    said = {name: facts["engine"] for name, facts in device["fingerprint"]["engines"].items()}
    assert said == {OLD: OLD, NEW: NEW}
    for engine in (OLD, NEW):
        assert cells["fp32", engine]["metrics"]["relative_l2_median"] < 1e-4
    report = (tmp_path / "out" / "report.md").read_text()
    assert "## Engine versions" in report
    assert "would upgrading fix it?" in report
    old, new = run.outputs("cortex-a76", "b0", "fp32", OLD), run.outputs("cortex-a76", "b0", "fp32", NEW)
    assert old.shape == new.shape
