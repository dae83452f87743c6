"""diagnosis.json: what closer looks at a run found, beside its results."""

from pathlib import Path
from typing import Protocol, TypeVar

from pydantic import ValidationError

from harness.diagnosis import Diagnosis, Explanation, LintScore, Search, Treatment
from harness.errors import Code, FarmError
from harness.evidence import CellKey
from harness.models.cache import write_atomic

NAME = "diagnosis.json"


class _OnACell(Protocol):
    @property
    def key(self) -> CellKey: ...


T = TypeVar("T", bound=_OnACell)


def load_diagnosis(folder: Path) -> Diagnosis:
    """Return what was found out about a run so far.

    Raises:
        FarmError: evidence-missing, the file is damaged.
    """
    try:
        return Diagnosis.model_validate_json((folder / NAME).read_bytes())
    except FileNotFoundError:
        return Diagnosis()
    except (OSError, ValidationError) as error:
        raise FarmError(Code.EVIDENCE_MISSING, f"{folder / NAME} is damaged: {error}") from error


def keep_diagnosis(
    folder: Path,
    *,
    explanations: tuple[Explanation, ...] = (),
    treatments: tuple[Treatment, ...] = (),
    searches: tuple[Search, ...] = (),
    scores: tuple[LintScore, ...] = (),
) -> Diagnosis:
    """Add findings to a run's; a newer one on the same cell takes the place of the older. Return all of them.

    Raises:
        FarmError: evidence-missing, what is there is damaged.
    """
    before = load_diagnosis(folder)
    merged = Diagnosis(
        explanations=_merged(before.explanations, explanations),
        treatments=_merged(before.treatments, treatments),
        searches=_merged(before.searches, searches),
        scores=_merged(before.scores, scores),
    )
    write_atomic(folder / NAME, merged.model_dump_json(indent=1).encode())
    return merged


def _merged(before: tuple[T, ...], new: tuple[T, ...]) -> tuple[T, ...]:
    by_cell: dict[str, T] = {}
    for one in (*before, *new):
        by_cell[str(one.key)] = one
    return tuple(by_cell[name] for name in sorted(by_cell))
