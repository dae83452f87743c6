"""The report files of a run's folder."""

import os
import tempfile
from collections.abc import Callable
from pathlib import Path

from harness.diagnosis import NOTHING_FOUND, Diagnosis
from harness.report import csv_report, json_report, junit, markdown
from harness.report.depth import pictures
from harness.report.guide import GUIDE, guide
from harness.results import RunResults

_RENDERERS: dict[str, Callable[[RunResults], str]] = {
    "results.json": json_report.render,
    "results.csv": csv_report.render,
    "junit.xml": junit.render,
    GUIDE: lambda _: guide(),
}


def write_reports(results: RunResults, folder: Path, diagnosis: Diagnosis = NOTHING_FOUND) -> tuple[Path, ...]:
    """Write report.md, results.json, results.csv, junit.xml and the page on how to read them; return their paths.

    What closer looks found is part of report.md, with a picture for each explained cell.

    All are rendered before the first is written, and each takes its place in one step, so a reader never sees
    half a file. Equal results give equal bytes.

    Raises:
        OSError: the folder cannot be made or written to.
    """
    rendered = {"report.md": markdown.render(results, diagnosis)}
    rendered |= {name: render(results) for name, render in _RENDERERS.items()}
    rendered |= pictures(diagnosis)
    folder.mkdir(parents=True, exist_ok=True)
    return tuple(write_file(folder / name, text) for name, text in rendered.items())


def write_file(path: Path, text: str) -> Path:
    """Write a text in one step and return its path.

    Raises:
        OSError: it cannot be written.
    """
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    new = Path(name)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(text.encode("utf-8"))
        new.chmod(0o644)  # mkstemp gives 0600, which a CI job's next step may not read
        new.replace(path)
    finally:
        new.unlink(missing_ok=True)
    return path
