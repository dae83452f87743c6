"""Probes, times and sizes that a device reports: figures that can be used, or a failure; and anything at all."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.agent.frames import Header
from harness.dispatch.events import JOURNAL_LINE, DeviceReady
from harness.errors import Code, FarmError
from harness.evidence import DeviceEvidence, Health, Operator, Probe, RawTiming
from harness.fleet.link import storable
from tests.fleet.clients import SETUP, client, code, hello, infer, probe, timed
from tests.fleet.wires import soon

GOOD_PROBE: Header = {
    "session_backend": 13,
    "session_memory_mb": 8,
    "session_equals_module": True,
    "tensors": 90,
    "half_tensors": 88,
    "half_flops_share": 0.97,
    "equals_high": False,
}
NAMED = {"name": "conv", "type": "Convolution", "share": 0.25}


def test_a_probe() -> None:
    found = probe(client({**GOOD_PROBE, "ok": True, "id": 3, "more": "ignored"}))
    assert found == Probe(
        session_backend=13,
        session_memory_mb=8.0,
        session_equals_module=True,
        tensors=90,
        half_tensors=88,
        half_flops_share=0.97,
        equals_high=False,
    )
    assert probe(client({"session_backend": None})) == Probe()


def test_a_probe_that_names_operators() -> None:
    named = [NAMED, {**NAMED, "share": 0.25}, {**NAMED, "share": 0.0}]
    found = probe(client({**GOOD_PROBE, "full_operators": named, "float_operators": [NAMED] * 4, "int8_share": 1}))
    assert [operator.share for operator in found.full_operators] == [0.25, 0.25, 0.0]
    assert found.float_operators == (Operator(name="conv", type="Convolution", share=0.25),) * 4
    assert found.int8_share == 1.0


@pytest.mark.parametrize("field", ["full_operators", "float_operators"])
@pytest.mark.parametrize(
    "lie",
    [
        None,
        {},
        "conv",
        [None],
        ["conv"],
        [{**NAMED, "more": 1}],
        [{"name": "conv", "share": 0.5}],
        [{**NAMED, "name": 5}],
        [{**NAMED, "name": "n" * 201}],
        [{**NAMED, "type": ""}],
        [{**NAMED, "type": "t" * 61}],
        [{**NAMED, "share": "0.5"}],
        [{**NAMED, "share": -0.1}],
        [{**NAMED, "share": 1.1}],
        [{**NAMED, "share": float("nan")}],
        [{**NAMED, "share": 0.0}] * 17,
        [NAMED] * 5,
        [NAMED, {**NAMED, "share": 0.5}],
    ],
)
def test_operators_that_cannot_be(field: str, lie: object) -> None:
    assert code(lambda: probe(client({**GOOD_PROBE, field: lie}))) is Code.PROTOCOL


@pytest.mark.parametrize(
    "lie",
    [
        {"session_backend": -1},
        {"session_backend": 10**9},
        {"session_memory_mb": -1},
        {"session_memory_mb_high": -0.5},
        {"session_memory_mb_high": 1e9},
        {"half_flops_share": 1.01},
        {"int8_share": -0.01},
        {"int8_typed_share": 2},
        {"half_rest_share": 1e9},
        {"tensors": 87},
        {"tensors": 10**8},
        {"half_tensors": -1},
        {"half_tensors_high": -1},
        {"half_tensors_high": 10**12},
        {"half_flops_share": float("nan")},
        {"session_memory_mb": float("inf")},
        {"tensors": True},
        {"tensors": "90"},
        {"tensors": 90.5},
        {"session_backend": False},
        {"session_equals_module": 1},
        {"equals_high": "true"},
        {"half_tensors": None},
        {"half_tensors": []},
        {"session_memory_mb": 10**400},
    ],
)
def test_probe_figures_that_are_none(lie: Header) -> None:
    assert code(lambda: probe(client({**GOOD_PROBE, **lie}))) is Code.PROTOCOL


def test_times() -> None:
    found = timed(client({"first_ms": 9, "samples_ms": [3.5, 4], "output_unchanged": True}))
    assert found == RawTiming(first_ms=9.0, samples_ms=(3.5, 4.0), output_unchanged=True)


@pytest.mark.parametrize(
    "lie",
    [
        {"first_ms": None},
        {"first_ms": "9"},
        {"first_ms": float("nan")},
        {"samples_ms": [1.0, float("-inf")]},
        {"samples_ms": [True]},
        {"samples_ms": 4.0},
        {"output_unchanged": None},
        {"output_unchanged": 1},
    ],
)
def test_times_that_are_none(lie: Header) -> None:
    header = {"first_ms": 9.0, "samples_ms": [3.5], "output_unchanged": True, **lie}
    assert code(lambda: timed(client(header))) is Code.PROTOCOL


GOOD_HEALTH: Header = {
    "temperatures": {"cpu": 51.5},
    "governor": "schedutil",
    "busy": 0.25,
    "memory_available_mb": 512,
    "disk_free_mb": 0,
    "battery_percent": 100.0,
    "charging": False,
}


def test_the_state_of_a_device() -> None:
    found = client({**GOOD_HEALTH, "more": 1}).health(busy_over_s=0.5, deadline=soon())
    assert found == Health.model_validate(GOOD_HEALTH)


@pytest.mark.parametrize(
    "lie",
    [
        {"governor": "x" * 201},
        {"governor": 7},
        {"busy": -0.1},
        {"busy": 1.5},
        {"memory_available_mb": -1},
        {"memory_available_mb": 10**400},
        {"disk_free_mb": 1.5},
        {"disk_free_mb": -5},
        {"battery_percent": 101.0},
        {"charging": "no"},
        {"temperatures": {"x" * 201: 1.0}},
        {"temperatures": {"cpu": float("inf")}},
        {"clocks_mhz": dict.fromkeys(map(str, range(257)), 1.0)},
        {"throttled": ["x" * 201]},
    ],
)
def test_states_that_no_device_has(lie: Header) -> None:
    header = {**GOOD_HEALTH, **lie}
    assert code(lambda: client(header).health(busy_over_s=0.0, deadline=soon())) is Code.PROTOCOL
    times = {"first_ms": 9.0, "samples_ms": [3.5], "output_unchanged": True, "health": [header]}
    assert code(lambda: timed(client(times))) is Code.PROTOCOL


@pytest.mark.parametrize("missing", ["first_ms", "samples_ms", "output_unchanged"])
def test_times_with_something_missing(missing: str) -> None:
    header = {"first_ms": 9.0, "samples_ms": [3.5], "output_unchanged": True}
    del header[missing]
    assert code(lambda: timed(client(header))) is Code.PROTOCOL


@pytest.mark.parametrize(
    ("said", "peak"),
    [
        (12, 12.0),
        (0.5, 0.5),
        (None, None),
        ("12", None),
        (True, None),
        (float("nan"), None),
        (-1, None),
        (10**400, None),
    ],
)
def test_the_peak_memory_is_a_number_or_left_out(said: object, peak: float | None) -> None:
    assert client({"max_rss_mb": said}).close_cell(SETUP, deadline=soon()) == peak


FIELDS = ["facts", "missing", "outputs", "engine", "numpy", "banner", "unpacked", "max_rss_mb", *Probe.model_fields]
anything: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters(exclude_categories=())),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["name", "shape", "dtype", "isa"]) | st.text(), inner, max_size=3)
    ),
    max_leaves=8,
)
headers = st.dictionaries(st.sampled_from([*FIELDS, *RawTiming.model_fields]), anything)


@settings(max_examples=80, deadline=None)
@given(headers, st.binary(max_size=64))
def test_whatever_is_answered_is_a_value_or_a_failure(header: Header, payload: bytes) -> None:
    of = client(storable(header), payload)
    calls: list[Callable[[], object]] = [
        lambda: kept(hello(of)),
        lambda: of.missing(["a"], deadline=soon()),
        lambda: of.engine("3.6.1", [], start_s=9.0, deadline=soon()),
        lambda: infer(of),
        lambda: json.dumps(probe(of).model_dump(), allow_nan=False),
        lambda: json.dumps(timed(of).model_dump(), allow_nan=False),
        lambda: of.close_cell(SETUP, deadline=soon()),
    ]
    for call in calls:
        try:
            call()
        except FarmError as error:
            problem = error.problem
            assert problem.code in (Code.PROTOCOL, Code.OUTPUT_MISMATCH)


def kept(facts: dict[str, object]) -> None:
    """Write facts to the journal's form and back: no device may end a run by what it says of itself."""
    line = JOURNAL_LINE.dump_json(DeviceReady(at="", device=DeviceEvidence(name="b", facts=facts)))
    assert isinstance(JOURNAL_LINE.validate_json(line), DeviceReady)
