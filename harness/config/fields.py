"""The kinds of value that the two YAML files hold; each check says in words what it expects."""

import math
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated

from pydantic import PlainValidator, ValidationInfo
from pydantic_core import PydanticCustomError

from harness.config.problems import nearest

NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,63}")
_MODEL_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,127}")
_LONGEST = 4096


def wrong(expected: str, hint: str = "") -> PydanticCustomError:
    """Return the error by which a check says what it expected."""
    return PydanticCustomError("wrong", "expected {expected}", {"expected": expected, "hint": hint})


def checked_text(value: object) -> str:
    """Return a text with something in it and nothing in it that could steer a terminal or a shell."""
    if not isinstance(value, str):
        raise wrong("text", "put it in quotes" if isinstance(value, int | float) else "")
    if not value.strip():
        raise wrong("text that is not empty")
    if not value.isprintable() or len(value) > _LONGEST:
        raise wrong("text in one line, without control characters")
    return value


def whole(low: int, high: int) -> PlainValidator:
    """Return the check for a whole number low..high."""

    def check(value: object) -> int:
        if type(value) is not int or not low <= value <= high:
            raise wrong(f"a whole number {low}..{high}", _unquote(value))
        return value

    return PlainValidator(check)


def real(low: float, high: float, hint: str = "") -> PlainValidator:
    """Return the check for a number between `low` and `high`, ends excluded."""

    def check(value: object) -> float:
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise wrong(f"a number above {low:g} and below {high:g}", _unquote(value))
        if not math.isfinite(value) or not low < value < high:
            raise wrong(f"a number above {low:g} and below {high:g}", hint)
        return float(value)

    return PlainValidator(check)


def not_negative(high: float) -> PlainValidator:
    """Return the check for a number from 0, included, up to `high`, excluded."""

    def check(value: object) -> float:
        number = isinstance(value, int | float) and not isinstance(value, bool)
        if not number or not 0 <= float(value) < high:  # type: ignore[arg-type]
            raise wrong(f"a number from 0 and below {high:g}", _unquote(value))
        return float(value)  # type: ignore[arg-type]

    return PlainValidator(check)


def one_of(choices: Iterable[str], hint: str = "") -> PlainValidator:
    """Return the check for one of some words."""
    known = tuple(choices)

    def check(value: object) -> str:
        if not isinstance(value, str) or value not in known:
            close = nearest(value, known) if isinstance(value, str) and value else ""
            raise wrong(f"one of {', '.join(known)}", hint or (close if close.startswith("did") else ""))
        return str(value)

    return PlainValidator(check)


def _yes_or_no(value: object) -> bool:
    if not isinstance(value, bool):
        raise wrong("true or false")
    return value


def _name(value: object) -> str:
    text = checked_text(value)
    if not NAME.fullmatch(text):
        better = re.sub(r"[^a-z0-9._-]+", "-", text.lower()).strip("-._")[:64]
        raise wrong("a name of a-z 0-9 . _ - that starts with a letter or digit", f"try '{better}'" if better else "")
    return text


def _model_name(value: object) -> str:
    text = checked_text(value)
    if not _MODEL_NAME.fullmatch(text):
        raise wrong("a name of letters, digits and . _ - that starts with a letter or digit")
    return text


def located(value: object, info: ValidationInfo) -> Path:
    """Return a path, `~` expanded, relative to the folder of the file that names it (context `folder`)."""
    if isinstance(value, Path):
        return value
    text = checked_text(value)
    folder = info.context.get("folder") if isinstance(info.context, dict) else None
    try:
        path = Path(text).expanduser()
    except RuntimeError as error:
        raise wrong("a path", "there is no such user") from error
    return folder / path if isinstance(folder, Path) else path


def exists_as(path: Path, kind: str) -> bool:
    """Tell whether a `file` or `folder` is there; what cannot be looked at is not."""
    try:
        return path.is_file() if kind == "file" else path.is_dir()
    except OSError:
        return False


def existing(kind: str, *suffixes: str) -> PlainValidator:
    """Return the check for a path at which there is a `file` (with one of the suffixes) or a `folder`."""

    def check(value: object, info: ValidationInfo) -> Path:
        path = located(value, info)
        if suffixes and path.suffix.lower() not in suffixes:
            raise wrong(f"a file named *{' or *'.join(suffixes)}")
        if info.context and not exists_as(path, kind):
            raise wrong(f"a {kind} that exists", f"there is no {kind} {path}")
        return path

    return PlainValidator(check)


def _unquote(value: object) -> str:
    return (
        "write it without quotes" if isinstance(value, str) and value.strip("-+").replace(".", "").isdigit() else ""
    )


Text = Annotated[str, PlainValidator(checked_text)]
Name = Annotated[str, PlainValidator(_name)]
ModelName = Annotated[str, PlainValidator(_model_name)]
Flag = Annotated[bool, PlainValidator(_yes_or_no)]
AnyPath = Annotated[Path, PlainValidator(located)]
