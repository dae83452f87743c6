"""results.json: strict JSON, by its schema, by the contract."""

import copy
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator, ValidationError

from harness.errors import Code
from harness.report.json_report import document, render, schema
from harness.results import Verdict

from .builders import cells, explained, key, measured, metrics, results
from .hostile import hostile

VALIDATOR = Draft202012Validator(schema())
EXPLAINED = results(cells=(explained(cells()[1]),))


def refuse_constant(name: str) -> None:
    raise AssertionError(f"{name} is not strict JSON")


def strict(text: str) -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads(text, parse_constant=refuse_constant)
    return loaded


def test_the_schema_is_a_schema() -> None:
    Draft202012Validator.check_schema(schema())


@pytest.mark.parametrize("run", [results(), results(cells=(), models=(), devices=()), hostile(), EXPLAINED])
def test_the_document_keeps_to_its_schema(run: Any) -> None:
    VALIDATOR.validate(strict(render(run)))


def test_the_keys_of_the_contract() -> None:
    shown = strict(render(results()))
    assert shown["schema"] == "farm-results/1"
    assert (
        shown["run"].items()
        >= {"id": "20260101-120000", "wall_s": 123.4, "complete": False, "harness": "0.1.0"}.items()
    )
    assert shown["devices"][0]["fingerprint"] == {
        "machine": "aarch64",
        "isa": ["fp16", "dot"],
        "python": "3.11.2",
        "engine": "3.6.1",
        "cpus": [0, 1],
        "governor": None,
        "temperatures": {"cpu": 48.5},
    }
    cell = shown["cells"][1]
    assert {
        name: cell[name] for name in ("device", "model", "precision", "engine", "status", "verdict", "cause")
    } == {
        "device": "pi5-01",
        "model": "b0",
        "precision": "fp16",
        "engine": "3.6.1",
        "status": "measured",
        "verdict": "FAIL",
        "cause": None,
    }
    assert cell["effective"].items() >= {"weights": "float32", "compute": "fp16", "proven": True}.items()
    assert cell["effective"]["proof"] == ["backend", "values"]
    assert cell["metrics"]["accuracy_drop_points"] == 5.0
    assert cell["metrics"]["accuracy_drop_interval"] == [1.0, 9.0]
    assert cell["timing"] == {
        "emulated": False,
        "first_ms": 40.0,
        "median_ms": 20.0,
        "p90_ms": 22.0,
        "mad_ms": 0.5,
        "stable": True,
        "drift": 1.0,
        "grade": "stable",
    }
    assert cell["error"] is None


def test_what_a_verdict_rests_on_is_there() -> None:
    cell = strict(render(EXPLAINED))["cells"][0]
    assert cell["effective"]["extent"] == "partly in effect"
    assert cell["effective"]["share"] == 0.875
    assert cell["effective"]["fallbacks"] == [{"name": "/stem/conv", "type": "Convolution", "share": 0.125}]
    assert cell["certainty"] == {
        "confidence": 0.95, "method": "spending", "decided_at": 50, "images_needed": None
    }  # fmt: skip
    split = cell["split"]
    assert (split["dominant"], split["quantisation"]) == ("arithmetic", None)
    assert split["floor"] == {"images": 60, "relative_l2_median": 0.0121, "flips": 1, "drop_points": 0.0}
    assert split["device"]["relative_l2_median"] is None, "infinite"
    assert cell["peers"] == {
        **{"equal": ["b-01"], "unequal": ["b-02"], "odd": "b-02"},
        **{"asked_equal": [], "asked_unequal": ["max-01"], "asked_odd": "max-01"},
    }
    assert cell["flips"][0] == {"image": 7, "reference": 3, "given": 5, "label": 3, "margin": 0.001}
    assert cell["flips"][1]["given"] is None
    assert cell["numeric"] == {"relative_l2": False, "cosine": True}
    assert cell["shared_with"] == {"device": "a72-01", "model": "b0", "precision": "fp32", "engine": "3.6.1"}
    assert cell["expected"] == "4-bit weights, see the log"


def test_peers_of_an_older_document_keep_to_the_schema() -> None:
    shown = strict(render(EXPLAINED))
    for name in ("asked_equal", "asked_unequal", "asked_odd"):
        del shown["cells"][0]["peers"][name]
    VALIDATOR.validate(shown)


def test_an_error_has_code_blame_message_and_advice() -> None:
    error = strict(render(results()))["cells"][6]["error"]
    assert (error["code"], error["blame"]) == (Code.CONNECTION_LOST.value, "infrastructure")
    assert error["message"] == "the link to phone-01 broke after 12 of 60 images"
    assert error["advice"]


def test_what_is_not_finite_is_null() -> None:
    found = strict(render(results()))["cells"][7]["metrics"]
    assert (found["cosine_min"], found["max_abs"], found["nonfinite"]) == (None, None, 2)
    assert strict(render(hostile()))["devices"][0]["fingerprint"]["load"] is None


@given(st.floats(), st.text(), st.text())
def test_any_number_and_any_string_stay_strict(number: float, name: str, reason: str) -> None:
    found = metrics().model_copy(update={"max_abs": abs(number), "cosine_min": None})
    cell = measured(key("d", "fp32", name or "m"), Verdict.FAIL, found=found, reason=reason or "r")
    shown = strict(render(results(cells=(cell,))))
    assert shown["cells"][0]["reason"] == (reason or "r")
    VALIDATOR.validate(shown)


def broken_documents() -> list[tuple[str, Any]]:
    """Documents that a careless renderer might write."""

    def change(path: str, value: object) -> tuple[str, Any]:
        made = copy.deepcopy(document(results()))
        *parents, last = path.split("/")
        place: Any = made
        for step in parents:
            place = place[int(step) if step.isdigit() else step]
        place[last] = value
        return path, made

    return [
        change("schema", "farm-results/2"),
        change("extra", 1),
        change("run/extra", 1),
        change("run/complete", "yes"),
        change("cells/0/extra", 1),
        change("cells/0/verdict", "pass"),
        change("cells/0/verdict", "ERROR"),
        change("cells/0/metrics", None),
        change("cells/0/metrics/images", 0),
        change("cells/0/metrics/top1_agreement", 95.0),
        change("cells/0/metrics/max_abs", "Infinity"),
        change("cells/0/effective/in_effect", False),
        change("cells/0/error", {"code": "x", "blame": "y", "message": "", "advice": ""}),
        change("cells/1/reason", ""),
        change("cells/4/verdict", "PASS"),
        change("cells/5/verdict", "PASS"),
        change("cells/6/error", None),
        change("cells/6/verdict", "PASS"),
        change("cells/0/timing/median_ms", -1.0),
        change("cells/0/timing/grade", "good"),
        change("cells/0/effective/extent", "mostly"),
        change("cells/0/effective/share", 1.5),
        change("cells/0/certainty", {"confidence": 0.95}),
        change("cells/0/split", {"dominant": "luck"}),
        change("cells/0/flips", [{"image": -1, "reference": 0, "given": 1, "label": None, "margin": 0.5}]),
        change("cells/0/shared_with", "a72-01"),
        change("cells/0/expected", ["reason"]),
        change("models/0/warnings", "none"),
        change("cells/0/peers", {"equal": [], "unequal": [], "odd": None, "asked_odd": 3}),
    ]


@pytest.mark.parametrize(("path", "made"), broken_documents(), ids=lambda part: part if isinstance(part, str) else "")
def test_the_schema_refuses(path: str, made: Any) -> None:
    with pytest.raises(ValidationError):
        VALIDATOR.validate(made)
