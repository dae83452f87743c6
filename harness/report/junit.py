"""junit.xml: one test case a cell, for the test viewers of CI systems."""

from xml.etree.ElementTree import Element, SubElement, indent, tostring

from harness.report import names
from harness.report.grid import change
from harness.report.text import xml
from harness.results import CellResult, RunResults, Verdict

_KINDS = {
    Verdict.FAIL: "failure",
    Verdict.ERROR: "error",
    Verdict.NA: "skipped",
    Verdict.INCONCLUSIVE: "skipped",
}
"""INCONCLUSIVE and N/A are shown as skipped: the cell neither keeps its accuracy nor loses it."""


def render(results: RunResults) -> str:
    """Return junit.xml; characters that XML forbids are replaced."""
    root = Element("testsuites", _totals(results))
    suite = SubElement(root, "testsuite", {**_totals(results), "timestamp": xml(results.started)})
    properties = SubElement(suite, "properties")
    for name, value in [("run", results.id), ("harness", results.harness), *sorted(results.versions.items())]:
        SubElement(properties, "property", {"name": xml(name), "value": xml(value)})
    for cell in results.cells:
        suite.append(_case(cell))
    indent(root)
    return f'<?xml version="1.0" encoding="utf-8"?>\n{tostring(root, encoding="unicode")}\n'


def _totals(results: RunResults) -> dict[str, str]:
    kinds = [_KINDS.get(cell.verdict) for cell in results.cells]
    totals = {"failures": "failure", "errors": "error", "skipped": "skipped"}
    return {
        "name": "precision farm",
        "tests": str(len(kinds)),
        **{name: str(kinds.count(kind)) for name, kind in totals.items()},
        "time": f"{results.wall_s:.3f}",
    }


def _case(cell: CellResult) -> Element:
    name = f"{cell.key.device} · {cell.key.precision} · MNN {cell.key.engine}"
    case = Element("testcase", {"classname": xml(cell.key.model), "name": xml(name), "time": "0"})
    kind = _KINDS.get(cell.verdict)
    if kind is not None:
        message = xml(f"{cell.verdict}: {cell.reason}" if cell.reason else str(cell.verdict))
        child = SubElement(case, kind, {"message": message, "type": _type(cell)})
        child.text = xml(_details(cell))
    return case


def _type(cell: CellResult) -> str:
    if cell.failure is not None:
        return str(cell.failure.code)
    return str(cell.cause or cell.verdict)


def _details(cell: CellResult) -> str:
    lines = [cell.reason, f"ran: {names.ran(cell)}" if cell.effective else "", change(cell)]
    if cell.failure is not None:
        problem = cell.failure.problem
        lines += [f"whose fault: {problem.blame}", f"what to do: {problem.what_to_do}"]
    return "\n".join(line for line in lines if line)
