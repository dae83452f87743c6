"""YAML with line numbers: one document of mappings, lists and scalars, bounded in size and depth."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import yaml

from harness.config.problems import Mistake, Where, input_error
from harness.config.yaml_values import Builder
from harness.errors import Code

MAX_BYTES = 512 * 1024


@dataclass(frozen=True, slots=True)
class Document:
    """What a file says.

    Attributes:
        data: mappings (keys are text), lists, text, numbers, true, false and None.
        lines: line (from 1) of every key and item.
        texts: every scalar value as it is written.
        mistakes: keys that stand twice; the first one counts.
    """

    file: Path
    data: object
    lines: Mapping[Where, int]
    texts: Mapping[Where, str]
    mistakes: tuple[Mistake, ...] = ()

    def line(self, where: Where) -> int:
        """Return the line of a place, or of the nearest place around it that the file has."""
        while where and where not in self.lines:
            where = where[:-1]
        return self.lines.get(where, 1)


def load(file: Path, code: Code) -> Document:
    """Read a YAML file.

    Raises:
        InputError: the file cannot be read, is too large or too deep, is not YAML in UTF-8, or uses
            anchors, aliases, tags or several documents.
    """
    return parse(_read(file, code), file, code)


def parse(text: str, file: Path, code: Code) -> Document:
    """Read YAML from `text`; `file` is what messages call it.

    Raises:
        InputError: as for `load`.
    """
    builder = Builder(file, code)
    try:
        data = builder.document(yaml.parse(text, Loader=yaml.SafeLoader))
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 0
        hint = "indent with spaces, not with tabs" if "'\\t'" in str(error.problem) else ""
        raise input_error(code, [Mistake(file, line, "", f"not YAML: {error.problem}", hint=hint)]) from error
    except yaml.reader.ReaderError as error:
        line = text.count("\n", 0, error.position) + 1
        raise input_error(code, [Mistake(file, line, "", "a control character", "printable text")]) from error
    except (ValueError, OverflowError) as error:  # PyYAML lets chr() fail on escapes such as "\UFFFFFFFF"
        raise input_error(code, [Mistake(file, 0, "", f"not YAML: {error}")]) from error
    return Document(file, data, builder.lines, builder.texts, tuple(builder.mistakes))


def _read(file: Path, code: Code) -> str:
    try:
        with file.open("rb") as stream:
            data = stream.read(MAX_BYTES + 1)
        text = data.decode("utf-8-sig")
    except OSError as error:
        raise input_error(code, [Mistake(file, 0, "", f"cannot be read: {error.strerror or error}")]) from error
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise input_error(code, [Mistake(file, line, "", "bytes that are not UTF-8", "UTF-8 text")]) from error
    if len(data) > MAX_BYTES:
        raise input_error(code, [Mistake(file, 0, "", "a larger file", f"at most {MAX_BYTES // 1024} KiB")])
    return text
