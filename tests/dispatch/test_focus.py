"""A closer look at a run: some images only, to the end, and its own name for `--resume`."""

import numpy as np
import pytest

from harness.dispatch.focus import WIDE, CloseUp, Focus
from harness.models.samples import SampleSet


def samples(labelled: bool = True) -> SampleSet:
    x = np.arange(5 * 3 * 2 * 2, dtype=np.uint8).reshape(5, 3, 2, 2)
    labels = np.array([4, 3, 2, 1, 0]) if labelled else None
    return SampleSet(x, labels, (0.5,) * 3, (0.25,) * 3, ("a", "b", "c", "d", "e"))


def test_some_samples_in_the_order_asked_for() -> None:
    whole = samples()
    some = whole.only((3, 0))
    assert some.names == ("d", "a")
    assert some.labels is not None
    assert some.labels.tolist() == [1, 4]
    np.testing.assert_array_equal(some.fed(0), whole.fed(3))
    np.testing.assert_array_equal(some.fed(1), whole.fed(0))
    assert some.digest != whole.digest
    assert some.digest == whole.only([3, 0]).digest


def test_samples_without_labels_stay_so() -> None:
    assert samples(labelled=False).only((1,)).labels is None


def test_a_sample_that_is_not_there() -> None:
    with pytest.raises(IndexError):
        samples().only((5,))


def test_one_precision_is_looked_into() -> None:
    close_up = CloseUp("fp16", 2)
    focus = Focus(images=(1, 2, 3), close_up=close_up)
    assert (focus.on("fp16"), focus.on("fp32"), WIDE.on("fp16")) == (close_up, None, None)
