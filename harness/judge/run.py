"""A whole stored run, judged."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from typing import TypeVar

from harness.errors import Code, FarmError
from harness.evidence import CellKey
from harness.judge.company import in_company
from harness.judge.crosscheck import crosscheck
from harness.judge.doubt import doubted
from harness.judge.sharing import share
from harness.judge.stored import DeviceRecord, KnownFailure, StoredRun
from harness.judge.verdict import Court, judge_cell
from harness.results import CellResult, DeviceResult, RunResults

_T = TypeVar("_T")

Mapper = Callable[[Callable[[CellKey], CellResult], Sequence[CellKey]], Iterable[CellResult]]
"""What `map` is: a function and its arguments in, its results out in the same order."""


def judge(stored: StoredRun, *, each: Mapper = map) -> RunResults:
    """Judge every planned cell by itself, then next to the others, in the order of the plan.

    `each` applies a function to all cells and keeps their order; a large run spreads them over processors.

    Raises:
        FarmError: evidence-missing where a planned cell names a device, model or precision that is not there.
    """
    courts = _Courts(stored)
    alone = tuple(each(partial(_judged, stored=stored, courts=courts), stored.planned))
    honest = crosscheck(alone, stored)
    together = in_company(share(honest, evidence=stored.evidence, outputs=stored.outputs), stored)
    models = tuple(model.result for model in stored.models)
    return RunResults(
        id=stored.id,
        started=stored.started,
        wall_s=stored.wall_s,
        harness=stored.harness,
        thresholds=stored.thresholds,
        confidence=stored.confidence,
        devices=tuple(device_result(device) for device in stored.devices),
        models=models,
        precisions=tuple(precision.name for precision in stored.precisions),
        engines=stored.engines,
        cells=tuple(_expected(cell, stored.known_failures) for cell in doubted(together, models)),
        counts=dict(stored.counts),
        versions=dict(stored.versions),
    )


def device_result(device: DeviceRecord) -> DeviceResult:
    """Return a device as the report shows it: its facts and its engines' banners are the fingerprint."""
    evidence = device.evidence
    fingerprint: dict[str, object] = {}
    if evidence is not None and (evidence.facts or evidence.engines):
        engines = {"engine": ", ".join(sorted(evidence.engines)), "engines": evidence.engines}
        fingerprint = {**evidence.facts, **(engines if evidence.engines else {})}
    return DeviceResult(
        name=device.name,
        kind=device.kind,
        emulated=device.emulated,
        labels=dict(device.labels),
        fingerprint=fingerprint,
        failure=evidence.failure if evidence else None,
        sent_bytes=evidence.sent_bytes if evidence else 0,
    )


class _Courts:
    """Finds by name what a cell is judged with."""

    def __init__(self, stored: StoredRun) -> None:
        self._stored = stored
        self._devices = {device.name: device for device in stored.devices}
        self._models = {model.result.name: model for model in stored.models}
        self._precisions = {precision.name: precision for precision in stored.precisions}

    def of(self, key: CellKey) -> Court:
        precision, model = (
            _named("precision", self._precisions, key.precision),
            _named("model", self._models, key.model),
        )
        return Court(
            # Without a plan for this model nothing was run, and there is nothing to judge by the plan.
            precision=precision.on(model.result.sha256) or precision,
            device=_named("device", self._devices, key.device),
            model=model,
            outputs=self._stored.outputs,
            thresholds=self._stored.thresholds,
            confidence=self._stored.confidence,
            batch=self._stored.batch,
        )


def _judged(key: CellKey, stored: StoredRun, courts: _Courts) -> CellResult:
    return judge_cell(key, stored.evidence.get(key), courts.of(key))


def _expected(cell: CellResult, known: Iterable[KnownFailure]) -> CellResult:
    """Note on a cell why it is known to fail; engines are not told apart."""
    mine = (cell.key.device, cell.key.model, cell.key.precision)
    reasons = [one.reason for one in known if (one.device, one.model, one.precision) == mine]
    return cell.model_copy(update={"expected": "; ".join(reasons)}) if reasons else cell


def _named(kind: str, things: Mapping[str, _T], name: str) -> _T:
    if name not in things:
        raise FarmError(Code.EVIDENCE_MISSING, f"the stored run has no {kind} '{name}'")
    return things[name]
