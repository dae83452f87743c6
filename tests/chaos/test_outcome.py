"""A play is right only if its fault struck, everything ended as it may, and nothing is left: each lie is caught."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.chaos.faults import FAULTS, INNOCENT, MEASURED, Fault
from tests.chaos.outcome import PRECISIONS, Outcome, Played, outcome, twice
from tests.chaos.proofs import CUT
from tests.chaos.scene import Scene
from tests.chaos.test_proofs import scene

GOOD = Outcome("cut", (MEASURED, MEASURED), (MEASURED,) * 3)
BAD = Outcome("full", ("disk-full", MEASURED), ("disk-full", MEASURED, MEASURED))
FAULT = Fault("cut", "network", MEASURED, MEASURED, proofs=(CUT,))
ERROR = {"code": "disk-full", "blame": "device", "message": "no space", "advice": "make room"}


def test_what_a_fault_allows_is_right() -> None:
    assert GOOD.right
    assert BAD.right


@pytest.mark.parametrize(
    "found",
    [
        (),
        (MEASURED,),
        (MEASURED,) * 2,
        (MEASURED,) * 4,
        (MEASURED, MEASURED, "cell-timeout"),
        ("cell-timeout", MEASURED, MEASURED),
        (MEASURED, MEASURED, "pending"),
    ],
)
def test_missing_surplus_and_other_cells_are_not_right(found: tuple[str, ...]) -> None:
    assert not replace(GOOD, found=found).right


def test_a_first_cell_must_fail_where_the_fault_hits_it() -> None:
    assert not replace(BAD, found=(MEASURED,) * 3).right
    assert not replace(BAD, found=("disk-full",) * 3).right


@pytest.mark.parametrize(
    ("lie", "told"),
    [
        ({"unproven": ("a connection was cut",)}, "NOT SHOWN: a connection was cut"),
        ({"again": ("fp16",)}, "TWICE: fp16"),
        ({"held": True}, "STILL HELD"),
        ({"advised": False}, "WITHOUT BLAME"),
    ],
)
def test_every_shortcoming_is_not_right_and_is_told(lie: dict[str, Any], told: str) -> None:
    found = replace(GOOD, **lie)
    assert not found.right
    assert told in found.story


def test_a_run_ends_with_3_where_a_fault_must_be_an_error_and_with_0_elsewhere() -> None:
    assert Played((GOOD, GOOD), 0).wrong == []
    assert Played((GOOD, BAD), 3).wrong == []
    assert Played((GOOD, BAD), 0).wrong == ["farm run ended with 0, not 3"]
    assert Played((GOOD,), 3).wrong == ["farm run ended with 3, not 0"]
    assert Played((GOOD,), 1).wrong == ["farm run ended with 1, not 0"]
    (told,) = Played((replace(GOOD, held=True), GOOD), 0).wrong
    assert told == "cut: STILL HELD"


def write(out: Path, cells: list[dict[str, Any]], measured: list[tuple[str, str]]) -> Path:
    out.mkdir()
    (out / "results.json").write_text(json.dumps({"cells": cells}))
    lines: list[dict[str, Any]] = [{"kind": "run-started"}]
    for device, precision in measured:
        key = {"device": device, "precision": precision}
        lines.append({"kind": "cell", "evidence": {"key": key, "failure": None}})
    (out / "journal.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines) + '{"kind": "ce')
    return out


def cell(precision: str, device: str = "cut", **more: Any) -> dict[str, Any]:
    return {"device": device, "precision": precision, "status": "measured", "error": None, **more}


def read(out: Path, of: Scene, *, held: bool = False) -> Outcome:
    return outcome("cut", FAULT, of, out, held=held)


def test_it_is_read_from_results_and_journal(tmp_path: Path) -> None:
    of = scene(tmp_path)
    of.proxy.cuts = 1
    cells = [cell(name) for name in reversed(PRECISIONS)] + [cell("fp32", "other", error=ERROR)]
    measured = [("cut", name) for name in PRECISIONS] + [("other", "fp32"), ("other", "fp32")]
    assert read(write(tmp_path / "out", cells, measured), of) == GOOD
    assert read(tmp_path / "out", of, held=True) == replace(GOOD, held=True)


def test_a_strike_that_did_nothing_is_not_right_although_every_cell_was_measured(tmp_path: Path) -> None:
    cells, measured = [cell(name) for name in PRECISIONS], [("cut", name) for name in PRECISIONS]
    found = read(write(tmp_path / "out", cells, measured), scene(tmp_path))
    assert found.found == (MEASURED,) * 3
    assert found.unproven == ("a connection was cut",)
    assert not found.right


def test_a_lost_cell_is_noticed(tmp_path: Path) -> None:
    found = read(write(tmp_path / "out", [cell(name) for name in PRECISIONS[:2]], []), scene(tmp_path))
    assert found.found == (MEASURED,) * 2


def test_errors_are_told_and_want_blame_and_advice(tmp_path: Path) -> None:
    cells = [cell("fp32", error=ERROR, status="error"), cell("fp16-weights"), cell("w8-lowmem")]
    found = read(write(tmp_path / "one", cells, []), scene(tmp_path))
    assert (found.found, found.said, found.advised) == (("disk-full", MEASURED, MEASURED), ("no space",), True)
    cells[0]["error"] = {**ERROR, "advice": ""}
    assert not read(write(tmp_path / "two", cells, []), scene(tmp_path)).advised


def test_double_cells_and_double_measurements_are_noticed() -> None:
    key = {"device": "cut", "precision": "fp16"}
    done = {"kind": "cell", "evidence": {"key": key, "failure": None}}
    failed = {"kind": "cell", "evidence": {"key": key, "failure": {"code": "connection-lost"}}}
    assert twice([cell("fp32"), cell("fp16")], [failed, done], "cut") == []
    assert twice([cell("fp32"), cell("fp32")], [], "cut") == ["fp32"]
    assert twice([], [done, done], "cut") == ["fp16"]
    assert twice([], [done, done], "other") == []


def test_names_are_unique_and_every_fault_but_none_has_proofs() -> None:
    assert len({fault.name for fault in FAULTS}) == len(FAULTS)
    assert [fault.name for fault in FAULTS if not fault.proofs] == []
    assert INNOCENT.proofs == ()
