"""Rewritten .onnx files: made once, in a process apart, and cached by content."""

import tempfile
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, cast

from harness.cache import cache_root
from harness.models import reference
from harness.models.apart import apart
from harness.models.cache import keep, key_of, look_up, making
from harness.models.rewrites.rewriting import Made, rewrite
from harness.models.rewrites.same_mathematics import Difference
from harness.models.samples import SampleSet
from harness.models.source import ModelSource

RECIPE = 1
"""Part of every key: raise it when what a rewrite does, or what it is checked against, changes."""

CHECKED = 100
"""How many of the samples, the first ones, a rewritten model is checked on."""


@dataclass(frozen=True, slots=True)
class Rewritten:
    """A rewritten .onnx file, and what was done to it."""

    path: Path
    sha256: str
    made: Made


def rewritten(
    source: ModelSource, names: tuple[str, ...], samples: SampleSet, *, cache: Path | None = None
) -> Rewritten | str:
    """Return a model with some rewrites made; or why one of them has nothing to do in it. See `rewriting.rewrite`.

    Args:
        source: an .onnx model.
        names: of the rewrites, from `harness.precision.REWRITES`.
        samples: of which the first `CHECKED` are run.
        cache: the cache's folder, or None for the usual one.

    Raises:
        FarmError: conversion-failed, a rewrite changed what the model computes; reference-failed, onnxruntime
            cannot run the model.
    """
    few = SampleSet(samples.x[:CHECKED], None, samples.mean, samples.std, samples.names[:CHECKED])
    engine = f"onnxruntime {reference.version()}"
    key = key_of(recipe=RECIPE, onnx=source.sha256, rewrites=sorted(names), samples=few.digest, engine=engine)
    path = (cache or cache_root()).absolute() / "rewritten" / f"{key}.onnx"
    with making(path):
        notes = look_up(path)
        if notes is None:
            with tempfile.TemporaryDirectory(prefix="farm-rewritten-") as folder:
                target = Path(folder, "rewritten.onnx")
                made = apart(rewrite, source, names, few, target)
                if isinstance(made, str):
                    return made
                notes = keep(path, target.read_bytes(), made=asdict(made))
    return Rewritten(path, str(notes["sha256"]), _made(cast("dict[str, Any]", notes["made"])))


def _made(kept: dict[str, Any]) -> Made:
    changed = {str(name): tuple(nodes) for name, nodes in kept["changed"].items()}
    return Made(changed, tuple(kept["left"]), Difference(**kept["difference"]))
