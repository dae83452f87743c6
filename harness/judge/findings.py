"""How a finding on what ran is put: settled, partly so, or open with the proofs on both sides."""

from collections.abc import Sequence

from harness.evidence import Operator
from harness.judge.readings import Arithmetic
from harness.precision import Compute
from harness.results import Effective, Extent

UNKNOWN = "unknown"
HALF_OF_IT = 0.5
"""From this share of the multiply-adds on, a precision that is partly in effect counts as the one asked for."""

_NAMED = 3


def settled(
    weights: str, compute: str, proof: tuple[str, ...], *, in_effect: bool, note: str = "", share: float | None = None
) -> Effective:
    """Return a finding that is proven, wholly one way or the other."""
    extent = Extent.FULL if in_effect else Extent.NONE
    return Effective(
        weights=weights,
        compute=compute,
        proof=proof,
        proven=True,
        in_effect=in_effect,
        extent=extent,
        share=share,
        note=note,
    )


def partly(
    weights: str, compute: str, proof: tuple[str, ...], *, share: float, fallbacks: tuple[Operator, ...], into: str
) -> Effective:
    """Return a proven finding of which `share` ran as asked, and `fallbacks` ran as `into` instead."""
    enough = share >= HALF_OF_IT
    begin = "partly in effect" if enough else f"ran mostly as {into}"
    note = f"{begin}: {percent(share)} of the multiply-adds ran as asked; as {into} ran {named(fallbacks)}"
    return Effective(
        weights=weights,
        compute=compute,
        proof=proof,
        proven=True,
        in_effect=enough,
        extent=Extent.PARTLY,
        share=share,
        fallbacks=fallbacks,
        note=note,
    )


def open_question(weights: str, arithmetic: Arithmetic, note: str = "") -> Effective:
    """Return a finding that is not proven, with whatever speaks for either side."""
    compute = "fp16+fp32" if arithmetic.for_half else UNKNOWN
    proof = (*arithmetic.for_half, *arithmetic.for_full)
    return Effective(weights=weights, compute=compute, proof=proof, note=note or arithmetic.note)


def not_run(asked: Compute, arithmetic: Arithmetic) -> str:
    """Say why fp32 ran where another arithmetic was asked for."""
    words = {
        "backend": "the engine chose its fp32 backend",
        "values": "intermediate values are not float16",
        "memory": "it takes as much memory as at precision high",
        "isa": "the device has no fp16 instructions",
        "equals-fp32": "the output equals that of fp32 to the bit",
    }
    return f"{asked} was not in effect: {', '.join(words[name] for name in arithmetic.for_full)}"


def named(operators: Sequence[Operator]) -> str:
    """Name the first operators, with their shares; a probe names sixteen at most."""
    words = [f"{each.name} ({each.type}, {percent(each.share)})" for each in operators[:_NAMED]]
    rest = len(operators) - _NAMED
    return ", ".join(words) + (f" and {rest} more" if rest > 0 else "")


def percent(share: float) -> str:
    """Return a share as whole percent, 0 % and 100 % only where it is that."""
    if 0 < share <= 0.005:
        return "less than 1 %"
    return "nearly 100 %" if 0.995 <= share < 1 else f"{100 * share:.0f} %"
