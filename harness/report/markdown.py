"""report.md: good enough to paste into a merge request."""

from collections.abc import Iterable, Sequence

from harness.diagnosis import NOTHING_FOUND, Diagnosis
from harness.report import (
    backstage,
    certainty,
    explained,
    figures,
    front,
    health,
    loss,
    remedied,
    scored,
    sections,
    summary,
    upgrade,
)
from harness.report.guide import GUIDE
from harness.report.text import markdown
from harness.results import RunResults

_LONG = 8000
_EMULATED = (
    "These boards are emulated. Their numerics are the real kernels', but their times say nothing about hardware;"
    " they are no basis for comparing devices or precisions."
)
_GRADES = (
    "Speed-ups are against fp32 on the same device, and only between stable timings. drifting: the last third of the"
    " times is 10 % off the first; noisy: MAD above 5 % of the median; few: fewer than five times;"
    " throttled, clock moved, heated up: the device itself says so."
)
_NUMERIC = "These thresholds are on the numbers alone. They decide no verdict; accuracy does."


def render(results: RunResults, diagnosis: Diagnosis = NOTHING_FOUND) -> str:
    """Return the whole report; equal results and findings give equal bytes."""
    parts = [f"# Precision farm: {markdown(results.id)}", *_top(results)]
    for model in results.models:
        parts += [f"## {markdown(model.name)}", sections.matrix(results, model.name)]
    parts.append(sections.legend(results))
    for heading, bodies in _sections(results, diagnosis):
        parts += [f"## {heading}", *bodies]
    return "\n\n".join(part for part in parts if part) + "\n"


def _top(results: RunResults) -> Iterable[str]:
    yield " ".join(markdown(sentence, _LONG) for sentence in summary.three(results))
    yield f"**{markdown(summary.counts(results))}**"
    yield "\n".join(f"- **! {markdown(alarm, _LONG)}**" for alarm in summary.alarms(results))
    yield f"What these words mean and what to do next: [how to read a verdict]({GUIDE})."


def _sections(results: RunResults, diagnosis: Diagnosis) -> Iterable[tuple[str, Sequence[str]]]:
    """Yield headings with what stands under them; those with nothing but explanations are left out."""
    hardware, emulated = (backstage.timings(results, emulated=one) for one in (False, True))
    found: list[tuple[str, str, Sequence[str]]] = [
        ("Engine versions", upgrade.LEGEND, [upgrade.engines(results)]),
        ("Where the loss comes from", loss.LEGEND, [loss.split(results)]),
        ("What loses it", explained.LEGEND, [explained.explanations(diagnosis)]),
        ("What repairs it", remedied.LEGEND, [remedied.treatments(diagnosis)]),
        ("What mixed precision costs", front.LEGEND, [front.fronts(diagnosis)]),
        ("What the hazard lint foretold", scored.LEGEND, [scored.scores(diagnosis)]),
        ("Why", "", [sections.reasons(results)]),
        ("Not decided, not applicable, not measured", "", [sections.unmeasured(results)]),
        ("Operators that did not run as asked", figures.FALLBACKS_LEGEND, [figures.fallbacks(results)]),
        ("How sure", "", [certainty.certainty(results)]),
        ("Flips", certainty.FLIPS_LEGEND, [certainty.flips(results)]),
        (
            "Devices that should agree to the bit",
            figures.PEERS_LEGEND,
            [figures.agreeing(results), figures.peers(results), figures.asked(results)],
        ),
        ("Thresholds on numbers", _NUMERIC, [figures.numeric(results)]),
        ("Numbers", "", [figures.metrics(results)]),
        ("Timings", _GRADES, [hardware]),
        ("Timings of emulated boards", _EMULATED, [emulated]),
        ("Device health", health.LEGEND, [health.health(results)]),
        ("Devices", "", [backstage.devices(results), backstage.failures(results)]),
        ("Fingerprints", "", [backstage.fingerprints(results)]),
        ("To reproduce this run", "", [backstage.provenance(results), backstage.files(results)]),
    ]
    for heading, explanation, bodies in found:
        if any(bodies):
            yield heading, [explanation, *bodies]
