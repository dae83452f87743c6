"""The client: every answer of a device is a value that can be used, or a failure that says what was wrong."""

import math
from dataclasses import dataclass, replace
from typing import cast

import numpy as np
import pytest

from harness.agent.frames import CHUNK, Header
from harness.errors import Code, TransportError
from harness.fleet.client import MAX_OUTPUT_ELEMENTS, AgentClient, EngineFacts, LeaseFacts
from harness.fleet.deadline import Deadline
from harness.fleet.link import Link
from harness.precision import Compute, Segment
from tests.fleet.clients import SETUP, Answering, client, code, hello, infer, probe
from tests.fleet.wires import HandClock, soon


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
        ({"held": False, "run": None, "holder": None, "held_s": None}, LeaseFacts(held=False)),
        ({"held": True, "run": "r", "holder": "me", "held_s": 2}, LeaseFacts(True, "r", "me", 2.0)),
        ({"held": True, "run": 7, "holder": ["x"], "held_s": -1}, LeaseFacts(True, "7", "['x']", None)),
        ({"held": True, "held_s": math.nan}, LeaseFacts(held=True)),
        ({"held": True, "held_s": math.inf}, LeaseFacts(held=True)),
        ({"held": True, "held_s": True}, LeaseFacts(held=True)),
        ({"held": True, "held_s": "long", "holder": "x" * 1000}, LeaseFacts(held=True, holder="x" * 100)),
    ],
)
def test_who_holds_a_device(header: Header, expected: LeaseFacts) -> None:
    assert client(header).who("~/lease", deadline=soon()) == expected


@pytest.mark.parametrize("held", [None, 1, "yes", []])
def test_a_lease_that_is_neither_held_nor_free(held: object) -> None:
    assert code(lambda: client({"held": held}).who("~/lease", deadline=soon())) is Code.PROTOCOL


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
        "3.6.1", [], start_s=9.0, deadline=soon()
    )
    assert found == EngineFacts("3" * 100, "None", "b" * 500, False)


@dataclass
class SlowWire:
    """Takes every chunk, each in its time; the agent at its end says nothing before it has all of them."""

    clock: HandClock
    chunk_s: float
    frames: int = 0

    def sendall(self, s: bytes) -> None:
        assert len(s) > CHUNK
        self.frames += 1
        self.clock.now += self.chunk_s

    def recv(self, nbytes: int) -> bytes:
        raise AssertionError(nbytes)

    def close(self) -> None:
        """Nothing to close."""


def test_a_link_that_trickles_meets_the_deadline() -> None:
    # Each chunk that the network takes is a sign of life, so nobody else would ever end this.
    clock = HandClock()
    wire, heard = SlowWire(clock, chunk_s=8.0), list[int]()
    with pytest.raises(TransportError) as caught:
        AgentClient(Link(wire, clock=clock)).put(
            "a" * 64, bytes(100 * CHUNK), deadline=Deadline.after(20.0, clock), sent=heard.append
        )
    assert caught.value.problem.code is Code.CONNECTION_LOST
    assert caught.value.problem.message == "Only 3,145,728 of 104,857,600 bytes were sent within 20 s."
    assert (wire.frames, heard) == (3, [CHUNK] * 3)


def test_requests_are_as_the_protocol_has_them() -> None:
    link = Answering({"facts": {}, **outputs([2, 3]), "tensors": 3}, VALUES.tobytes())
    of = AgentClient(cast(Link, link))
    hello(of)
    of.open(SETUP, deadline=soon())
    infer(of)
    probe(of)
    batch = {"batch": "b" * 64, "mean": [0.5], "std": [0.25]}
    assert link.asked == [
        {
            "op": "hello",
            "run": "r",
            "holder": "me@here",
            "lease": "~/lease",
            "device": "pi5-01",
            "silence_s": 12.0,
            "governor": None,
        },
        {
            "op": "open",
            "cell": "m/fp32/3.6.1",
            "engine": "3.6.1",
            "model": "a" * 64,
            "runtime": {"backend": 0, "numThread": 4, "precision": 1, "memory": 0, "power": 0},
            "hints": [[3, 1]],
            "inputs": ["image"],
            "outputs": ["logits"],
            "segments": [],
            "cpus": [4, 5],
            "deadline_s": 600.0,
        },
        {"op": "infer", "cell": SETUP.cell, **batch, "first": 0, "count": 2},
        {"op": "probe", "cell": SETUP.cell, **batch, "index": 0},
    ]


def test_segments_are_sent_with_their_precision_as_the_engine_takes_it() -> None:
    link = Answering({})
    cut = (Segment(("image",), ("a", "b"), Compute.FP32, 0.5), Segment(("b", "a"), ("logits",), Compute.FP16))
    AgentClient(cast(Link, link)).open(replace(SETUP, segments=cut), deadline=soon())
    assert link.asked[0]["segments"] == [
        {"inputs": ["image"], "outputs": ["a", "b"], "precision": 1},
        {"inputs": ["b", "a"], "outputs": ["logits"], "precision": 2},
    ]


@pytest.mark.parametrize("chain", [{}, {"segments": [{}]}, {"error": "0", "segments": []}, {"error": 0.0}, 7])
def test_a_chain_that_makes_no_sense_is_refused(chain: object) -> None:
    assert code(lambda: probe(client({"chain": chain}))) is Code.PROTOCOL


@pytest.mark.parametrize("lie", [{"cell": "m/fp16/3.6.1"}, {"batch": "c" * 64}, {"cell": None}, {"batch": None}])
def test_an_answer_for_another_cell_or_batch_is_none(lie: dict[str, object]) -> None:
    header = {**outputs([2, 3]), **lie}
    assert code(lambda: infer(client(header, bytes(24)))) is Code.PROTOCOL
    assert code(lambda: probe(client(lie))) is Code.PROTOCOL
