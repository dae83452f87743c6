"""Which repairs apply to a cell that loses accuracy, cheapest first. Pure.

The order is that of what a repair costs an application: a run-time hint costs nothing, a rewritten graph a
conversion, other weights bytes, layers in float time, another engine an upgrade, mixed precision cuts, and fp32
everything that was to be gained. What everybody advises (weights in 8 bits, memory low) is tried like any other, in
its place.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

from harness.precision import REWRITES, Compute, Memory, Precision, Weights

BLOCK = 32
"""Input channels that share a scale where weights are quantised block by block."""


class Kind(StrEnum):
    """What sort of repair it is, in the order in which they are tried."""

    HINT = "hint"
    REWRITE = "rewrite"
    WEIGHTS = "weights"
    LAYERS = "layers kept float"
    ENGINE = "engine"
    MIXED = "mixed"
    ADVICE = "usual advice"
    FP16 = "fp16"
    FP32 = "fp32"


@dataclass(frozen=True, slots=True)
class Repair:
    """A repair that can be tried: the precision to measure in its place, under which engine."""

    kind: Kind
    title: str
    precision: Precision
    engine: str


def repairs(
    asked: Precision,
    *,
    engine: str,
    engines: Sequence[str] = (),
    layers: Sequence[str] = (),
    rewrites: Sequence[str] = REWRITES,
) -> tuple[Repair, ...]:
    """Return what to try instead of a precision, cheapest first; mixed precision, which is searched, is not among it.

    Args:
        asked: the precision that fails.
        engine: the version that it fails under.
        engines: other versions there are.
        layers: names of layers in which most of the loss is made, as the .mnn file has them.
        rewrites: those that change something in the model; the others are tried alone, which says why they do not.
    """
    order = list(Kind)
    found = {repair.precision: repair for repair in _all(asked, engine, layers, tuple(rewrites))}
    # By what they are: a repair that comes to the same as another, or to what failed, is not measured twice.
    unlike = [repair for repair in found.values() if replace(repair.precision, name="") != replace(asked, name="")]
    upgrades = [Repair(Kind.ENGINE, f"MNN {other}", asked, other) for other in engines if other != engine]
    return tuple(sorted([*_distinct(unlike), *upgrades], key=lambda repair: order.index(repair.kind)))


def _distinct(found: Sequence[Repair]) -> list[Repair]:
    by_content = {replace(repair.precision, name=""): repair for repair in reversed(found)}
    return [repair for repair in found if by_content[replace(repair.precision, name="")] is repair]


def _all(asked: Precision, engine: str, layers: Sequence[str], rewrites: tuple[str, ...]) -> Iterator[Repair]:
    if asked.compute is Compute.FP16:
        yield from _of_half(asked, engine, rewrites)
    if asked.weights.is_quantised:
        yield from _of_weights(asked, engine, layers)
    eight = Precision("w8-lowmem-fp16", Weights(bits=8), Compute.FP16, Memory.LOW)
    yield Repair(Kind.ADVICE, "8-bit weights, memory low", eight, engine)
    if layers and asked.weights == Weights():
        kept = replace(eight, name=f"{eight.name}+float-layers", weights=Weights(bits=8, keep_float=tuple(layers)))
        yield Repair(Kind.LAYERS, f"8-bit weights, {len(layers)} sensitive layers kept float", kept, engine)
    if asked.weights.is_quantised:
        yield Repair(Kind.FP16, "fp16 instead", Precision("fp16", compute=Compute.FP16), engine)
    yield Repair(Kind.FP32, "fp32", Precision("fp32"), engine)


def _of_half(asked: Precision, engine: str, rewrites: tuple[str, ...]) -> Iterator[Repair]:
    weights, plain = asked.weights, dict(asked.hints).get("winograd") == 1
    hinted = replace(asked, name=f"{asked.name}+winograd1", hints=(*_others(asked), ("winograd", 1)))
    if not plain:
        yield Repair(Kind.HINT, "fewer Winograd units", hinted, engine)
    for name in REWRITES:
        rewritten = replace(weights, rewrites=(name,))
        yield Repair(
            Kind.REWRITE, f"rewritten: {name}", replace(asked, name=f"{asked.name}+{name}", weights=rewritten), engine
        )
    if rewrites:
        both = replace(hinted, name=f"{asked.name}+rewrites", weights=replace(weights, rewrites=rewrites))
        yield Repair(Kind.REWRITE, f"rewritten: {', '.join(rewrites)}; fewer Winograd units", both, engine)


def _others(asked: Precision) -> tuple[tuple[str, int], ...]:
    return tuple(pair for pair in asked.hints if pair[0] != "winograd")


def _of_weights(asked: Precision, engine: str, layers: Sequence[str]) -> Iterator[Repair]:
    def like(
        name: str, title: str, weights: Weights, kind: Kind = Kind.WEIGHTS, memory: Memory = asked.memory
    ) -> Repair:
        precision = replace(asked, name=f"{asked.name}+{name}", weights=weights, memory=memory)
        return Repair(kind, title, precision, engine)

    weights = asked.weights
    if weights.bits is not None:
        if weights.symmetric:
            yield like("asymmetric", "asymmetric weights", replace(weights, symmetric=False))
        if weights.block is None or weights.block > BLOCK:
            yield like(f"block{BLOCK}", f"a scale for {BLOCK} channels", replace(weights, block=BLOCK))
        if not weights.hqq:
            yield like("hqq", "half-quadratic weights", replace(weights, hqq=True, symmetric=False))
        if weights.bits < 8:
            yield like("8bits", "8 bits", replace(weights, bits=8))
        if asked.memory is Memory.LOW:
            yield like("dequantised", "memory normal: float arithmetic", weights, memory=Memory.NORMAL)
    if layers:
        kept = replace(weights, keep_float=tuple(layers))
        yield like("float-layers", f"{len(layers)} sensitive layers kept float", kept, Kind.LAYERS)
