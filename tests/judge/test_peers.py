"""Devices that ran the same: who agrees with whom, and who is alone."""

import numpy as np
import pytest

from harness.evidence import CellKey
from harness.judge.peers import Ran, equal, peers
from harness.judge.shapes import Outputs
from harness.results import CellResult, Effective, Extent, Peers, Status, Verdict

from .builders import answers

SAME = answers(20)
OTHER = np.nextafter(SAME, np.float32(np.inf))


def ran(
    device: str,
    outputs: Outputs = SAME,
    *,
    threads: int = 4,
    compute: str = "fp32",
    engine: str = "3.6.1",
    proven: bool = True,
) -> Ran:
    key = CellKey(device=device, model="b0", precision="fp32", engine=engine)
    extent = Extent.FULL if proven else Extent.UNPROVEN
    effective = Effective(weights="float32", compute=compute, in_effect=proven or None, extent=extent)
    return Ran(
        CellResult(key=key, status=Status.MEASURED, verdict=Verdict.PASS, effective=effective), outputs, threads
    )


def by_device(*cells: Ran) -> dict[str, Peers]:
    return {key.device: found for key, found in peers(cells).items()}


def test_devices_that_agree() -> None:
    assert by_device(ran("a"), ran("b"), ran("c"))["b"] == Peers(equal=("a", "c"))


@pytest.mark.parametrize("odd", ["a", "b", "c"])
def test_the_odd_one_out_is_named(odd: str) -> None:
    found = by_device(*(ran(name, OTHER if name == odd else SAME) for name in "abc"))
    assert {peer.odd for peer in found.values()} == {odd}
    others = tuple(name for name in "abc" if name != odd)
    assert found[odd] == Peers(unequal=others, odd=odd), "all of it is proven: nobody is listed apart"


def test_of_two_nobody_is_odd() -> None:
    assert by_device(ran("a"), ran("b", OTHER)) == {"a": Peers(unequal=("b",)), "b": Peers(unequal=("a",))}


def test_of_two_camps_nobody_is_odd() -> None:
    found = by_device(ran("a"), ran("b"), ran("c", OTHER), ran("d", OTHER))
    assert found["a"] == Peers(equal=("b",), unequal=("c", "d"))
    third = by_device(ran("a"), ran("b", OTHER), ran("c", -SAME))
    assert {peer.odd for peer in third.values()} == {None}


@pytest.mark.parametrize("other", [{"threads": 2}, {"compute": "fp16"}, {"engine": "3.0.0"}])
def test_who_ran_otherwise_is_no_peer(other: dict[str, object]) -> None:
    assert by_device(ran("a"), ran("b", OTHER, **other)) == {}  # type: ignore[arg-type]


def test_the_images_of_both_are_compared() -> None:
    assert by_device(ran("a"), ran("b", SAME[:7]))["a"] == Peers(equal=("b",))
    assert equal(SAME[:7], SAME)
    assert not equal(SAME[:7], OTHER)
    assert not equal(SAME, SAME[:, :9])


def test_equal_means_to_the_bit() -> None:
    zeros = np.zeros((1, 2), np.float32)
    nans = np.full((1, 2), np.nan, np.float32)
    assert not equal(zeros, -zeros)
    assert equal(nans, nans)


def unproven(device: str, outputs: Outputs = SAME, **other: object) -> Ran:
    return ran(device, outputs, proven=False, **other)  # type: ignore[arg-type]


def test_the_odd_one_out_is_named_although_nothing_is_proven_there() -> None:
    """As calibrated int8 on a processor with SVE2: three boards agree, the fourth does not, nor say what it ran."""
    found = by_device(*map(ran, "abc"), unproven("max", OTHER))
    assert found["a"] == Peers(equal=("b", "c"), asked_unequal=("max",), asked_odd="max")
    assert found["max"] == Peers(asked_unequal=("a", "b", "c"), asked_odd="max")


def test_who_is_not_proven_to_have_run_the_same_is_nobodys_peer() -> None:
    found = by_device(ran("a"), ran("b"), unproven("c"))
    assert found["a"] == Peers(equal=("b",), asked_equal=("c",))
    assert found["c"] == Peers(asked_equal=("a", "b"))
    assert by_device(unproven("a")) == {}
    two = by_device(unproven("a"), unproven("b", OTHER))
    assert two["a"] == Peers(asked_unequal=("b",)), "of two nobody is odd"


def test_an_odd_one_among_peers_stays_it() -> None:
    found = by_device(ran("a"), ran("b"), ran("c", OTHER), unproven("d"))
    assert found["c"] == Peers(unequal=("a", "b"), odd="c", asked_unequal=("d",), asked_odd="c")
    assert found["d"] == Peers(asked_equal=("a", "b"), asked_unequal=("c",), asked_odd="c")


def test_two_paths_that_are_proven_name_nobody() -> None:
    """Those differ by right: who is alone among all says nothing."""
    cells = (ran("a"), ran("b"), ran("c", OTHER, compute="fp16"), unproven("d"))
    found = by_device(*cells)
    assert {peer.asked_odd for peer in found.values()} == {None}
    assert found["d"] == Peers(asked_equal=("a", "b"), asked_unequal=("c",))
    assert found["c"] == Peers(asked_unequal=("d",))


@pytest.mark.parametrize("other", [{"threads": 2}, {"engine": "3.0.0"}])
def test_who_was_asked_otherwise_is_not_compared(other: dict[str, object]) -> None:
    assert by_device(ran("a"), unproven("b", OTHER, **other)) == {}
