"""From a run's folder to what the judge takes; the way back from disk."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from harness.dispatch.arrays import ArrayStore
from harness.dispatch.events import CellFinished, DeviceReady, JournalEvent, RunEnded, RunStarted
from harness.dispatch.journal import read_journal
from harness.dispatch.snapshot import ModelNote, Snapshot
from harness.errors import Code, FarmError
from harness.evidence import CellEvidence, CellKey, DeviceEvidence, Failure
from harness.judge.stored import DeviceRecord, KnownFailure, ModelRecord, StoredRun


@dataclass(slots=True)
class Replay:
    """A journal read from its beginning: the last word on every device and cell."""

    started: str = ""
    snapshot: Snapshot | None = None
    devices: dict[str, DeviceEvidence] = field(default_factory=dict)
    cells: dict[CellKey, CellEvidence] = field(default_factory=dict)
    wall_s: float = 0.0
    counts: dict[str, int] = field(default_factory=dict)

    def take(self, event: JournalEvent) -> None:
        """Add one event."""
        match event:
            case RunStarted():
                self.started = self.started or event.at
                self.snapshot = event.snapshot
            case DeviceReady():
                self.devices[event.device.name] = _newest(self.devices.get(event.device.name), event.device)
            case CellFinished():
                self.cells[event.evidence.key] = event.evidence
            case RunEnded():
                self.wall_s += event.wall_s
                self.counts = event.counts

    def settled(self, holds: Callable[[str], bool]) -> frozenset[CellKey]:
        """Return the cells that a resumed run need not measure: no errors, and `holds` has their outputs.

        One that was left at another's outputs is measured again where that one is.
        """
        kept = {
            key: evidence
            for key, evidence in self.cells.items()
            if evidence.failure is None and (evidence.outputs is None or holds(evidence.outputs))
        }
        return frozenset(
            key for key, evidence in kept.items() if evidence.same_as is None or evidence.same_as in kept
        )


def replay(folder: Path) -> Replay:
    """Read a run's journal.

    Raises:
        FarmError: evidence-missing, there is no journal, or it has no beginning, or it is damaged.
    """
    found = Replay()
    for event in read_journal(folder):
        found.take(event)
    if found.snapshot is None:
        raise FarmError(Code.EVIDENCE_MISSING, f"The journal in {folder} has no beginning.")
    return found


def stored_run(folder: Path) -> StoredRun:
    """Return a run's evidence as the judge takes it.

    Raises:
        FarmError: as `replay`.
    """
    found = replay(folder)
    snapshot = found.snapshot
    if snapshot is None:
        raise FarmError(Code.EVIDENCE_MISSING, f"The journal in {folder} has no beginning.")
    store = ArrayStore(folder)
    return StoredRun(
        id=snapshot.run,
        started=found.started,
        wall_s=found.wall_s,
        thresholds=snapshot.thresholds,
        confidence=snapshot.confidence,
        precisions=snapshot.precisions,
        engines=snapshot.engines,
        planned=snapshot.cells,
        devices=tuple(_devices(snapshot, found.devices)),
        models=tuple(_model(note, store) for note in snapshot.models),
        evidence=found.cells,
        outputs=_floats(store),
        harness=snapshot.harness,
        counts=found.counts,
        versions=snapshot.versions,
        known_failures=tuple(KnownFailure(**dict(known)) for known in snapshot.known_failures),
        batch=snapshot.batch,
    )


def _newest(old: DeviceEvidence | None, new: DeviceEvidence) -> DeviceEvidence:
    # A device that fails later keeps the description it gave before.
    if old is None or new.failure is None:
        return new
    return old.model_copy(update={"failure": new.failure})


def _devices(snapshot: Snapshot, evidence: dict[str, DeviceEvidence]) -> Iterable[DeviceRecord]:
    for note in snapshot.devices:
        yield DeviceRecord(
            note.name,
            note.kind,
            note.emulated,
            note.labels,
            evidence.get(note.name),
            threads=note.threads,
            steady=note.steady,
        )


def _model(note: ModelNote, store: ArrayStore) -> ModelRecord:
    try:
        reference = None if note.reference is None else _floats(store)(note.reference)
        labels = None if note.labels is None else store.load(note.labels).astype(np.int64)
    except FarmError as error:
        return ModelRecord(note.result, None, None, note.output_name, Failure.of(error.problem))
    host = {(one.weights, one.memory): _perhaps(one.outputs, store) for one in note.host}
    return ModelRecord(
        note.result,
        reference,
        labels,
        note.output_name,
        host={key: outputs for key, outputs in host.items() if outputs is not None},
        floor=None if note.floor is None else _perhaps(note.floor, store),
        sizes={one.weights: one.size for one in note.host if one.size is not None},
    )


def _perhaps(digest: str, store: ArrayStore) -> np.typing.NDArray[np.float32] | None:
    # Without it a part of a loss stays unknown, or what weights a file holds: the judge never takes it for a proof.
    try:
        return _floats(store)(digest)
    except FarmError:
        return None


def _floats(store: ArrayStore) -> Callable[[str], np.typing.NDArray[np.float32]]:
    def load(digest: str) -> np.typing.NDArray[np.float32]:
        array = store.load(digest)
        if array.dtype != np.float32:
            raise FarmError(Code.EVIDENCE_MISSING, f"Evidence {digest} holds {array.dtype}, not float32.")
        return array.astype(np.float32, copy=False)

    return load
