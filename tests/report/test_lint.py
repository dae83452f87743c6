"""The page of the lint: ranked tables, counts, and names that must not change its shape."""

import math
from dataclasses import replace

from harness.diagnose.lint.hazard import Hazard, Kind, Reduced
from harness.diagnose.lint.lint import Lint
from harness.report.lint import MOST, headline, render

HAZARD = Hazard(
    node="/blocks.0/conv/Conv",
    op="Conv",
    kind=Kind.CANCELLATION,
    predicted=0.0512,
    carried=0.0321,
    why="a sum of 64 products that cancel",
    remedy="keep this block in fp32",
    precision=Reduced.FP16,
)
WEIGHTS = replace(HAZARD, kind=Kind.WEIGHT_RANGE, precision=Reduced.W8, predicted=math.inf, carried=0.0)


def rows(page: str) -> list[list[str]]:
    lines = [line for line in page.splitlines() if line.startswith("| /")]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]


def test_a_table_for_each_precision() -> None:
    page = render(Lint("b0", 12, 8, (HAZARD, WEIGHTS)))
    assert page.startswith("# Hazards of b0\n\n**Looked at 12 operators on 8 images: hazards 1 in fp16, ")
    assert rows(page) == [
        ["/blocks.0/conv/Conv (Conv)", "cancellation", "0.051", "0.032", HAZARD.why, HAZARD.remedy],
        ["/blocks.0/conv/Conv (Conv)", "weight-range", "∞", "0", HAZARD.why, HAZARD.remedy],
    ]
    assert [line for line in page.splitlines() if line.startswith("## ")] == [
        "## fp16 arithmetic",
        "## 8-bit weights, one scale a channel",
    ]


def test_no_hazards() -> None:
    page = render(Lint("b0", 1, 1, ()))
    assert page == "# Hazards of b0\n\n**Looked at 1 operators on 1 image: no hazards.**\n"


def test_counts_of_every_precision() -> None:
    found = Lint("b0", 12, 8, (HAZARD, HAZARD, WEIGHTS))
    assert headline(found).endswith("hazards 2 in fp16, 0 in fp16-weights, 1 in w8, 0 in w4.")


def test_the_rest_is_counted() -> None:
    page = render(Lint("b0", 12, 8, (HAZARD,) * (MOST + 3)))
    assert len(rows(page)) == MOST
    assert "… and 3 more, smaller ones." in page


def test_names_of_others_stay_in_their_cell() -> None:
    hostile = replace(HAZARD, node="/a|b<script>\n| evil", why="`x` | y")
    page = render(Lint("m|odel\n# no", 1, 1, (hostile,)))
    assert "<script>" not in page
    assert not [line for line in page.splitlines() if line.startswith(("| evil", "# no"))]
    table = [line for line in page.splitlines() if line.startswith("|")]
    assert len(table) == 3


def test_equal_findings_give_equal_bytes() -> None:
    assert render(Lint("b0", 1, 1, (HAZARD,))) == render(Lint("b0", 1, 1, (HAZARD,)))
