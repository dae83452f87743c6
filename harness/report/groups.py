"""Cells in few words: precisions and devices about which the same is to be said are said together. Plain text."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from harness.evidence import CellKey
from harness.report.places import places
from harness.results import CellResult, RunResults

MOST: Final = 12
"""Most groups in one sentence; a number says how many combinations more there are."""


@dataclass(frozen=True, slots=True)
class _Said:
    """What is said of some precisions of one model and engine: on which devices, with which figure."""

    model: str
    engine: str
    devices: tuple[str, ...]
    where: str
    figure: str


def grouped(
    cells: Iterable[CellResult],
    results: RunResults,
    figure: Callable[[Sequence[CellResult]], str] = lambda _: "",
) -> str:
    """Return `b0 fp16, bf16 on a, c (figure); b0 int8 on every device`, in the order of the cells.

    Models and engines are named where the run has several. `figure` says something of one precision's cells.
    """
    everywhere = _columns(results.cells)
    found: dict[_Said, list[str]] = {}
    for (model, precision, engine), members in _columns(cells).items():
        devices = tuple(cell.key.device for cell in members)
        where = places(devices, [cell.key.device for cell in everywhere[model, precision, engine]])
        said = _Said(model, engine, devices, where, figure(members))
        found.setdefault(said, []).append(precision)
    parts = [_words(said, precisions, results) for said, precisions in found.items()]
    left = sum(len(precisions) for precisions in list(found.values())[MOST:])
    return "; ".join([*parts[:MOST], *([f"{left} more combinations of the matrix"] if left else [])])


def _columns(cells: Iterable[CellResult]) -> dict[tuple[str, str, str], list[CellResult]]:
    found: dict[tuple[str, str, str], list[CellResult]] = {}
    for cell in cells:
        found.setdefault(_column(cell.key), []).append(cell)
    return found


def _column(key: CellKey) -> tuple[str, str, str]:
    return key.model, key.precision, key.engine


def _words(said: _Said, precisions: Sequence[str], results: RunResults) -> str:
    model = f"{said.model} " if len(results.models) > 1 else ""
    engine = f" under MNN {said.engine}" if len(results.engines) > 1 else ""
    figure = f" ({said.figure})" if said.figure else ""
    return f"{model}{', '.join(precisions)}{engine} on {said.where}{figure}"
