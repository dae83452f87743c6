"""Experiment x fleet: the cells that a run measures, in the order in which each device measures them."""

from collections.abc import Iterable
from dataclasses import dataclass

from harness.config.device import Device
from harness.config.experiment import Experiment
from harness.config.inventory import Inventory
from harness.config.problems import Mistake, input_error, nearest, shown
from harness.errors import Code
from harness.evidence import CellKey
from harness.precision import Precision

REFERENCE = "fp32"
"""The precision measured first: the others are compared with it on the same device."""


@dataclass(frozen=True, slots=True)
class PlannedCell:
    """One cell to measure."""

    key: CellKey
    precision: Precision


@dataclass(frozen=True, slots=True)
class Plan:
    """Everything that a run measures.

    Attributes:
        cells: by device (in the inventory's order), then precision (fp32 first), model and engine.
        devices: those selected, in the inventory's order.
    """

    cells: tuple[PlannedCell, ...]
    devices: tuple[Device, ...]


def plan(inventory: Inventory, experiment: Experiment) -> Plan:
    """Return the cells of an experiment on a fleet.

    Raises:
        InputError: bad-experiment: a selection selects nothing, or a device is named that is not there.
    """
    mistakes = [*_empty_selections(inventory, experiment), *_unknown_devices(inventory, experiment)]
    if mistakes:
        raise input_error(Code.BAD_EXPERIMENT, mistakes)
    devices = tuple(device for device in inventory.devices if _is_selected(device, experiment.devices))
    return Plan(tuple(cell for device in devices for cell in _cells(device, experiment)), devices)


def _cells(device: Device, experiment: Experiment) -> Iterable[PlannedCell]:
    # sorted() is stable: after fp32 the experiment's own order stays.
    for precision in sorted(experiment.precisions, key=lambda precision: precision.name != REFERENCE):
        for model in experiment.models:
            for engine in experiment.engines:
                key = CellKey(device=device.name, model=model.name, precision=precision.name, engine=engine)
                yield PlannedCell(key, precision)


def _is_selected(device: Device, selection: Iterable[str]) -> bool:
    return not selection or any(_matches(device, wanted) for wanted in selection)


def _matches(device: Device, wanted: str) -> bool:
    label, equals, value = wanted.partition("=")
    return device.labels.get(label) == value if equals else device.name == wanted


def _empty_selections(inventory: Inventory, experiment: Experiment) -> Iterable[Mistake]:
    names = [device.name for device in inventory.devices]
    labels = sorted({f"{key}={value}" for device in inventory.devices for key, value in device.labels.items()})
    for index, wanted in enumerate(experiment.devices):
        if not any(_matches(device, wanted) for device in inventory.devices):
            hint = nearest(wanted, labels if "=" in wanted else names)
            expected = f"a name or label of a device in {inventory.path}"
            yield _mistake(experiment, f"devices[{index}]", wanted, expected, hint)


def _unknown_devices(inventory: Inventory, experiment: Experiment) -> Iterable[Mistake]:
    names = [device.name for device in inventory.devices]
    for index, known in enumerate(experiment.known_failures):
        if known.device not in names:
            where, expected = f"known_failures[{index}].device", f"a device in {inventory.path}"
            yield _mistake(experiment, where, known.device, expected, nearest(known.device, names))


def _mistake(experiment: Experiment, where: str, read: str, expected: str, hint: str) -> Mistake:
    return Mistake(experiment.path, experiment.lines.get(where, 0), where, f"read {shown(read)}", expected, hint)


@dataclass(frozen=True, slots=True)
class PlanTable:
    """What runs for one model: a row a device, a column a precision, the number of cells in each field."""

    model: str
    precisions: tuple[str, ...]
    rows: tuple[tuple[str, tuple[int, ...]], ...]


@dataclass(frozen=True, slots=True)
class PlanSummary:
    """A plan as data for `farm plan`.

    Attributes:
        cells: how many in all.
        cells_by_device: how many each device measures, in the order of the devices.
    """

    tables: tuple[PlanTable, ...]
    cells: int
    cells_by_device: tuple[tuple[str, int], ...]
    engines: tuple[str, ...]


def describe(planned: Plan) -> PlanSummary:
    """Return a plan's tables, one a model, and its totals; models and precisions in the plan's order."""
    keys = [cell.key for cell in planned.cells]
    names = [device.name for device in planned.devices]
    precisions = tuple(dict.fromkeys(key.precision for key in keys))
    counts: dict[tuple[str, str, str], int] = {}
    for key in keys:
        field = (key.model, key.device, key.precision)
        counts[field] = counts.get(field, 0) + 1
    tables = tuple(
        PlanTable(
            model,
            precisions,
            tuple((name, tuple(counts.get((model, name, column), 0) for column in precisions)) for name in names),
        )
        for model in dict.fromkeys(key.model for key in keys)
    )
    by_device = tuple((name, sum(key.device == name for key in keys)) for name in names)
    return PlanSummary(tables, len(keys), by_device, tuple(dict.fromkeys(key.engine for key in keys)))
