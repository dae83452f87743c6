"""Words on known failures: what was expected, what came; plain text, to be escaped by the renderer."""

from harness.results import CellResult, Verdict


def passes_now(cell: CellResult) -> bool:
    """Tell whether a cell passes although it is known to fail."""
    return cell.expected is not None and cell.verdict is Verdict.PASS


def expected_failure(cell: CellResult) -> bool:
    """Tell whether a cell fails as it is known to."""
    return cell.expected is not None and cell.verdict is Verdict.FAIL


def words(cell: CellResult) -> str:
    """Return what is to be said of a known failure, with its reason; '' for a cell that is none."""
    if cell.expected is None:
        return ""
    reason = cell.expected or "no reason given"
    if cell.verdict is Verdict.FAIL:
        return f"expected FAIL: {reason}"
    if cell.verdict is Verdict.PASS:
        return f"known failure passes now: remove it from known_failures (it stands there because: {reason})"
    return f"known to fail, but this time {cell.verdict}: {reason}"
