"""The plan: which cells, in which order, and what it refuses."""

from pathlib import Path
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.config.choices import KnownFailure
from harness.config.device import Device
from harness.config.experiment import Experiment
from harness.config.inventory import Inventory, load_inventory
from harness.config.model_entry import ModelEntry
from harness.errors import InputError
from harness.plan import describe, plan
from harness.precision import CATALOGUE
from tests.config.yaml_text import experiment as load
from tests.config.yaml_text import mistakes

REPOSITORY = Path(__file__).parents[1]


def fleet(*devices: Device) -> Inventory:
    return Inventory(path=Path("inv.yaml"), sites=("local",), devices=devices)


def experiment(
    *,
    precisions: tuple[str, ...] = ("fp32",),
    models: int = 1,
    engines: tuple[str, ...] = ("3.6.1",),
    devices: tuple[str, ...] = (),
    known: tuple[KnownFailure, ...] = (),
) -> Experiment:
    return Experiment(
        path=Path("exp.yaml"),
        models=tuple(ModelEntry(name=f"m{number}", bundled="b") for number in range(models)),
        precisions=tuple(CATALOGUE[name] for name in precisions),
        engines=engines,
        devices=devices,
        known_failures=known,
    )


A = Device(name="a", host="a", labels={"soc": "BCM2712", "rev": "1.10"})
B = Device(name="b", host="b", labels={"soc": "RK3588"})
C = Device(name="c", host="c", labels={"soc": "BCM2712"})


def test_the_order_is_device_then_fp32_first_then_precision_model_engine() -> None:
    planned = plan(fleet(B, A), experiment(precisions=("fp16", "fp32", "bf16"), models=2, engines=("3.6.1", "3.0.0")))
    assert [device.name for device in planned.devices] == ["b", "a"]
    assert [str(cell.key) for cell in planned.cells] == [
        f"{device} · {model} · {precision} · MNN {engine}"
        for device in ("b", "a")
        for precision in ("fp32", "fp16", "bf16")
        for model in ("m0", "m1")
        for engine in ("3.6.1", "3.0.0")
    ]
    assert all(cell.precision is CATALOGUE[cell.key.precision] for cell in planned.cells)


@pytest.mark.parametrize(
    ("selection", "names"),
    [
        ((), "abc"),
        (("b",), "b"),
        (("c", "a"), "ac"),
        (("soc=BCM2712",), "ac"),
        (("soc=BCM2712", "a", "b"), "abc"),
        (("rev=1.10",), "a"),
    ],
)
def test_a_selection_takes_devices_by_name_or_label_in_the_inventorys_order(
    selection: tuple[str, ...], names: str
) -> None:
    assert "".join(device.name for device in plan(fleet(A, B, C), experiment(devices=selection)).devices) == names


@pytest.mark.parametrize(
    ("selection", "expected"),
    [
        ("d", "devices[0]: read 'd' (text), expected a name or label of a device in inv.yaml; known: a, b, c"),
        ("soc=BCM2711", "did you mean 'soc=BCM2712'?"),
        ("rev=1.1", "did you mean 'rev=1.10'?"),
        ("cpu=x", "known: rev=1.10, soc=BCM2712, soc=RK3588"),
    ],
)
def test_a_selection_that_selects_nothing_is_refused(selection: str, expected: str) -> None:
    with pytest.raises(InputError) as caught:
        plan(fleet(A, B, C), experiment(devices=(selection,)))
    assert caught.value.problem.code == "bad-experiment"
    (found,) = mistakes(caught.value)
    assert expected in found


def test_all_that_does_not_fit_the_fleet_is_told_at_once_with_its_line(tmp_path: Path) -> None:
    found = load(
        tmp_path,
        "models: [{name: m, bundled: b}]\n"
        "devices:\n- a\n- aa\n- soc=x\n"
        "known_failures:\n- device: bb\n  model: m\n  precision: fp16\n  reason: r\n",
    )
    with pytest.raises(InputError) as caught:
        plan(fleet(A, B), found)
    assert [line.split(" (text)")[0] for line in mistakes(caught.value)] == [
        "exp.yaml:4: devices[1]: read 'aa'",
        "exp.yaml:5: devices[2]: read 'soc=x'",
        "exp.yaml:7: known_failures[0].device: read 'bb'",
    ]


def test_a_known_failure_of_a_device_that_is_not_selected_is_no_mistake() -> None:
    known = KnownFailure(device="b", model="m0", precision="fp32", reason="r")
    assert len(plan(fleet(A, B), experiment(devices=("a",), known=(known,))).cells) == 1


def test_the_description_counts_cells_by_model_device_and_precision() -> None:
    planned = plan(fleet(A, B), experiment(precisions=("fp16", "fp32"), models=2, engines=("3.6.1", "3.0.0")))
    summary = describe(planned)
    assert [table.model for table in summary.tables] == ["m0", "m1"]
    for table in summary.tables:
        assert table.precisions == ("fp32", "fp16")
        assert table.rows == (("a", (2, 2)), ("b", (2, 2)))
    assert summary.cells == 16
    assert summary.cells_by_device == (("a", 8), ("b", 8))
    assert summary.engines == ("3.6.1", "3.0.0")


NAMES = st.lists(st.sampled_from(list(CATALOGUE)), min_size=1, unique=True)


@given(NAMES, st.integers(1, 3), st.sets(st.sampled_from("abc"), min_size=1), st.randoms(use_true_random=False))
def test_permuting_fleet_and_experiment_permutes_the_cells_and_nothing_else(
    names: list[str], models: int, devices: set[str], random: Random
) -> None:
    first = experiment(precisions=tuple(names), models=models, devices=tuple(sorted(devices)))
    second = first.model_copy(
        update={
            "precisions": tuple(random.sample(first.precisions, len(first.precisions))),
            "models": tuple(random.sample(first.models, len(first.models))),
            "devices": tuple(random.sample(first.devices, len(first.devices))),
        }
    )
    cells = plan(fleet(A, B, C), first).cells
    assert set(cells) == set(plan(fleet(*random.sample([A, B, C], 3)), second).cells)
    assert len(cells) == len(set(cells)) == len(names) * models * len(devices)
    for device in devices:
        own = [cell.key.precision for cell in cells if cell.key.device == device]
        assert "fp32" not in names or own[:models] == ["fp32"] * models
    assert sum(count for _, count in describe(plan(fleet(A, B, C), first)).cells_by_device) == len(cells)


def test_the_examples_make_a_plan(tmp_path: Path) -> None:
    inventory = load_inventory(REPOSITORY / "inventory/example.yaml")
    text = (REPOSITORY / "inventory/default-experiment.yaml").read_text()
    found = load(tmp_path, text)
    assert len(plan(inventory, found).cells) == 2 * len(found.models) * len(found.precisions)
