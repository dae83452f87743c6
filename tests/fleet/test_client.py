"""The client: every answer of a device is a value that can be used, or a failure that says what was wrong."""

from typing import cast

import numpy as np
import pytest

from harness.agent.frames import Header
from harness.errors import Code
from harness.fleet.client import MAX_OUTPUT_ELEMENTS, AgentClient, EngineFacts
from harness.fleet.link import Link
from tests.fleet.clients import SETUP, Answering, client, code, hello, infer, probe
from tests.fleet.wires import soon


def outputs(shape: object, name: object = "logits", dtype: object = "float32") -> Header:
    return {"outputs": [{"name": name, "shape": shape, "dtype": dtype}], "infer_ms": [1.0]}


VALUES = np.array([[1.5, -2.0, np.nan], [0.0, np.inf, 3.0]], np.float32)


def test_outputs_come_back_as_they_were_computed() -> None:
    found = infer(client(outputs([2, 3]), VALUES.astype("<f4").tobytes()))
    assert found.dtype == np.float32
    assert found.tobytes() == VALUES.tobytes()  # a NaN is a result, not a protocol failure
    assert found.flags.writeable


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        (outputs([2, 3], name="other"), Code.OUTPUT_MISMATCH),
        (outputs([2, 3], name=None), Code.OUTPUT_MISMATCH),
        (outputs([2, 3], dtype="float16"), Code.OUTPUT_MISMATCH),
        (outputs([2, 3], dtype=["float32"]), Code.OUTPUT_MISMATCH),
        (outputs([3, 2]), Code.OUTPUT_MISMATCH),
        (outputs([2, 4]), Code.OUTPUT_MISMATCH),
        (outputs([2]), Code.OUTPUT_MISMATCH),
        (outputs([]), Code.OUTPUT_MISMATCH),
        (outputs([2, MAX_OUTPUT_ELEMENTS]), Code.OUTPUT_MISMATCH),
        (outputs([2, 10**300]), Code.OUTPUT_MISMATCH),
        (outputs([-2, -3]), Code.PROTOCOL),
        (outputs([2, 0]), Code.PROTOCOL),
        (outputs([2, 3.0]), Code.PROTOCOL),
        (outputs([2, 3, True]), Code.PROTOCOL),
        (outputs([2, "3"]), Code.PROTOCOL),
        (outputs("23"), Code.PROTOCOL),
        (outputs(None), Code.PROTOCOL),
        ({}, Code.PROTOCOL),
        ({"outputs": []}, Code.PROTOCOL),
        ({"outputs": {}}, Code.PROTOCOL),
        ({"outputs": [[]]}, Code.PROTOCOL),
        ({"outputs": outputs([2, 3])["outputs"] * 2}, Code.PROTOCOL),
    ],
)
def test_lies_about_outputs(header: Header, expected: Code) -> None:
    assert code(lambda: infer(client(header, VALUES.tobytes()))) is expected


@pytest.mark.parametrize("size", [0, 4, 23, 25, 48])
def test_a_payload_of_another_size_than_its_shape(size: int) -> None:
    assert code(lambda: infer(client(outputs([2, 3]), bytes(size)))) is Code.OUTPUT_MISMATCH


@pytest.mark.parametrize("facts", [None, [], "aarch64", 7])
def test_facts_that_are_none(facts: object) -> None:
    assert code(lambda: hello(client({"facts": facts}))) is Code.PROTOCOL


def test_only_what_was_asked_for_can_be_missing() -> None:
    of = client({"missing": ["c", "a", "never asked", 7, None]})
    assert of.missing(["a", "b", "c"], deadline=soon()) == ["a", "c"]
    assert code(lambda: client({"missing": "abc"}).missing(["a"], deadline=soon())) is Code.PROTOCOL


def test_an_engine_s_words_are_kept_short() -> None:
    found = client({"engine": "3" * 999, "numpy": None, "banner": "b" * 9999, "unpacked": "yes"}).engine(
        "3.6.1", [], deadline=soon()
    )
    assert found == EngineFacts("3" * 100, "None", "b" * 500, False)


def test_requests_are_as_the_protocol_has_them() -> None:
    link = Answering({"facts": {}, **outputs([2, 3]), "tensors": 3}, VALUES.tobytes())
    of = AgentClient(cast(Link, link))
    hello(of)
    of.open(SETUP, deadline=soon())
    infer(of)
    probe(of)
    batch = {"batch": "b" * 64, "mean": [0.5], "std": [0.25]}
    assert link.asked == [
        {"op": "hello", "run": "r", "holder": "me@here", "lease": "~/lease", "heartbeat_s": 12.0},
        {
            "op": "open",
            "cell": "m/fp32/3.6.1",
            "engine": "3.6.1",
            "model": "a" * 64,
            "runtime": {"backend": 0, "numThread": 4, "precision": 1, "memory": 0, "power": 0},
            "hints": [[3, 1]],
            "inputs": ["image"],
            "outputs": ["logits"],
            "cpus": [4, 5],
            "deadline_s": 600.0,
        },
        {"op": "infer", "cell": SETUP.cell, **batch, "first": 0, "count": 2},
        {"op": "probe", "cell": SETUP.cell, **batch, "index": 0},
    ]


@pytest.mark.parametrize("lie", [{"cell": "m/fp16/3.6.1"}, {"batch": "c" * 64}, {"cell": None}, {"batch": None}])
def test_an_answer_for_another_cell_or_batch_is_none(lie: dict[str, object]) -> None:
    header = {**outputs([2, 3]), **lie}
    assert code(lambda: infer(client(header, bytes(24)))) is Code.PROTOCOL
    assert code(lambda: probe(client(lie))) is Code.PROTOCOL
