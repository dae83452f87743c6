"""The experiment: which models, precisions and engines are measured on which devices, and how."""

from pathlib import Path

from pydantic import Field

from harness.config.choices import DEFAULT_ENGINE, Choices, KnownFailure, check_known_failures
from harness.config.model_entry import DiagnosisPlan, ModelEntry, Samples, Sampling, TimingPlan
from harness.config.plan_file import load_plan
from harness.config.problems import Where, dotted, nearest, shown
from harness.config.reader import Reader
from harness.config.sections import unknown_key
from harness.config.written_precision import WrittenPrecision
from harness.config.yaml_lines import Document, load
from harness.errors import Code
from harness.precision import CATALOGUE, MIXED, Precision
from harness.results import Thresholds
from harness.value import Value

__all__ = [
    "DiagnosisPlan",
    "Experiment",
    "KnownFailure",
    "ModelEntry",
    "Samples",
    "Sampling",
    "TimingPlan",
    "load_experiment",
    "read_experiment",
]

_LISTS = ("models", "precisions")
_NAMED = {**CATALOGUE, MIXED.name: MIXED}
_PLANNED = ("devices", "known_failures")


class Experiment(Value):
    """What is to be measured.

    Attributes:
        devices: names and label=value; empty for all devices of the inventory.
        lines: line of what only the plan can check, by place: `devices[0]`, `known_failures[1].device`.
    """

    path: Path
    models: tuple[ModelEntry, ...]
    precisions: tuple[Precision, ...] = tuple(CATALOGUE.values())
    engines: tuple[str, ...] = (DEFAULT_ENGINE,)
    devices: tuple[str, ...] = ()
    sampling: Sampling = Sampling()
    thresholds: Thresholds = Thresholds()
    timing: TimingPlan = TimingPlan()
    diagnosis: DiagnosisPlan = DiagnosisPlan()
    known_failures: tuple[KnownFailure, ...] = ()
    lines: dict[str, int] = Field(default={}, exclude=True, repr=False)


def load_experiment(path: Path) -> Experiment:
    """Read an experiment file.

    Raises:
        InputError: bad-experiment, with every mistake of the file.
    """
    return read_experiment(load(path, Code.BAD_EXPERIMENT))


def read_experiment(document: Document) -> Experiment:
    """Return the experiment that a document describes.

    Raises:
        InputError: bad-experiment, with every mistake of the document.
    """
    reader = Reader(document, Code.BAD_EXPERIMENT)
    top = reader.mapping(document.data, ())
    known = (*_LISTS, *Choices.model_fields)
    for key in top.keys() - set(known):
        reader.note((key,), *unknown_key(key, known))
    models = _models(reader, top)
    precisions = _precisions(reader, top)
    choices = reader.section(Choices, {key: top[key] for key in Choices.model_fields if key in top}, ()) or Choices()
    check_known_failures(reader, top, names=_names(top, "models"), precisions=_names(top, "precisions"))
    reader.finish()
    lines = {dotted(where): line for where, line in document.lines.items() if where[0] in _PLANNED}
    return Experiment(
        path=document.file,
        models=models,
        precisions=precisions,
        lines=lines,
        **{**dict(choices), "thresholds": Thresholds(**dict(choices.thresholds))},
    )


def _models(reader: Reader, top: dict[str, object]) -> tuple[ModelEntry, ...]:
    found = []
    for where, raw in reader.items(top.get("models"), ("models",), "a list of at least one model"):
        name = raw.get("name") if isinstance(raw, dict) else None
        found.append(reader.section(ModelEntry, raw, where, owner=name if isinstance(name, str) else ""))
    reader.unique("name", [(("models", index, "name"), name) for index, name in enumerate(_names(top, "models"))])
    return tuple(model for model in found if model is not None)


def _precisions(reader: Reader, top: dict[str, object]) -> tuple[Precision, ...]:
    if "precisions" not in top:
        return tuple(CATALOGUE.values())
    found = []
    for where, raw in reader.items(top["precisions"], ("precisions",), "a list of at least one precision"):
        found.append(_precision(reader, raw, where))
    reader.unique("precision", [(("precisions", i), name) for i, name in enumerate(_names(top, "precisions"))])
    return tuple(precision for precision in found if precision is not None)


def _precision(reader: Reader, raw: object, where: Where) -> Precision | None:
    if isinstance(raw, dict):
        name = raw.get("name")
        written = reader.section(WrittenPrecision, raw, where, owner=name if isinstance(name, str) else "")
        return written.precision([load_plan(path) for path in written.plan]) if written else None
    if isinstance(raw, str) and raw in _NAMED:
        return _NAMED[raw]
    hint = nearest(raw, _NAMED) if isinstance(raw, str) else ""
    reader.note(where, f"read {shown(raw)}", "a precision's name, or one written out as {name: …}", hint)
    return None


def _names(top: dict[str, object], key: str) -> list[object]:
    """Return the name of every item of a list; None for an item without one."""
    items = top.get(key, list(CATALOGUE) if key == "precisions" else None)
    if not isinstance(items, list):
        return []
    return [item.get("name") if isinstance(item, dict) else item for item in items]
