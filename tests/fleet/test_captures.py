"""A capture that a device reports: a value that can be used, or a failure; and no lie takes long to find."""

import json
import math
from typing import Any, cast
from unittest import mock

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.agent.frames import MAX_PAYLOAD
from harness.captured import Capture, OperatorError
from harness.errors import Code, DeviceError
from harness.fleet.captures import captured
from harness.fleet.client import AgentClient
from harness.fleet.link import Link
from tests.fleet.clients import BATCH, SETUP, Answering, client, code
from tests.fleet.wires import soon

Fields = dict[str, Any]

OPERATOR: Fields = {
    "name": "conv",
    "type": "Convolution",
    "flops": 3.2,
    "elements": 100,
    "integers": 0,
    "relative_l2": 0.125,
    "largest": 40000.0,
    "rms": 11.5,
    "nonfinite": 0,
    "near_overflow": 0.01,
    "flushed": 0.02,
    "tiny": 0.03,
    "made": 0.0625,
    "rounding": 0.03125,
    "amplification": 12.0,
}
SUMMARY: Fields = {
    "undisturbed": True,
    "control_undisturbed": True,
    "restored": True,
    "output_relative_l2": 0.5,
    "unmatched": 2,
    "scratch_mb": 24.0,
}
UNKNOWN: Fields = {"made": None, "rounding": None, "amplification": None}
SILENT: Fields = {"largest": 0, "rms": 0, "near_overflow": 0, "flushed": 0, "tiny": 0}


def lines(*values: object) -> bytes:
    return "\n".join(map(json.dumps, values)).encode()


def reported(summary: Fields | None = None, **operator: object) -> bytes:
    return lines({**SUMMARY, **(summary or {})}, {**OPERATOR, **operator})


def capture(of: AgentClient) -> Capture:
    return of.capture(SETUP, BATCH, index=3, control="c" * 64, deadline=soon())


def test_a_capture() -> None:
    link = Answering({}, reported())
    found = capture(AgentClient(cast(Link, link)))
    assert found == Capture(**SUMMARY, operators=(OperatorError(**OPERATOR),))
    batch = {"batch": BATCH.digest, "mean": [0.5], "std": [0.25]}
    assert link.asked == [{"op": "capture", "cell": SETUP.cell, **batch, "index": 3, "control": "c" * 64}]


@pytest.mark.parametrize("lie", [{"cell": "m/fp16/3.6.1"}, {"batch": "c" * 64}])
def test_an_answer_for_another_cell_or_batch_is_none(lie: Fields) -> None:
    assert code(lambda: capture(client(lie, reported()))) is Code.PROTOCOL


@pytest.mark.parametrize(
    "operator",
    [
        {"relative_l2": math.inf, "nonfinite": 3},
        {"made": math.inf, "rounding": math.inf, "amplification": None},
        {"largest": math.inf},
        {"name": "", "type": "ReLU [ DT_INT8 ] "},
        {"name": "é" * 200},
        {**SILENT, **UNKNOWN, "relative_l2": None},
        {**SILENT, "integers": 100, "amplification": None},
        {"elements": 0},
    ],
)
def test_figures_that_say_something_unusual(operator: Fields) -> None:
    (found,) = captured(reported(**operator)).operators
    assert {name: getattr(found, name) for name in operator} == operator
    stored = Capture.model_validate_json(captured(reported(**operator)).model_dump_json())
    assert stored.operators == (found,), "it can be kept in a file"


def test_what_was_not_restored_is_not_known() -> None:
    found = captured(reported({"restored": False}, **UNKNOWN))
    assert (found.restored, found.operators[0].made) == (False, None)
    nothing = captured(lines(SUMMARY))
    assert (nothing.operators, nothing.unmatched) == ((), 2)


@pytest.mark.parametrize(
    "lie",
    [
        *({name: None} for name in OPERATOR if name not in ("amplification",)),
        *({name: -1} for name in OPERATOR),
        *({name: math.nan} for name in OPERATOR),
        *({name: "1"} for name in OPERATOR if name not in ("name", "type")),
        *({name: True} for name in OPERATOR),
        *({name: []} for name in OPERATOR),
        *({name: 1.5} for name in ("elements", "integers", "nonfinite", "near_overflow", "flushed", "tiny")),
        *({name: math.inf} for name in ("flops", "rms", "near_overflow", "amplification")),
        {"name": "n" * 201},
        {"type": ""},
        {"type": "t" * 61},
        {"elements": 10**13},
        {"more": 1},
        {"nonfinite": 101, "relative_l2": math.inf},
        {"nonfinite": 1},
        {"relative_l2": math.inf},
        {"integers": 101, "amplification": None},
        {"integers": 100, "amplification": None, "nonfinite": 1, "relative_l2": math.inf},
        {"integers": 1},
        {"rms": 40001.0},
        {"largest": 32000.0},
        {"flushed": 0.031},
        UNKNOWN,
        {"rounding": None, "amplification": None},
        {"rounding": math.inf},
    ],
)
def test_operators_that_cannot_be(lie: Fields) -> None:
    with pytest.raises(DeviceError) as refused:
        captured(reported(**lie))
    assert refused.value.problem.code is Code.PROTOCOL
    assert len(refused.value.problem.message) < 600


