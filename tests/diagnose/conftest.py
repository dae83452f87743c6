"""The bundled models as .mnn files with their graphs, made once for all tests of this folder."""

from dataclasses import dataclass
from pathlib import Path

import pytest

from harness.diagnose.graph import Graph
from harness.diagnose.read import read
from harness.models.bundled_samples import open_bundled
from harness.models.pool import Pool
from harness.models.samples import SampleSet
from harness.models.source import ModelSource, resolve
from harness.models.variants import make_variant
from harness.precision import Weights


@dataclass(frozen=True)
class Converted:
    source: ModelSource
    path: Path
    graph: Graph
    samples: SampleSet


@pytest.fixture(scope="session")
def b0(tmp_path_factory: pytest.TempPathFactory) -> Converted:
    return _converted("efficientvit_b0", tmp_path_factory.mktemp("b0"))


@pytest.fixture(scope="session")
def m0(tmp_path_factory: pytest.TempPathFactory) -> Converted:
    return _converted("efficientvit_m0", tmp_path_factory.mktemp("m0"))


def _converted(name: str, folder: Path) -> Converted:
    source = resolve(name=name, bundled=name)
    mean, std = (0.286,) * 3, (0.353,) * 3
    pool: Pool = open_bundled(size=source.signature.size, mean=mean, std=std)
    samples = SampleSet(pool.read(range(3)), None, mean, std, ("0", "1", "2"))
    variant = make_variant(source, Weights(), samples, cache=folder)
    return Converted(source, variant.path, read(variant.path, source.signature), samples)
