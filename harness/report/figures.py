"""The sections of report.md with the numbers behind the verdicts: distances, numbers-only thresholds, peers."""

from collections.abc import Sequence

from harness.report import names, numbers
from harness.report.cell_table import cell_table
from harness.report.text import markdown
from harness.results import CellResult, RunResults

PEERS_LEGEND = (
    "Devices with the same arithmetic, engine version and number of threads should agree to the bit. Where one does"
    " not, suspect its memory, its clock, or kernels for an instruction set that the others lack."
)

ASKED_LEGEND = (
    "Asked the same, but what ran on one side or the other is not proven. Such devices need not agree; where one"
    " alone differs, whatever ran there is not what ran on the others."
)


FALLBACKS_LEGEND = "By the share of the model's multiply-adds. All of them are in results.json."

MOST_OPERATORS = 4
"""Operators of a cell that are named; smaller ones are counted."""


def metrics(results: RunResults) -> str:
    """Return the numbers behind the matrix; '' where no cell has any."""
    cells = [cell for cell in results.cells if cell.metrics is not None]
    labelled = any(cell.metrics and cell.metrics.top1_accuracy is not None for cell in cells)
    accuracy = ["top-1", "reference top-1", "drop, points", "interval, points"] if labelled else []
    headings = ["ran", "images", "not finite", "rel. L2 median", "cosine median", "cosine min", "max. abs."]
    headings += ["agreement", "interval, %", *accuracy]
    return cell_table(cells, results, headings, lambda cell: _metrics(cell, labelled), range(1, len(headings)))


def numeric(results: RunResults) -> str:
    """Return whether numbers-only thresholds are kept, apart from accuracy; '' where none is set."""
    limits = results.thresholds
    cells = [cell for cell in results.cells if cell.numeric is not None and cell.metrics is not None]
    headings = []
    if limits.relative_l2 is not None:
        headings += ["rel. L2 median", f"at most {limits.relative_l2:g}"]
    if limits.cosine is not None:
        headings += ["cosine median", f"at least {limits.cosine:g}"]
    return (
        cell_table(cells, results, headings, lambda cell: _numeric(cell, results), [0, 2][: len(headings) // 2])
        if headings
        else ""
    )


def peers(results: RunResults) -> str:
    """Return the cells that differ from devices that should agree with them to the bit; '' where all agree."""
    cells = [cell for cell in results.cells if cell.peers is not None and (cell.peers.unequal or cell.peers.odd)]
    return cell_table(cells, results, ["differs from", "agrees with", "odd one out"], _peers)


def asked(results: RunResults) -> str:
    """Return the cells that differ from devices that were asked the same, what ran not being proven; '' for none."""
    cells = [cell for cell in results.cells if cell.peers is not None and cell.peers.asked_unequal]
    found = cell_table(cells, results, ["differs from", "agrees with", "odd one out"], _asked)
    return f"{ASKED_LEGEND}\n\n{found}" if found else ""


def agreeing(results: RunResults) -> str:
    """Return one line on how many cells agree to the bit with every peer they have; '' where none has peers."""
    found = [
        cell.peers for cell in results.cells if cell.peers is not None and (cell.peers.equal or cell.peers.unequal)
    ]
    equal = sum(not one.unequal for one in found)
    return f"{equal} of {len(found)} cells with peers agree with all of them to the bit." if found else ""


def fallbacks(results: RunResults) -> str:
    """Return the operators that did not run as asked, where a cell names some, the largest first."""
    cells = [cell for cell in results.cells if cell.effective is not None and cell.effective.fallbacks]
    return cell_table(cells, results, ["ran as asked", "these did not"], _fallbacks, [0])


def _metrics(cell: CellResult, labelled: bool) -> list[str]:
    found = cell.metrics
    if found is None:
        return []
    row = [markdown(names.ran(cell)), str(found.images), str(found.nonfinite)]
    row += [numbers.significant(found.relative_l2_median), numbers.cosine(found.cosine_median)]
    row += [numbers.cosine(found.cosine_min), numbers.significant(found.max_abs)]
    row += [numbers.percent(found.top1_agreement), numbers.span(found.agreement_interval, 100.0)]
    if labelled:
        row += [numbers.percent(found.top1_accuracy), numbers.percent(found.reference_accuracy)]
        row += [numbers.fixed(found.accuracy_drop_points), numbers.interval(found.accuracy_drop_interval)]
    return row


def _numeric(cell: CellResult, results: RunResults) -> list[str]:
    found, kept, limits = cell.metrics, cell.numeric, results.thresholds
    if found is None or kept is None:
        return []
    row = []
    if limits.relative_l2 is not None:
        row += [numbers.significant(found.relative_l2_median), _kept(kept.relative_l2)]
    if limits.cosine is not None:
        row += [numbers.cosine(found.cosine_median), _kept(kept.cosine)]
    return row


def _kept(kept: bool | None) -> str:
    return numbers.NONE if kept is None else "kept" if kept else "**BROKEN**"


def _peers(cell: CellResult) -> list[str]:
    found = cell.peers
    return [] if found is None else _company(found.unequal, found.equal, found.odd)


def _asked(cell: CellResult) -> list[str]:
    found = cell.peers
    return [] if found is None else _company(found.asked_unequal, found.asked_equal, found.asked_odd)


def _company(unequal: Sequence[str], equal: Sequence[str], odd: str | None) -> list[str]:
    return [markdown(", ".join(unequal), 4000), markdown(", ".join(equal), 4000), markdown(odd or "")]


def _fallbacks(cell: CellResult) -> list[str]:
    ran = cell.effective
    if ran is None:
        return []
    by_share = sorted(ran.fallbacks, key=lambda one: -one.share)
    words = [f"{one.name} ({one.type}, {numbers.percent(one.share)})" for one in by_share[:MOST_OPERATORS]]
    if rest := by_share[MOST_OPERATORS:]:
        words.append(f"{len(rest)} smaller ones ({numbers.percent(sum(one.share for one in rest))} together)")
    return [numbers.percent(ran.share), markdown("; ".join(words), 2000)]
