"""What a run took, and what it came to, in a few sentences at its end."""

from collections.abc import Mapping

from harness.console.words import size
from harness.report.decided import decided, ran_as_asked
from harness.results import RunResults


def effort(results: RunResults, counts: Mapping[str, int]) -> str:
    """Return cells, time, bytes and variants, the share of decided cells, and how many images that saved."""
    work = (
        f"{counts.get('cells_measured', 0)} cells measured in {results.wall_s:.0f} s; "
        f"{size(counts.get('bytes_sent', 0))} sent to devices; {counts.get('variants_converted', 0)} variants "
        f"converted, {counts.get('variants_cached', 0)} from the cache."
    )
    asked = ran_as_asked(results.cells)
    if not asked:
        return work
    samples = {model.name: model.samples for model in results.models}
    seen = sum(cell.metrics.images for cell in asked if cell.metrics)
    there = sum(samples[cell.key.model] for cell in asked)
    shared = sum(cell.shared_with is not None for cell in asked)
    told = f", {shared} of them by outputs equal to the bit to another device's" if shared else ""
    return (
        f"{work}\n{len(decided(asked))} of {len(asked)} cells that ran as asked are decided{told}; it took {seen} of "
        f"{there} images."
    )
