"""One model, one honest run, and one fleet of liars, shared by all tests here."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from harness.fleet.wheels import Wheel
from harness.models.cache import sha256_of
from harness.models.golden import golden
from harness.models.samples import SampleSet
from tests.agent.conftest import archive, stocked, wheels
from tests.lies.field import IMAGES, Field, Told, images
from tests.models.builders import network, source_of

__all__ = ["archive", "stocked", "wheels"]

IMAGENET = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)


@pytest.fixture(scope="package", autouse=True)
def own_cache(tmp_path_factory: pytest.TempPathFactory, wheels: list[Path]) -> Iterator[Path]:
    """A cache of these tests' own; the wheels (asked for above) come from the usual one."""
    cache = tmp_path_factory.mktemp("cache")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("FARM_CACHE", str(cache))
        yield cache


@pytest.fixture(scope="package")
def field(own_cache: Path, stocked: Path, wheels: list[Path], tmp_path_factory: pytest.TempPathFactory) -> Field:
    folder = tmp_path_factory.mktemp("field")
    model = network(folder / "model.onnx")
    x = images()
    samples = SampleSet(x, None, *IMAGENET, tuple(map(str, range(IMAGES))))
    labels = golden(source_of(model), samples).argmax(axis=1)
    # The reference shall not be perfect: one label in ten is another one.
    labels[::10] = (labels[::10] + 1) % 4
    np.savez(folder / "samples.npz", x=x, y=labels)
    house = tuple(Wheel(path.name, path, sha256_of(path)) for path in wheels)
    return Field(folder, model, folder / "samples.npz", stocked, house)


@pytest.fixture(scope="package")
def honest(field: Field) -> Told:
    """A run without a lie: what all lies are held against."""
    return field.run()
