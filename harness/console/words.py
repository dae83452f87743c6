"""The sentences that a run's events are told in; the same in a terminal and in a file."""

from harness.dispatch.events import CellFinished, DeviceReady, Progress
from harness.evidence import CellEvidence
from harness.report.text import plain


def cell_words(evidence: CellEvidence) -> str:
    """Return one line on a settled cell."""
    key = evidence.key
    return plain(f"{key.model} {key.precision} (MNN {key.engine}): {_outcome(evidence)}")


def device_words(event: DeviceReady) -> str:
    """Return one line on a device that described itself or failed."""
    device = event.device
    if device.failure is not None:
        problem = device.failure.problem
        return plain(f"{problem.code} ({problem.blame}): {problem.message} {problem.what_to_do}")
    isa = device.facts.get("isa")
    names = " ".join(str(name) for name in isa) if isinstance(isa, list) else "unknown"
    return plain(f"{device.facts.get('machine')}, instruction set: {names or 'base'}; {size(device.sent_bytes)} sent")


def progress_words(event: Progress) -> str:
    """Return what is under way, with how far it is."""
    if not event.total:
        return plain(event.text)
    if event.unit == "bytes":
        return plain(f"{event.text} {size(event.done)} of {size(event.total)}")
    return plain(f"{event.text} {event.done}/{event.total} {event.unit}")


def settled_words(event: CellFinished, done: int, total: int) -> str:
    """Return a settled cell's line with how many are left."""
    return f"[{done}/{total}] {cell_words(event.evidence)}"


def size(count: int) -> str:
    """Return a number of bytes for people: 999 B, 1.2 kB, 3.4 MB."""
    value = float(count)
    for unit in ("B", "kB", "MB"):
        if value < 1000 or unit == "MB":
            return f"{value:.0f} {unit}" if unit == "B" else f"{value:.1f} {unit}"
        value /= 1000
    return ""


def _outcome(evidence: CellEvidence) -> str:
    if evidence.failure is not None:
        problem = evidence.failure.problem
        return f"ERROR {problem.code} ({problem.blame}): {problem.message}"
    if evidence.unsupported is not None:
        return f"not run: {evidence.unsupported}"
    if evidence.stopped_early:
        return f"did not take effect (one sample, {evidence.wall_s:.1f} s)"
    why = f": {evidence.enough}" if evidence.enough else ""
    return f"{evidence.images} images in {evidence.wall_s:.1f} s{why}"
