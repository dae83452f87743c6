"""The samples of a model as the experiment names them."""

from pathlib import Path

from harness.errors import Code, InputError
from harness.models.arrays import open_arrays
from harness.models.bundled_samples import open_bundled
from harness.models.folder import open_folder
from harness.models.pool import Pool, about_normalisation, select
from harness.models.samples import SampleSet
from harness.models.source import ModelSource

Channels = tuple[float, ...]


def load_samples(
    source: ModelSource,
    *,
    images: Path | None = None,
    labels: Path | None = None,
    arrays: Path | None = None,
    mean: Channels | None = None,
    std: Channels | None = None,
    max_images: int,
    seed: int,
) -> SampleSet:
    """Read the samples of a model, at its size. Without `images` and `arrays`: the bundled ones.

    Args:
        source: the model; its card (bundled and timm models) says mean and std where they are not given.
        images: a folder of images; see `folder` and `pixels`.
        labels: a CSV file with the columns file and label, for `images`.
        arrays: an .npz file; see `arrays`.
        mean: per channel, of pixels in 0..1.
        std: the same.
        max_images: how many images are evaluated, at most; which ones: see `pool`.
        seed: of the choice among more images.

    Raises:
        InputError: (bad-samples) they cannot be used; as much as can be known is said at once.
    """
    pool = _open(source, images=images, labels=labels, arrays=arrays, mean=mean, std=std)
    return select(pool, max_images=max_images, seed=seed)


def _open(
    source: ModelSource,
    *,
    images: Path | None,
    labels: Path | None,
    arrays: Path | None,
    mean: Channels | None,
    std: Channels | None,
) -> Pool:
    if images is not None and arrays is not None:
        raise InputError(Code.BAD_SAMPLES, f"model {source.name}: give images or arrays, not both")
    if labels is not None and images is None:
        raise InputError(Code.BAD_SAMPLES, f"model {source.name}: labels belong to a folder of images")
    mean, std = _stated("mean", mean, source), _stated("std", std, source)
    if arrays is not None:
        return open_arrays(arrays, signature=source.signature, mean=mean, std=std)
    mistakes = about_normalisation(mean, std, source.signature.channels)
    if mistakes:
        raise InputError(Code.BAD_SAMPLES, f"model {source.name}: {'; '.join(mistakes)}")
    if images is not None:
        return open_folder(images, labels, signature=source.signature, mean=mean, std=std)
    if not source.origin.startswith("bundled:"):
        raise InputError(Code.BAD_SAMPLES, f"model {source.name}: its samples section names no images and no arrays")
    return open_bundled(size=source.signature.size, mean=mean, std=std)


def _stated(key: str, given: Channels | None, source: ModelSource) -> Channels:
    """Return mean or std as given, or else as the model's card says, or else nothing."""
    on_card = source.card.get(key)
    values = given if given is not None else on_card if isinstance(on_card, list | tuple) else ()
    return tuple(float(value) for value in values)
