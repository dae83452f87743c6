"""Frames: what is encoded is decoded, however it is cut, and nothing else is taken for a frame."""

import io
import json
import struct
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.agent.frames import MAX_HEADER, MAX_PAYLOAD, Decoder, FrameError, encode, read

JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**53), 2**53)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda children: st.lists(children, max_size=4) | st.dictionaries(st.text(), children, max_size=4),
    max_leaves=10,
)
HEADERS = st.dictionaries(st.text(), JSON, max_size=5)
FRAMES = st.lists(st.tuples(HEADERS, st.binary(max_size=300)), max_size=5)


def stream_of(frames: list[tuple[dict[str, Any], bytes]]) -> bytes:
    return b"".join(encode(header, payload) for header, payload in frames)


@given(FRAMES, st.lists(st.integers(1, 40), min_size=1))
def test_frames_survive_any_cutting(frames: list[tuple[dict[str, Any], bytes]], cuts: list[int]) -> None:
    data, decoder, found, position, turn = stream_of(frames), Decoder(), [], 0, 0
    while position < len(data):
        size = cuts[turn % len(cuts)]
        found += list(decoder.feed(data[position : position + size]))
        position, turn = position + size, turn + 1
    assert found == frames


@given(FRAMES)
def test_a_blocking_reader_sees_the_same(frames: list[tuple[dict[str, Any], bytes]]) -> None:
    stream = io.BytesIO(stream_of(frames))
    assert [read(stream) for _ in frames] == frames
    with pytest.raises(EOFError):
        read(stream)


@given(HEADERS, st.binary(max_size=50), st.data())
def test_a_cut_frame_is_an_end_never_a_frame(header: dict[str, Any], payload: bytes, data: st.DataObject) -> None:
    frame = encode(header, payload)
    part = frame[: data.draw(st.integers(0, len(frame) - 1))]
    assert list(Decoder().feed(part)) == []
    with pytest.raises(EOFError):
        read(io.BytesIO(part))


@given(st.binary(min_size=12).filter(lambda data: not data.startswith(b"FRM1")))
def test_garbage_is_refused(data: bytes) -> None:
    with pytest.raises(FrameError, match="not a frame"):
        list(Decoder().feed(data))
    with pytest.raises(FrameError, match="not a frame"):
        read(io.BytesIO(data))


@given(st.binary(max_size=200))
def test_whatever_comes_the_decoder_knows_what_to_say(data: bytes) -> None:
    for start in (b"", b"FRM1", b"FRM1\0\0\0\x02\0\0\0\0"):
        try:
            for header, payload in Decoder().feed(start + data):
                assert isinstance(header, dict)
                assert isinstance(payload, bytes)
        except FrameError:
            pass


@pytest.mark.parametrize(("header", "payload"), [(MAX_HEADER + 1, 0), (2**32 - 1, 0), (0, MAX_PAYLOAD + 1)])
def test_lengths_are_refused_before_anything_is_read(header: int, payload: int) -> None:
    prefix = struct.pack(">4sII", b"FRM1", header, payload)
    with pytest.raises(FrameError, match="too large"):
        list(Decoder().feed(prefix))
    with pytest.raises(FrameError, match="too large"):
        read(io.BytesIO(prefix))


@pytest.mark.parametrize("text", [b"[]", b"1", b"null", b"{", b"\xff", b'"x"', b"[" * 100_000, b""])
def test_headers_that_are_no_objects(text: bytes) -> None:
    frame = struct.pack(">4sII", b"FRM1", len(text), 0) + text
    with pytest.raises(FrameError, match="header is not"):
        list(Decoder().feed(frame))


def test_largest_frames() -> None:
    payload = bytes(MAX_PAYLOAD)
    assert read(io.BytesIO(encode({"a": 1}, payload))) == ({"a": 1}, payload)
    with pytest.raises(FrameError, match="too large"):
        encode({}, payload + b"x")
    with pytest.raises(FrameError, match="too large"):
        encode({"x": "y" * MAX_HEADER})


def test_numbers_that_are_none_are_not_sent() -> None:
    with pytest.raises(ValueError, match=r"Out of range|JSON"):
        encode({"x": float("nan")})


def test_header_is_plain_json() -> None:
    frame = encode({"op": "ping", "id": 1}, b"xyz")
    assert json.loads(frame[12:-3]) == {"op": "ping", "id": 1}
