import io

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.errors import Code, InputError
from harness.models.pool import MAX_CALIBRATION, Pool, select, split
from harness.models.samples import SampleSet, batches
from tests.models.builders import float_samples, pixel_samples

COUNTS = st.integers(1, 400)


@given(total=COUNTS, max_images=COUNTS, seed=st.integers(0, 2**32 - 1))
def test_evaluation_and_calibration_never_share_an_image(total: int, max_images: int, seed: int) -> None:
    evaluate, calibrate = split(total, max_images=max_images, seed=seed)
    assert len(evaluate) == min(total, max_images)
    assert len(calibrate) == min(total - len(evaluate), MAX_CALIBRATION)
    assert len({*evaluate, *calibrate}) == len(evaluate) + len(calibrate)
    assert {*evaluate, *calibrate} <= set(range(total))
    assert (evaluate, calibrate) == split(total, max_images=max_images, seed=seed)


@given(total=COUNTS, fewer=COUNTS, more=COUNTS)
def test_fewer_images_are_the_first_of_more(total: int, fewer: int, more: int) -> None:
    small, large = sorted((fewer, more))
    assert split(total, max_images=large, seed=3)[0][:small] == split(total, max_images=small, seed=3)[0]


def test_the_choice_for_a_seed_is_fixed_for_good() -> None:
    assert split(10, max_images=4, seed=0) == ((2, 8, 4, 9), (1, 6, 7, 3, 0, 5))
    assert split(10, max_images=4, seed=1)[0] != split(10, max_images=4, seed=0)[0]


def pool(count: int, **more: object) -> Pool:
    images = np.arange(count, dtype=np.uint8).reshape(count, 1, 1, 1)
    return Pool(
        names=tuple(f"{index}.png" for index in range(count)),
        labels=np.arange(count, dtype=np.int64),
        read=lambda indices: images[list(indices)],
        mean=(0.0,),
        std=(1.0,),
        **more,  # type: ignore[arg-type]
    )


def test_images_labels_and_names_stay_together() -> None:
    samples = select(pool(20), max_images=5, seed=0)
    assert len(samples) == 5
    assert samples.labels is not None
    assert samples.x.ravel().tolist() == samples.labels.tolist()
    assert [int(name.removesuffix(".png")) for name in samples.names] == samples.labels.tolist()
    assert samples.calibration is not None
    assert not set(samples.calibration.ravel()) & set(samples.x.ravel())


@pytest.mark.parametrize("max_images", [20, 21, 1000])
def test_where_all_are_evaluated_none_are_left_to_calibrate(max_images: int) -> None:
    samples = select(pool(20), max_images=max_images, seed=0)
    assert (len(samples), samples.calibration) == (20, None)
    assert "lower sampling.max_images below 20" in samples.no_calibration


def test_calibration_images_of_their_own_are_used() -> None:
    own = np.full((3, 1, 1, 1), 255, np.uint8)
    samples = select(pool(20, calibration=own), max_images=20, seed=0)
    assert samples.calibration is own
    assert samples.no_calibration == ""


def test_no_images_at_all() -> None:
    with pytest.raises(InputError) as caught:
        select(pool(0), max_images=1, seed=0)
    assert caught.value.problem.code is Code.BAD_SAMPLES


@pytest.mark.parametrize("samples", [pixel_samples(7), float_samples(7)], ids=["pixels", "floats"])
@pytest.mark.parametrize("size", [1, 3, 7, 100])
def test_batches_hold_every_image_once_and_are_named_by_content(samples: SampleSet, size: int) -> None:
    import hashlib

    cut = batches(samples, size)
    arrays = [np.load(io.BytesIO(each.data), allow_pickle=False) for each in cut]
    np.testing.assert_array_equal(np.concatenate(arrays), samples.x)
    assert arrays[0].dtype == samples.x.dtype
    assert [each.digest for each in cut] == [hashlib.sha256(each.data).hexdigest() for each in cut]
    assert [(each.first, each.count) for each in cut] == [
        (first, min(size, 7 - first)) for first in range(0, 7, size)
    ]
    assert [each.digest for each in batches(samples, size)] == [each.digest for each in cut]


def test_a_digest_covers_pixels_and_normalisation() -> None:
    one = pixel_samples(3)
    others = [
        pixel_samples(3, seed=1),
        SampleSet(one.x, None, (0.0, 0.0, 0.0), one.std, one.names),
        SampleSet(one.x, None, one.mean, (1.0, 1.0, 1.0), one.names),
        SampleSet(one.x.reshape(3, 3, 8, 32), None, one.mean, one.std, one.names),
    ]
    assert len({one.digest, *(other.digest for other in others)}) == 5
    assert pixel_samples(3).digest == one.digest


def test_what_is_fed_is_normalised_pixels_or_the_floats_themselves() -> None:
    pixels, floats = pixel_samples(2), float_samples(2)
    by_hand = (pixels.x[1] / 255 - np.reshape(pixels.mean, (3, 1, 1))) / np.reshape(pixels.std, (3, 1, 1))
    np.testing.assert_allclose(pixels.fed(1)[0], by_hand, rtol=1e-5, atol=1e-6)
    np.testing.assert_array_equal(floats.fed(1), floats.x[1:])
    assert pixels.fed(0).dtype == floats.fed(0).dtype == np.float32
