"""report.md: good enough to paste into a merge request."""

from harness.report import backstage, sections
from harness.report.text import markdown
from harness.results import RunResults

_LEGEND = (
    "Each cell: verdict · change of top-1 accuracy against onnxruntime fp32 in points (without labels: share of"
    " images with the same top-1) · what really ran. N/A means that the precision did not take effect there or could"
    " not be run, which is never a pass."
)
_EMULATED = (
    "These boards are emulated. Their numerics are the real kernels', but their times say nothing about hardware;"
    " they are no basis for comparing devices or precisions."
)


def render(results: RunResults) -> str:
    """Return the whole report; equal results give equal bytes."""
    parts = [f"# Precision farm: {markdown(results.id)}", sections.summary(results)]
    for model in results.models:
        parts += [f"## {markdown(model.name)}", sections.matrix(results, model.name)]
    parts += [_LEGEND if results.models else "", *_section("Why", sections.reasons(results))]
    parts += _section("Not decided, not applicable, not measured", sections.unmeasured(results))
    for model in results.models:
        parts += _section(f"Numbers: {markdown(model.name)}", sections.figures(results, model.name))
    parts += _timings(results)
    parts += _section("Devices", backstage.devices(results), backstage.failures(results))
    parts += _section("Fingerprints", backstage.fingerprints(results))
    parts += _section("To reproduce this run", backstage.provenance(results), backstage.files(results))
    return "\n\n".join(part for part in parts if part) + "\n"


def _timings(results: RunResults) -> list[str]:
    hardware = backstage.timings(results, emulated=False)
    emulated = backstage.timings(results, emulated=True)
    shown = _section("Timings", hardware)
    return shown + (_section("Timings of emulated boards", _EMULATED, emulated) if emulated else [])


def _section(heading: str, *bodies: str) -> list[str]:
    return [f"## {heading}", *bodies] if any(bodies) else []
