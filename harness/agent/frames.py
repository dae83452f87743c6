"""Frames: how the coordinator and the agent, and the agent and its children, talk.

A frame is `FRM1`, the header's and the payload's length (unsigned 32 bit, big endian), the header (a JSON
object in UTF-8) and the payload (bytes). Lengths are checked before anything is read or allocated.
"""

import json
import struct
from typing import Any, BinaryIO, Dict, Iterator, Tuple

Header = Dict[str, Any]
Frame = Tuple[Header, bytes]

MAX_HEADER = 1 << 20
MAX_PAYLOAD = 8 << 20
CHUNK = 1 << 20
"""Bytes of an object that one `put` frame carries."""

_MAGIC = b"FRM1"
_PREFIX = struct.Struct(">4sII")


class FrameError(ValueError):
    """What arrived is not a frame."""


def encode(header: Header, payload: bytes = b"") -> bytes:
    """Return one frame as bytes.

    Raises:
        FrameError: header or payload is larger than a frame may be.
    """
    text = json.dumps(header, separators=(",", ":"), allow_nan=False).encode("utf-8")
    if len(text) > MAX_HEADER or len(payload) > MAX_PAYLOAD:
        raise FrameError("frame too large: header %d, payload %d bytes" % (len(text), len(payload)))
    return _PREFIX.pack(_MAGIC, len(text), len(payload)) + text + payload


def read(stream: BinaryIO) -> Frame:
    """Read one frame from a blocking stream.

    Raises:
        EOFError: the stream ended, between frames or within one.
        FrameError: what arrived is not a frame.
    """
    header_length, payload_length = _lengths(_exactly(stream, _PREFIX.size))
    header = _header(_exactly(stream, header_length))
    return header, _exactly(stream, payload_length)


class Decoder:
    """Takes bytes as they arrive and gives frames as they become complete."""

    def __init__(self) -> None:
        self._buffer = bytearray()

    def feed(self, data: bytes) -> Iterator[Frame]:
        """Add `data`; yield every frame that is complete now.

        Raises:
            FrameError: what arrived is not a frame; the decoder is of no further use.
        """
        self._buffer += data
        while len(self._buffer) >= _PREFIX.size:
            header_length, payload_length = _lengths(bytes(self._buffer[: _PREFIX.size]))
            body = _PREFIX.size + header_length
            if len(self._buffer) < body + payload_length:
                return
            header = _header(bytes(self._buffer[_PREFIX.size : body]))
            payload = bytes(self._buffer[body : body + payload_length])
            del self._buffer[: body + payload_length]
            yield header, payload


def _lengths(prefix: bytes) -> Tuple[int, int]:
    magic, header_length, payload_length = _PREFIX.unpack(prefix)
    if magic != _MAGIC:
        raise FrameError("not a frame: starts with %r" % (prefix,))
    if header_length > MAX_HEADER or payload_length > MAX_PAYLOAD:
        raise FrameError("frame too large: header %d, payload %d bytes" % (header_length, payload_length))
    return header_length, payload_length


def _header(text: bytes) -> Header:
    try:
        header = json.loads(text.decode("utf-8"))
    except (ValueError, RecursionError) as error:
        raise FrameError("header is not JSON: %s" % error) from error
    if not isinstance(header, dict):
        raise FrameError("header is not an object")
    return header


def _exactly(stream: BinaryIO, count: int) -> bytes:
    parts = []
    while count:
        part = stream.read(count)
        if not part:
            raise EOFError("the stream ended")
        parts.append(part)
        count -= len(part)
    return b"".join(parts)
