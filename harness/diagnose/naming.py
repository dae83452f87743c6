"""What the blocks of a model are called. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass

from harness.diagnose.names import Modules, common, plain, span, written
from harness.diagnose.pieces import Piece, Run


@dataclass(frozen=True, slots=True)
class _Own:
    """The pieces that a run is called by, and the modules around all of them."""

    pieces: Sequence[Piece]
    path: Modules

    @property
    def ends(self) -> tuple[str, str]:
        first, last = self.pieces[0].first, self.pieces[-1].last
        return plain(first.name, first.type), plain(last.name, last.type)


def named(parts: Sequence[Piece], runs: Sequence[Run], *, least: float, beside: Sequence[Modules] = ()) -> list[str]:
    """Return a name for each run, all different.

    A run is called by the outermost module that nothing else is in; one that holds some members of a module, or
    several modules, `first … last`; and where the names tell of no modules, by its first and last operator.

    Args:
        parts: the pieces.
        runs: of them.
        least: pieces of a smaller share do not count, unless a run has no other.
        beside: modules around what is in none of the pieces.
    """
    own = [_own(parts, run, least) for run in runs]
    names = []
    for index, each in enumerate(own):
        others = [part.path for other in (*own[:index], *own[index + 1 :]) for part in other.pieces]
        names.append(_name(each, [*others, *beside]))
    clear = [span(*each.ends) if names.count(name) > 1 else name for name, each in zip(names, own, strict=True)]
    return [_numbered(name, clear[:index].count(name)) for index, name in enumerate(clear)]


def _numbered(name: str, before: int) -> str:
    return f"{name} ({before + 1})" if before else name


def _own(parts: Sequence[Piece], run: Run, least: float) -> _Own:
    inside = parts[run.start : run.stop]
    counted = [part for part in inside if part.share >= least] or inside
    return _Own(counted, common(part.path for part in counted))


def _name(own: _Own, others: Sequence[Modules]) -> str:
    for length in range(1, len(own.path) + 1):
        if all(other[:length] != own.path[:length] for other in others):
            return written(own.path[:length])
    first, last = (part.path[: len(own.path) + 1] for part in (own.pieces[0], own.pieces[-1]))
    below = len(own.path) + 1 == len(first) == len(last) and first != last
    return span(written(first), written(last)) if below else span(*own.ends)
