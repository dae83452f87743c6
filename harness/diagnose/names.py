"""The hierarchy in the names of operators, and what a run of them is called. Pure.

Exporters name an operator by the modules around it, `/stages/stages.2/blocks/blocks.1/main/qkv/conv/Conv_output_0`;
the converter adds operators without such a name (`Reshape384`), and a conversion of X for Y, `X___tr4Y`, which
belongs to Y.
"""

import re
from collections.abc import Iterable, Sequence
from itertools import takewhile

Modules = tuple[str, ...]

_CONVERSION = re.compile(r".*___tr\d+(?=/)")
_OUTPUT = re.compile(r"_output_\d+$")


def path_of(name: str) -> Modules | None:
    """Return the modules around an operator, the outermost first, or None where the name tells of none."""
    own = _CONVERSION.sub("", name)
    return tuple(own.strip("/").split("/")[:-1]) if "/" in own else None


def common(paths: Iterable[Modules]) -> Modules:
    """Return the beginning that all paths share."""
    columns = zip(*paths, strict=False)
    return tuple(column[0] for column in takewhile(lambda column: len(set(column)) == 1, columns))


def written(path: Modules) -> str:
    """Return a path in words: stages.2.blocks.1.main, without a container's name before that of its member."""
    behind = (*path[1:], "") if path else ()
    return ".".join(part for part, inner in zip(path, behind, strict=True) if not inner.startswith(part + "."))


def plain(name: str, kind: str) -> str:
    """Return an operator's own name, without what the exporter adds for the tensor; a bare number gets its type."""
    *around, own = _CONVERSION.sub("", name).strip("/").split("/")
    short = ".".join(filter(None, [written(tuple(around)), _OUTPUT.sub("", own)]))
    return f"{kind} {short}" if short.isdecimal() else short


def span(first: str, last: str) -> str:
    """Return the name of all from the first to the last."""
    return first if first == last else f"{first} … {last}"


def inherited(paths: Sequence[Modules | None]) -> tuple[Modules, ...]:
    """Return paths in their order, missing ones taken from the one before, or else from the first that is there."""
    known = next((path for path in paths if path is not None), ())
    found = []
    for path in paths:
        known = known if path is None else path
        found.append(known)
    return tuple(found)
