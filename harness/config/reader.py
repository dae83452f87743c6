"""From a piece of YAML to a frozen value: pydantic's findings become mistakes with file and line."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import TypeVar

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from harness.config.problems import Mistake, Where, dotted, input_error, shown
from harness.config.sections import Section, keys_of, slips_of, unknown_key
from harness.config.yaml_lines import Document
from harness.errors import Code

_EXPECTED = {
    "tuple_type": "a list",
    "dict_type": "a mapping (key: value)",
    "model_type": "a mapping (key: value)",
}

S = TypeVar("S", bound=Section)
Origin = Callable[[Where], Where | None]


@dataclass(slots=True)
class Reader:
    """Collects the mistakes of one document while its sections are read."""

    document: Document
    code: Code
    mistakes: list[Mistake] = field(init=False)

    def __post_init__(self) -> None:
        self.mistakes = list(self.document.mistakes)

    def section(
        self,
        kind: type[S],
        raw: object,
        where: Where,
        *,
        owner: str = "",
        origin: Origin | None = None,
    ) -> S | None:
        """Return the section's value, or None after noting every mistake in it.

        Args:
            kind: what the section is.
            raw: its content as read.
            where: where it stands.
            owner: the device's or model's name, for messages.
            origin: where a place of the section (relative) stands in the file, if not below `where`; None
                for a place whose mistakes are told elsewhere.
        """
        find = origin or (lambda rest: (*where, *rest))
        before = len(self.mistakes)
        value = self._value(kind, raw, find, owner)
        for places, slip in slips_of(kind, raw):
            spot = next((found for place in places if (found := find(place)) is not None), None)
            self.note(spot, slip.read, slip.expected, slip.hint, owner)
        return value if len(self.mistakes) == before else None

    def _value(self, kind: type[S], raw: object, find: Origin, owner: str) -> S | None:
        try:
            return kind.model_validate(raw, context={"folder": self.document.file.parent.absolute()})
        except ValidationError as error:
            for detail in error.errors(include_url=False):
                self._note(kind, detail, find, owner)
        return None

    def mapping(self, raw: object, where: Where) -> dict[str, object]:
        """Return a mapping as it is; note anything else and return an empty one."""
        if isinstance(raw, dict):
            return raw
        self.note(where, f"read {shown(raw)}", "a mapping (key: value)")
        return {}

    def items(self, raw: object, where: Where, expected: str) -> list[tuple[Where, object]]:
        """Return the items of a list with their places; note what is no list, or an empty one."""
        if isinstance(raw, list) and raw:
            return [((*where, index), item) for index, item in enumerate(raw)]
        missing = where not in self.document.lines
        self.note(where, f"the key '{where[-1]}' is missing" if missing else f"read {shown(raw)}", expected)
        return []

    def note(self, where: Where | None, read: str, expected: str = "", hint: str = "", owner: str = "") -> None:
        """Note a mistake at a place; None stands for a place whose mistakes are told elsewhere."""
        if where is None:
            return
        line = self.document.line(where)
        self.mistakes.append(Mistake(self.document.file, line, dotted(where), read, expected, hint, owner))

    def unique(self, what: str, places: Iterable[tuple[Where, object]]) -> None:
        """Note every value that stands a second time."""
        seen: dict[str, Where] = {}
        for where, value in places:
            if isinstance(value, str) and value in seen:
                first = self.document.line(seen[value])
                self.note(where, f"the {what} {shown(value)} a second time", hint=f"already at line {first}")
            elif isinstance(value, str):
                seen[value] = where

    def finish(self) -> None:
        """Raise InputError if there is any mistake."""
        if self.mistakes:
            raise input_error(self.code, self.mistakes)

    def _note(self, kind: type[Section], detail: ErrorDetails, find: Origin, owner: str) -> None:
        loc, context = detail["loc"], detail.get("ctx", {})
        if loc and loc[-1] == "[key]":
            self.note(
                find(loc[:-1]), f"the key {shown(detail['input'])}", context["expected"], context["hint"], owner
            )
        elif detail["type"] == "extra_forbidden":
            self.note(find(loc), *unknown_key(str(loc[-1]), keys_of(kind, loc[:-1])), owner=owner)
        elif detail["type"] == "missing":
            self.note(find(loc), f"the key '{loc[-1]}' is missing", owner=owner)
        else:
            expected = context.get("expected") or _EXPECTED.get(detail["type"], detail["msg"])
            self.note(find(loc), f"read {shown(detail['input'])}", expected, context.get("hint", ""), owner)
