"""What changed between two judged runs, cell by cell, and whether any of it is for the worse."""

from collections.abc import Mapping
from dataclasses import dataclass

from harness.evidence import CellKey
from harness.judge.moved import TimingChange, timing_change
from harness.results import CellResult, DeviceResult, Effective, Extent, RunResults, Verdict

_VERDICT, _CAUSE, _RAN = "verdict", "cause", "what ran"


@dataclass(frozen=True, slots=True)
class CellChange:
    """A cell that is not what it was; `what` names what differs: verdict, cause, what ran."""

    before: CellResult
    after: CellResult
    what: tuple[str, ...]
    worse: bool
    better: bool


@dataclass(frozen=True, slots=True)
class RunDiff:
    """Two runs side by side.

    Attributes:
        across_engines: each run has one engine version, another one, and cells are paired across them.
        compared: cells that both runs have; `timed`: those of them whose timings may be compared.
        settings: what the runs were asked differently, as (what, before, after).
    """

    before: RunResults
    after: RunResults
    across_engines: bool
    compared: int
    timed: int
    cells: tuple[CellChange, ...]
    only_before: tuple[CellResult, ...]
    only_after: tuple[CellResult, ...]
    timings: tuple[TimingChange, ...]
    settings: tuple[tuple[str, str, str], ...]

    @property
    def worse(self) -> bool:
        """Whether anything changed for the worse: a cell, or a timing taken on hardware."""
        return any(cell.worse for cell in self.cells) or any(timing.worse for timing in self.timings)


def diff(before: RunResults, after: RunResults) -> RunDiff:
    """Compare two runs. Cells are paired by device, model, precision and engine.

    Where each run has one engine version and these differ, cells are paired across them: the question is then
    what another engine changes. A cell that only one run has was planned only there; it is listed, and
    is no change for the worse.
    """
    across = len(before.engines) == len(after.engines) == 1 and before.engines != after.engines
    old = {_pairing(cell.key, across): cell for cell in before.cells}
    new = {_pairing(cell.key, across): cell for cell in after.cells}
    pairs = [(cell, new[key]) for key, cell in old.items() if key in new]
    same_device = _same_devices(before, after)
    moved = [timing_change(one, other) for one, other in pairs if one.key.device in same_device]
    return RunDiff(
        before=before,
        after=after,
        across_engines=across,
        compared=len(pairs),
        timed=sum(change is not None for change in moved),
        cells=tuple(change for one, other in pairs if (change := cell_change(one, other)) is not None),
        only_before=tuple(cell for key, cell in old.items() if key not in new),
        only_after=tuple(cell for key, cell in new.items() if key not in old),
        timings=tuple(change for change in moved if change is not None and change.moved),
        settings=tuple(_settings(before, after)),
    )


def cell_change(before: CellResult, after: CellResult) -> CellChange | None:
    """Compare a cell's verdict, cause and effective precision; None where all three are as they were.

    Worse is a verdict that is worse (`worse_verdict`), except a FAIL that the later run knows of; or, under the same
    verdict, a precision that was in effect and now is only partly so, not, or not proven. Better is the reverse,
    where it is not worse both ways.
    """
    differs = {
        _VERDICT: before.verdict is not after.verdict,
        _CAUSE: before.cause is not after.cause,
        _RAN: _ran(before.effective) != _ran(after.effective),
    }
    what = tuple(name for name, is_so in differs.items() if is_so)
    if not what:
        return None
    worse = _worse(before, after)
    return CellChange(before, after, what, worse=worse, better=not worse and _worse(after, before))


def worse_verdict(before: Verdict, after: Verdict) -> bool:
    """Tell whether a verdict is worse than it was: a PASS that is none any more, a new FAIL, or a new ERROR.

    So PASS to anything else (N/A too: it can no longer be shipped), anything else to FAIL (ERROR too: a loss that
    nobody knew of), anything else to ERROR (what was measured is not). Not worse: any change to PASS, and changes
    to N/A or INCONCLUSIVE from anything but PASS.
    """
    return before is not after and (before is Verdict.PASS or after in (Verdict.FAIL, Verdict.ERROR))


def _worse(before: CellResult, after: CellResult) -> bool:
    if before.verdict is not after.verdict:
        known = after.verdict is Verdict.FAIL and after.expected is not None
        return worse_verdict(before.verdict, after.verdict) and not known
    return _extent(before) is Extent.FULL and _extent(after) is not Extent.FULL


def _extent(cell: CellResult) -> Extent | None:
    return cell.effective.extent if cell.effective else None


def _ran(effective: Effective | None) -> tuple[object, ...] | None:
    if effective is None:
        return None
    return effective.weights, effective.compute, effective.in_effect, effective.extent


def _pairing(key: CellKey, across: bool) -> CellKey:
    return key.model_copy(update={"engine": ""}) if across else key


def _same_devices(before: RunResults, after: RunResults) -> frozenset[str]:
    # A name can pass to other hardware; then nothing about speed follows from comparing.
    old, new = ({device.name: _hardware(device) for device in run.devices} for run in (before, after))
    return frozenset(name for name, hardware in old.items() if new.get(name) == hardware)


def _hardware(device: DeviceResult) -> tuple[str, ...]:
    facts = (device.kind, device.fingerprint.get("machine"), device.fingerprint.get("isa"))
    return tuple(map(repr, facts))


def _settings(before: RunResults, after: RunResults) -> list[tuple[str, str, str]]:
    old, new = _asked(before), _asked(after)
    names = dict.fromkeys([*old, *new])
    return [(name, old.get(name, "-"), new.get(name, "-")) for name in names if old.get(name) != new.get(name)]


def _asked(run: RunResults) -> Mapping[str, str]:
    limits = {name: str(value) for name, value in run.thresholds.model_dump().items() if value is not None}
    return {
        "engines": ", ".join(run.engines),
        "harness": run.harness,
        **{f"threshold {name}": value for name, value in limits.items()},
        "confidence": str(run.confidence),
        **{f"model {model.name}": model.sha256 for model in run.models},
        **{f"samples of {model.name}": str(model.samples) for model in run.models},
        **dict(sorted(run.versions.items())),
    }
