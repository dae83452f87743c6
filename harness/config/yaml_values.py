"""From PyYAML's events to plain values, with the line of each.

Events and not nodes, since events tell of anchors and tags and never recurse. Plain scalars are read by the
narrow rules of YAML 1.2: `yes` and `no` are words, `22:30` is not a number, `010` is text.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import NoReturn

import yaml

from harness.config.problems import Mistake, Where, dotted, input_error, shown
from harness.errors import Code

MAX_DEPTH = 12

_WORDS: Mapping[str, bool | None] = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL"), None),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
}
_INT = re.compile(r"[-+]?(0|[1-9][0-9]{0,17})")
_FLOAT = re.compile(r"[-+]?(([0-9]+\.[0-9]*|\.[0-9]+)([eE][-+]?[0-9]{1,4})?|[0-9]+[eE][-+]?[0-9]{1,4})")


@dataclass(slots=True)
class Builder:
    """Turns events into values while it notes lines; lives for one document."""

    file: Path
    code: Code
    lines: dict[Where, int] = field(default_factory=dict)
    texts: dict[Where, str] = field(default_factory=dict)
    mistakes: list[Mistake] = field(default_factory=list)

    def document(self, events: Iterator[yaml.Event]) -> object:
        """Return the value of the only document; None for an empty file."""
        data: object = None
        documents = 0
        for event in events:
            if isinstance(event, yaml.DocumentStartEvent):
                documents += 1
                if documents > 1:
                    self._refuse(event, (), "a second document (---)", "one document")
            elif isinstance(event, yaml.NodeEvent):
                data = self._value(event, events, ())
        return data

    def _value(self, event: yaml.Event, events: Iterator[yaml.Event], where: Where) -> object:
        if isinstance(event, yaml.AliasEvent) or getattr(event, "anchor", None):
            self._refuse(event, where, "an anchor or alias (& or *)", "plain values", "use `defaults:` to share keys")
        if getattr(event, "tag", None) is not None:
            self._refuse(event, where, f"the tag {shown(str(event.tag))}", "plain values without tags")  # type: ignore[attr-defined]
        if len(where) > MAX_DEPTH:
            self._refuse(event, where, "values within values", f"at most {MAX_DEPTH} levels")
        if isinstance(event, yaml.ScalarEvent):
            self.texts[where] = event.value
            return event.value if event.style else _plain(event.value)
        if isinstance(event, yaml.MappingStartEvent):
            return self._mapping(events, where)
        return self._list(events, where)

    def _mapping(self, events: Iterator[yaml.Event], where: Where) -> dict[str, object]:
        found: dict[str, object] = {}
        while not isinstance(event := next(events), yaml.MappingEndEvent):
            if not isinstance(event, yaml.ScalarEvent) or event.anchor or event.tag:
                self._refuse(event, where, "a key that is not plain text", "a plain key")
            key, line = str(event.value), _line(event)
            place = (*where, key)
            if key in found:
                first = f"already at line {self.lines[place]}"
                self.mistakes.append(Mistake(self.file, line, dotted(place), "the key a second time", "", first))
                Builder(self.file, self.code)._value(next(events), events, place)
                continue
            self.lines[place] = line
            found[key] = self._value(next(events), events, place)
        return found

    def _list(self, events: Iterator[yaml.Event], where: Where) -> list[object]:
        found: list[object] = []
        while not isinstance(event := next(events), yaml.SequenceEndEvent):
            place = (*where, len(found))
            self.lines[place] = _line(event)
            found.append(self._value(event, events, place))
        return found

    def _refuse(self, event: yaml.Event, where: Where, read: str, expected: str, hint: str = "") -> NoReturn:
        mistake = Mistake(self.file, _line(event), dotted(where), read, expected, hint)
        raise input_error(self.code, [mistake])


def _plain(text: str) -> object:
    if text in _WORDS:
        return _WORDS[text]
    if _INT.fullmatch(text):
        return int(text)
    return float(text) if _FLOAT.fullmatch(text) else text


def _line(event: yaml.Event) -> int:
    return event.start_mark.line + 1 if event.start_mark else 0
