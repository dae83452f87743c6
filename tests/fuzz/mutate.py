"""From good bytes to bad ones."""

import random
from collections.abc import Sequence

TOKENS: tuple[bytes, ...] = (
    *(bytes([byte]) for byte in b"\0\n\t'\"\\{}[]:,#|>&*~0"),
    *(b"\r\n", b": ", b"- ", b"&a ", b"*a", b"<<: ", b"---\n", b"...\n", b"!!python/object:os.system"),
    *(b"null", b"true", b"-1", b"1e999", b"-1e999", b".nan", b"NaN", b"Infinity", b"9" * 400, b"0x7fffffff"),
    *(b"\xff\xfe", b"\xf0\x9f\x92\xa9", b"\xed\xa0\x80", b"\\ud800", b"\x1b[2J", b"\xe2\x80\xae"),
    *(b"[" * 60, b'{"a":' * 60, b"FRM1", b"\xff\xff\xff\xff"),
)
MOST_CHANGES = 6


def mutated(base: bytes, others: Sequence[bytes], chance: random.Random) -> bytes:
    """Return `base` with one to six changes: bytes flipped, cut out, doubled, moved, or put in from elsewhere."""
    data = bytearray(base)
    for _ in range(chance.randint(1, MOST_CHANGES)):
        start = chance.randint(0, len(data))
        end = min(len(data), start + chance.choice((1, 1, 2, 4, 16, 64)))
        match chance.randrange(7):
            case 0 if data:
                data[min(start, len(data) - 1)] ^= 1 << chance.randrange(8)
            case 1:
                del data[start:end]
            case 2:
                data[start:start] = data[start:end] * chance.choice((1, 2, 8))
            case 3:
                data[start:start] = chance.choice(TOKENS)
            case 4:
                data[start:end] = chance.choice(TOKENS)
            case 5:
                other = chance.choice(others)
                at = chance.randint(0, len(other))
                data[start:start] = other[at : at + 40]
            case _:
                del data[start:]
    return bytes(data)