@pytest.mark.parametrize("missing", sorted(OPERATOR))
def test_operators_with_something_missing(missing: str) -> None:
    left = {name: value for name, value in OPERATOR.items() if name != missing}
    assert code(lambda: captured(lines(SUMMARY, left))) is Code.PROTOCOL


@pytest.mark.parametrize(
    "lie",
    [
        *({name: None} for name in SUMMARY if name != "output_relative_l2"),
        *({name: 1} for name in ("undisturbed", "control_undisturbed", "restored")),
        *({name: -1} for name in ("output_relative_l2", "unmatched", "scratch_mb")),
        *({name: math.nan} for name in ("output_relative_l2", "unmatched", "scratch_mb")),
        {"scratch_mb": math.inf},
        {"unmatched": 1.5},
        {"unmatched": 10**400},
        {"more": 1},
        {"operators": [OPERATOR]},
        {"restored": False},
        {"x" * 10**6: 1},
        {"\x1b[2J": 1},
    ],
)
def test_summaries_that_cannot_be(lie: Fields) -> None:
    with pytest.raises(DeviceError) as refused:
        captured(reported(lie))
    assert refused.value.problem.code is Code.PROTOCOL
    assert len(refused.value.problem.message) < 600
    assert refused.value.problem.message.isprintable()


@pytest.mark.parametrize("missing", sorted(SUMMARY))
def test_summaries_with_something_missing(missing: str) -> None:
    left = {name: value for name, value in SUMMARY.items() if name != missing}
    assert code(lambda: captured(lines(left, OPERATOR))) is Code.PROTOCOL


@pytest.mark.parametrize(
    "payload",
    [
        b"",
        b"{",
        b"[]",
        b"null",
        lines({**SUMMARY, "unmatched": 0}),
        lines(OPERATOR, SUMMARY),
        lines(SUMMARY, SUMMARY),
        lines([SUMMARY, OPERATOR]),
        lines({**SUMMARY, "operators": [OPERATOR]}),
        *(lines(SUMMARY, OPERATOR, other) for other in (None, 7, [], [OPERATOR], {}, {"operators": OPERATOR})),
        reported() + b"\n",
        reported() + b"\n\n" + lines(OPERATOR),
        b"\xff" * 100,
        b"[" * 10**6,
        b'{"operators":' * 10**5,
        reported().replace(b'"conv"', b'"\\ud800"'),
        reported().replace(b'"conv"', b'"\xff"'),
    ],
)
def test_payloads_that_are_no_capture(payload: bytes) -> None:
    assert code(lambda: captured(payload)) is Code.PROTOCOL


@pytest.mark.parametrize("line", [b"", b"{}", b"[]", b"0", json.dumps(OPERATOR).encode()])
def test_as_many_lines_as_a_frame_holds(line: bytes) -> None:
    payload = lines(SUMMARY) + (b"\n" + line) * (MAX_PAYLOAD // (len(line) + 1))
    with mock.patch.object(OperatorError, "model_validate_json", side_effect=AssertionError):
        assert code(lambda: captured(payload)) is Code.PROTOCOL, "nothing is made of them"


def test_lines_and_operators_up_to_the_bound() -> None:
    assert len(captured(lines(SUMMARY, *[OPERATOR] * 4096)).operators) == 4096
    assert code(lambda: captured(lines(SUMMARY, *[OPERATOR] * 4097))) is Code.PROTOCOL
    assert captured(reported() + b" " * 3000)
    assert code(lambda: captured(reported() + b" " * 4096)) is Code.PROTOCOL
    assert code(lambda: captured(lines(SUMMARY) + b" " * 4096)) is Code.PROTOCOL
    assert code(lambda: captured(b"[" * MAX_PAYLOAD)) is Code.PROTOCOL


anything: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=5,
)


@settings(deadline=None)
@given(
    st.dictionaries(st.sampled_from(sorted(SUMMARY)), anything),
    st.dictionaries(st.sampled_from(sorted(OPERATOR)), anything),
)
def test_whatever_is_reported_is_a_value_or_a_failure(summary: Fields, operator: Fields) -> None:
    payload = reported(summary, **operator)
    try:
        found = captured(payload)
    except DeviceError as error:
        problem = error.problem
        assert problem.code is Code.PROTOCOL
    else:
        assert Capture.model_validate_json(found.model_dump_json()) == found
