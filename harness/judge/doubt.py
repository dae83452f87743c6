"""A pass on samples that look wrong is none: fed wrongly, reference and device are wrong on the same images."""

from collections.abc import Iterable, Mapping

from harness.results import CellResult, ModelResult, Verdict

_SO = "the samples look wrong, and nobody loses accuracy on those"
_MEND = "mend the samples and measure again"


def doubted(cells: Iterable[CellResult], models: Iterable[ModelResult]) -> tuple[CellResult, ...]:
    """Withhold every PASS (INCONCLUSIVE) of a model whose samples carry a warning.

    The warnings are those of `harness.models.sample_warnings`, which compares the reference with itself on the same
    images read in other ways. A FAIL stands: what is lost even there is lost.
    """
    warnings = {model.name: "; ".join(model.warnings) for model in models if model.warnings}
    return tuple(_withheld(cell, warnings) for cell in cells)


def _withheld(cell: CellResult, warnings: Mapping[str, str]) -> CellResult:
    said = warnings.get(cell.key.model)
    if said is None or cell.verdict is not Verdict.PASS:
        return cell
    # However many images were enough for a pass, no number of such images is.
    sure = cell.certainty and cell.certainty.model_copy(update={"decided_at": None, "images_needed": None})
    reason = "; ".join(filter(None, (f"{_SO}: {said}; {_MEND}", cell.reason)))
    return cell.model_copy(update={"verdict": Verdict.INCONCLUSIVE, "reason": reason, "certainty": sure})
