"""How devices, columns and what ran are called in every report; plain text, to be escaped by the renderer."""

from harness.evidence import CellKey
from harness.results import CellResult, DeviceResult, RunResults, Verdict

_SHOWN = ("fp16", "bf16", "dot", "i8mm", "sve2", "sme2")


def isa(device: DeviceResult) -> str:
    """Return the instruction set in short: `fp16 dot`, `no fp16`, or `not reached`."""
    if not device.fingerprint:
        return "not reached"
    listed = device.fingerprint.get("isa")
    if not isinstance(listed, list | tuple):
        return "instruction set unknown"
    known = [name for name in _SHOWN if name in listed]
    return " ".join(known if "fp16" in known else ["no fp16", *known])


def device(result: DeviceResult) -> str:
    """Return the device's name with its core, instruction set, and whether it is emulated."""
    core = result.labels.get("core") or result.labels.get("soc")
    words = [core, isa(result), "emulated" if result.emulated else None]
    return f"{result.name} ({', '.join(word for word in words if word)})"


def column(precision: str, engine: str, results: RunResults) -> str:
    """Return a column's heading; the engine's version only where there are several."""
    return precision if len(results.engines) < 2 else f"{precision} · MNN {engine}"


def key(one: CellKey) -> str:
    """Return the whole name of a cell."""
    return f"{one.device} · {one.model} · {one.precision} · MNN {one.engine}"


def ran(result: CellResult) -> str:
    """Return what really ran: `fp16`, `int8 weights, fp32`, with `unproven` where that is so."""
    found = result.effective
    if found is None:
        return ""
    what = found.compute if found.weights == "float32" else f"{found.weights} weights, {found.compute}"
    return what if found.proven else f"{what} (unproven)"


def ran_briefly(result: CellResult) -> str:
    """Return what ran only where it is not what was asked, or where that is not proven."""
    found = result.effective
    if found is None or (found.in_effect and found.proven):
        return ""
    if found.in_effect is False:
        return f"ran as {found.compute}"
    return "unproven"


def word(verdict: Verdict) -> str:
    """Return the verdict's word as it is shown everywhere."""
    return verdict.value
