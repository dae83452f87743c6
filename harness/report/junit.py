"""junit.xml: one test case a cell, for the test viewers of CI systems (Jenkins, GitLab, GitHub actions).

PASS passes. FAIL is a failure; one that is known is skipped, with its reason. A known failure that passes is a
failure, as it breaks the gate. ERROR is an error. N/A is skipped, with its reason. INCONCLUSIVE is an *error*:
viewers hide skipped cases, and "no verdict could be reached" is what an error means to them. Exit codes are
another matter (`harness.judge.exit_code`).

A cell's figures stand in its system-out: Jenkins' schema (junit-10.xsd of its xunit plugin) has no properties in
a test case.
"""

from datetime import UTC, datetime
from xml.etree.ElementTree import Element, SubElement, indent, tostring

from harness.report import known, names, numbers
from harness.report.causes import PARTS, part
from harness.report.grid import change
from harness.report.loss import figures
from harness.report.stability import stability
from harness.report.text import plain, xml
from harness.results import CellResult, RunResults, Verdict

_NAME = 2000
_KINDS = {
    Verdict.FAIL: "failure",
    Verdict.ERROR: "error",
    Verdict.NA: "skipped",
    Verdict.INCONCLUSIVE: "error",
}


def render(results: RunResults) -> str:
    """Return junit.xml; characters that XML forbids are replaced, names are one line."""
    totals = _totals(results)
    root = Element("testsuites", totals)
    kinds = [_kind(cell) for cell in results.cells]
    suite = SubElement(
        root, "testsuite", {**totals, "skipped": str(kinds.count("skipped")), **_when(results.started)}
    )
    properties = SubElement(suite, "properties")
    for name, value in [("run", results.id), ("harness", results.harness), *sorted(results.versions.items())]:
        SubElement(properties, "property", {"name": _line(name), "value": _line(value)})
    for cell in results.cells:
        suite.append(_case(cell))
    indent(root)
    return f'<?xml version="1.0" encoding="utf-8"?>\n{tostring(root, encoding="unicode")}\n'


def _kind(cell: CellResult) -> str | None:
    if known.passes_now(cell):
        return "failure"
    return "skipped" if known.expected_failure(cell) else _KINDS.get(cell.verdict)


def _totals(results: RunResults) -> dict[str, str]:
    kinds = [_kind(cell) for cell in results.cells]
    return {
        "name": "precision farm",
        "tests": str(len(kinds)),
        "failures": str(kinds.count("failure")),
        "errors": str(kinds.count("error")),
        "time": f"{results.wall_s:.3f}",
    }


def _when(started: str) -> dict[str, str]:
    """Return the start in UTC without an offset, which is the only form that every schema takes."""
    try:
        began = datetime.fromisoformat(started)
    except ValueError:
        return {}
    utc = began.astimezone(UTC) if began.tzinfo else began
    return {"timestamp": f"{utc:%Y-%m-%dT%H:%M:%S}"}


def _case(cell: CellResult) -> Element:
    name = f"{cell.key.device} · {cell.key.precision} · MNN {cell.key.engine}"
    case = Element("testcase", {"classname": _line(cell.key.model), "name": _line(name), "time": "0.000"})
    kind = _kind(cell)
    if kind is not None:
        said = "; ".join(part for part in (known.words(cell), cell.reason) if part)
        message = _line(f"{cell.verdict}: {said}" if said else cell.verdict)
        child = SubElement(case, kind, {"message": message, "type": _type(cell)})
        child.text = xml(_details(cell))
    if told := _figures(cell):
        SubElement(case, "system-out").text = xml("\n".join(told))
    return case


def _type(cell: CellResult) -> str:
    if known.passes_now(cell):
        return "known failure passes"
    if cell.failure is not None:
        return str(cell.failure.code)
    return str(cell.cause or cell.verdict)


def _details(cell: CellResult) -> str:
    lines = [known.words(cell), cell.reason, f"ran: {names.ran(cell)}" if cell.effective else "", change(cell)]
    if cell.failure is not None:
        problem = cell.failure.problem
        lines += [f"whose fault: {problem.blame}", f"what to do: {problem.what_to_do}"]
    return "\n".join(line for line in lines if line)


def _figures(cell: CellResult) -> list[str]:
    """Return the figures behind a verdict, one line each."""
    lines = [f"verdict: {cell.verdict}"]
    if cell.effective is not None:
        lines += [
            f"ran: {names.ran(cell)} ({cell.effective.extent}; proof: {', '.join(cell.effective.proof) or 'none'})"
        ]
    if (found := cell.metrics) is not None:
        lines += [f"images: {found.images}", f"change: {change(cell)}"]
        lines += [f"interval of the drop, points: {numbers.interval(found.accuracy_drop_interval)}"]
        lines += [f"relative L2, median: {numbers.significant(found.relative_l2_median)}"]
    if (sure := cell.certainty) is not None:
        lines += [f"decided at: {sure.decided_at or 'not decided'}", f"images needed: {sure.images_needed or '-'}"]
    lines += [f"{cause} loss: {figures(one)}" for cause in PARTS if (one := part(cell, cause)) is not None]
    if (took := cell.timing) is not None:
        emulated = ", emulated: says nothing about hardware" if took.emulated else ""
        lines += [f"median: {numbers.fixed(took.median_ms)} ms ({stability(took)}{emulated})"]
    return [plain(line) for line in lines] if len(lines) > 1 else []


def _line(text: object) -> str:
    return xml(plain(text, _NAME))
