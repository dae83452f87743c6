"""Sections of the two YAML files: what stands in them, and what must hold between their keys."""

import difflib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import get_args

from pydantic import BaseModel

from harness.config.problems import Where, nearest
from harness.value import Value

_SECRETS = ("password", "passwd", "passphrase")


@dataclass(frozen=True, slots=True)
class Slip:
    """Two keys of one section that do not go together.

    Attributes:
        keys: the keys concerned; told at the first one that the file has, else at the section.
    """

    keys: tuple[str, ...]
    read: str
    expected: str = ""
    hint: str = ""


class Section(Value):
    """A mapping in one of the YAML files."""

    @classmethod
    def slips(cls, raw: Mapping[str, object]) -> Iterator[Slip]:  # noqa: ARG003
        """Yield what is wrong between keys; must stand any values, as they are looked at even so."""
        yield from ()


def unknown_key(key: str, known: Iterable[str]) -> tuple[str, str, str]:
    """Return (read, expected, hint) for a key that is not known; never shows what stands behind it."""
    if difflib.get_close_matches(key[:100].lower(), _SECRETS, n=1, cutoff=0.8):
        return "unknown key", "", "never a password: use identity_file or the agent"
    return "unknown key", "", nearest(key, known)


def keys_of(kind: type[BaseModel], loc: Where) -> list[str]:
    """Return the keys of the section at `loc` within `kind`."""
    for part in loc:
        if isinstance(part, str) and part in kind.model_fields:
            kind = _section_in(kind.model_fields[part].annotation) or kind
    return list(kind.model_fields)


def _section_in(annotation: object) -> type[Section] | None:
    for choice in (annotation, *get_args(annotation)):
        if isinstance(choice, type) and issubclass(choice, Section):
            return choice
    return None


def slips_of(kind: type[Section], raw: object, where: Where = ()) -> Iterator[tuple[list[Where], Slip]]:
    """Yield the slips of a section and of those within it, each with the places (relative) to tell it at."""
    if not isinstance(raw, dict):
        return
    for slip in kind.slips(raw):
        yield [(*where, key) for key in slip.keys if key in raw] or [where], slip
    for name, info in kind.model_fields.items():
        inner = _section_in(info.annotation)
        if inner is not None and name in raw:
            yield from slips_of(inner, raw[name], (*where, name))
