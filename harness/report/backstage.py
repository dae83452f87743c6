"""The sections of report.md about everything else: timings, devices, what would reproduce the run."""

import json

from harness.report import names, numbers
from harness.report.speed import speed_up
from harness.report.stability import drift, stability
from harness.report.table import table
from harness.report.text import markdown
from harness.results import CellResult, DeviceResult, RunResults

_FACTS = {
    "machine": "machine",
    "isa": "instruction set",
    "cpus": "CPUs",
    "memory_total_mb": "memory, MB",
    "kernel": "kernel",
    "python": "Python",
    "engine": "MNN",
    "governor": "governor",
    "temperatures": "temperature, °C",
}
"""The facts of harness/agent/facts.py that get a column; the whole fingerprint follows below the table."""


def timings(results: RunResults, *, emulated: bool) -> str:
    """Return the timings taken on hardware (with speed-ups) or on emulated boards (without); '' if none."""
    cells = [cell for cell in results.cells if cell.timing is not None and cell.timing.emulated is emulated]
    headings = ["device", "model", "precision", "ran", "first ms", "median ms", "p90 ms", "MAD ms", "drift", "grade"]
    headings += ["hardware"] if emulated else ["speed-up"]
    rows = [_timing(cell, results, emulated) for cell in cells]
    return table(headings, rows, [4, 5, 6, 7, 8, *([] if emulated else [10])]) if rows else ""


def devices(results: RunResults) -> str:
    """Return who took part: the instruction set and versions of each device."""
    facts = [fact for fact in _FACTS if any(device.fingerprint.get(fact) for device in results.devices)]
    rows = [_device(device, facts) for device in results.devices]
    return table(["device", "kind", *(_FACTS[fact] for fact in facts), "bytes sent"], rows, [len(facts) + 2])


def failures(results: RunResults) -> str:
    """Return one line for every device that failed as a whole; '' where none did."""
    broken = [(device.name, device.failure.problem) for device in results.devices if device.failure]
    return "\n".join(
        f"- {markdown(name)}: {problem.code} (blame: {problem.blame}), {markdown(problem.message)};"
        f" what to do: {markdown(problem.what_to_do)}"
        for name, problem in broken
    )


def fingerprints(results: RunResults) -> str:
    """Return every device's whole fingerprint, one line of JSON each."""
    shown = [device for device in results.devices if device.fingerprint]
    return "\n".join(
        f"- {markdown(device.name)}: {markdown(json.dumps(device.fingerprint, sort_keys=True, default=str), 4000)}"
        for device in shown
    )


def provenance(results: RunResults) -> str:
    """Return the versions, settings and hashes that would reproduce the run."""
    limits = results.thresholds
    facts = {
        "run": results.id,
        "started": results.started,
        "took": f"{results.wall_s:.0f} s",
        "harness": results.harness,
        "engines": ", ".join(f"MNN {engine}" for engine in results.engines),
        "thresholds": f"accuracy drop {limits.accuracy_drop_points:g} points, else agreement {limits.agreement:g}",
        **({} if limits.relative_l2 is None else {"relative L2, apart": f"at most {limits.relative_l2:g}"}),
        **({} if limits.cosine is None else {"cosine, apart": f"at least {limits.cosine:g}"}),
        "confidence": f"{results.confidence:g}",
        **{name: str(version) for name, version in sorted(results.versions.items())},
        **{name: str(count) for name, count in sorted(results.counts.items())},
    }
    return table(["what", "value"], [[markdown(name), markdown(value)] for name, value in facts.items()])


def files(results: RunResults) -> str:
    """Return the hashes of the models and of the variants that were made from them."""
    rows = [[markdown(m.name), "source", markdown(m.source), markdown(m.sha256)] for m in results.models]
    variants = dict.fromkeys((c.key.model, c.key.precision, c.variant) for c in results.cells if c.variant)
    rows += [[markdown(model), markdown(precision), "", markdown(variant)] for model, precision, variant in variants]
    return table(["model", "variant", "from", "sha256"], rows) if rows else ""


def _timing(cell: CellResult, results: RunResults, emulated: bool) -> list[str]:
    timing = cell.timing
    if timing is None:
        return []
    column = names.column(cell.key.precision, cell.key.engine, results)
    row = [*map(markdown, (cell.key.device, cell.key.model, column, names.ran(cell)))]
    times = (timing.first_ms, timing.median_ms, timing.p90_ms, timing.mad_ms)
    row += [*map(numbers.fixed, times), drift(timing), stability(timing)]
    faster = speed_up(cell, results)
    return [*row, "emulated" if emulated else numbers.NONE if faster is None else f"{faster:.2f}x"]


def _device(device: DeviceResult, facts: list[str]) -> list[str]:
    kind = f"{device.kind}, emulated" if device.emulated else device.kind
    values = [_fact(device.fingerprint.get(fact)) for fact in facts]
    return [markdown(names.device(device)), markdown(kind), *values, str(device.sent_bytes)]


def _fact(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, dict):
        return markdown(", ".join(f"{name} {part}" for name, part in sorted(value.items())), 80)
    return markdown(" ".join(map(str, value)) if isinstance(value, list | tuple) else value, 80)
