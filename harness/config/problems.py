"""Mistakes in a file of the user's: collected, and reported all at once."""

import difflib
import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from harness.errors import Code, InputError

Where = tuple[str | int, ...]
"""The keys and item numbers (from 0) that lead to a place in a YAML file."""

_PLAIN_KEY = re.compile(r"[A-Za-z0-9_-]+")
_LONGEST_SHOWN = 60
MOST_TOLD = 200


@dataclass(frozen=True, slots=True)
class Mistake:
    """One mistake: where it is, what was read, what was expected.

    Attributes:
        line: from 1; 0 where the whole file is meant.
        where: dotted path, `devices[2].port`; empty for the whole file.
        device: name of the device or model that it belongs to, where known.
    """

    file: Path
    line: int
    where: str
    read: str
    expected: str = ""
    hint: str = ""
    device: str = ""

    def __str__(self) -> str:
        place = f"{self.file}:{self.line}" if self.line else f"{self.file}"
        owner = f" ({self.device})" if self.device else ""
        subject = f" {self.where}{owner}:" if self.where else ""
        expected = f", expected {self.expected}" if self.expected else ""
        hint = f"; {self.hint}" if self.hint else ""
        return printable(f"{place}:{subject} {self.read}{expected}{hint}")


def input_error(code: Code, mistakes: Iterable[Mistake]) -> InputError:
    """Return one error that lists every mistake once, by line; of very many the first ones."""
    found = sorted(set(mistakes), key=lambda mistake: (mistake.line, mistake.where, mistake.read, mistake.hint))
    heading = "1 mistake" if len(found) == 1 else f"{len(found)} mistakes"
    lines = [f"{heading}:", *map(str, found[:MOST_TOLD])]
    if len(found) > MOST_TOLD:
        lines.append(f"and {len(found) - MOST_TOLD} more")
    return InputError(code, "\n  ".join(lines))


def dotted(where: Where) -> str:
    """Return a path as it is shown: `devices[2].port`."""
    text = ""
    for part in where:
        if isinstance(part, int):
            text += f"[{part}]"
        else:
            shown = part if _PLAIN_KEY.fullmatch(part) else _quoted(part)
            text += f".{shown}" if text else shown
    return text


def shown(value: object) -> str:
    """Return what was read in the words of YAML, short and without control characters."""
    if isinstance(value, str):
        return f"{_quoted(value)} (text)"
    if value is None:
        return "nothing"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int | float):
        return str(value)
    if isinstance(value, list | tuple):
        return f"a list of {len(value)}" if value else "an empty list"
    return "a mapping" if isinstance(value, dict) else type(value).__name__


def nearest(word: str, known: Iterable[str]) -> str:
    """Return the hint `did you mean …?`, or else what there is to choose from."""
    names = list(known)
    word = word[:100].lower()
    parts = [name for name in names if len(word) > 2 and word in name]
    close = difflib.get_close_matches(word, names, n=1, cutoff=0.6) or (parts if len(parts) == 1 else [])
    if close:
        return f"did you mean '{close[0]}'?"
    return f"known: {', '.join(names)}" if names else ""


def printable(text: str) -> str:
    """Return the text with escapes for whatever could steer a terminal or break a line."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode("ascii") for c in text)


def _quoted(text: str) -> str:
    short = text if len(text) <= _LONGEST_SHOWN else text[:_LONGEST_SHOWN] + "…"
    return f"'{printable(short)}'"
