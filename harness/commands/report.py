"""`farm report`: from stored evidence to judged results and their files."""

from dataclasses import dataclass, replace
from pathlib import Path

from rich.console import Console

from harness.commands.stored import holds_run, open_run
from harness.diagnose.stored import load_diagnosis
from harness.errors import Code, InputError
from harness.judge.exit_code import exit_code
from harness.judge.run import judge
from harness.judge.stored import StoredRun
from harness.report.guide import GUIDE
from harness.report.terminal import show
from harness.report.write import write_reports
from harness.results import RunResults

_WORDS = {
    "accuracy_drop_points": "accuracy drop",
    "agreement": "agreement",
    "relative_l2": "relative L2",
    "cosine": "cosine",
    "confidence": "confidence",
}


@dataclass(frozen=True, slots=True)
class Limits:
    """What to judge with; None: as the run itself."""

    accuracy_drop_points: float | None = None
    agreement: float | None = None
    relative_l2: float | None = None
    cosine: float | None = None
    confidence: float | None = None


def publish(results: RunResults, folder: Path, console: Console, *, source: Path | None = None) -> None:
    """Write a judged run's reports, with what closer looks at it found, and show the matrix.

    Args:
        results: the run.
        folder: where the reports go.
        console: where the matrix is shown.
        source: the run's own folder, where that is another.
    """
    write_reports(results, folder, load_diagnosis(source or folder))
    show(results, console)


def report_command(folder: Path, limits: Limits, out: Path | None, console: Console, *, gate: bool) -> int:
    """Judge again and show the result; return the exit code that a run would have.

    The files are written into `out`, else into `folder`, except where the limits are not the run's own: its own
    verdicts are never overwritten by others, so that without `out` nothing is written then.

    Raises:
        InputError: the folder holds no run, `out` holds one that the reports are not of, or cannot be written.
        FarmError: evidence-missing, the journal is damaged.
    """
    results = rejudged(open_run(folder), limits)
    target = _target(folder, out, results)
    if target is None:
        show(results, console)
        said = f"Nothing was written: {folder} keeps the run's own verdicts. Keep these with --out FOLDER."
    else:
        try:
            publish(results, target, console, source=folder)
        except OSError as error:
            advice = "Name a folder that can be written to with --out."
            raise InputError(Code.BAD_OUTPUT_FOLDER, f"{target} cannot be written: {error}.", advice) from error
        said = f"Report: {target / 'report.md'} (how to read it: {target / GUIDE})"
    console.print(said, markup=False, highlight=False, soft_wrap=True)
    return exit_code(results, gate)


def rejudged(stored: StoredRun, limits: Limits) -> RunResults:
    """Judge a stored run with other limits; `rejudged` of the results says which of them are not its own."""
    own = {**stored.thresholds.model_dump(), "confidence": stored.confidence}
    asked = {name: getattr(limits, name) for name in _WORDS}
    other = {name: value for name, value in asked.items() if value is not None and value != own[name]}
    confidence = float(other.pop("confidence", stored.confidence))
    words = tuple(
        f"{_WORDS[name]} {value:g} instead of {'none' if own[name] is None else format(own[name], 'g')}"
        for name, value in {**other, "confidence": confidence}.items()
        if value != own[name]
    )
    thresholds = stored.thresholds.model_copy(update=other)
    results = judge(replace(stored, thresholds=thresholds, confidence=confidence))
    return results.model_copy(update={"rejudged": words})


def _target(folder: Path, out: Path | None, results: RunResults) -> Path | None:
    """Return where the files belong; None: nowhere."""
    if out is None or out.resolve() == folder.resolve():
        if out is not None and results.rejudged:
            raise InputError(
                Code.BAD_OUTPUT_FOLDER,
                f"{folder} keeps the run's own verdicts; these are by other thresholds.",
                "Name another folder with --out.",
            )
        return None if results.rejudged else folder
    if out.exists() and (not out.is_dir() or holds_run(out)):
        what = "holds another run" if out.is_dir() else "is not a folder"
        raise InputError(Code.BAD_OUTPUT_FOLDER, f"{out} {what}.", "Name another folder with --out.")
    return out
