"""Rewrite an .onnx file, in this process, and hold the result against the original."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from harness.errors import Code, FarmError
from harness.models import reference
from harness.models.rewrites.known import Known
from harness.models.rewrites.registry import RULES, Rewrite
from harness.models.rewrites.same_mathematics import Difference, difference
from harness.models.samples import SampleSet
from harness.models.source import ModelSource

_TOLD = 3


@dataclass(frozen=True, slots=True)
class Made:
    """What became of a model that was rewritten.

    Attributes:
        changed: for each rewrite the nodes that it changed.
        left: nodes that a rewrite looked at and left as they were, each with the reason.
        difference: from the original's outputs.
    """

    changed: dict[str, tuple[str, ...]]
    left: tuple[str, ...]
    difference: Difference


def rewrite(
    source: ModelSource,
    names: tuple[str, ...],
    samples: SampleSet,
    target: Path,
    rules: Mapping[str, Rewrite] = RULES,
) -> Made | str:
    """Write a rewritten copy of a model to `target`; or return why one of the rewrites has nothing to do in it.

    Args:
        source: an .onnx model.
        names: of the rewrites; they are made in the order that `rules` has.
        samples: what values are looked at and compared on.
        target: the file to write.
        rules: the rewrites that there are.

    Raises:
        FarmError: conversion-failed, a rewrite changed what the model computes; reference-failed, onnxruntime
            cannot run the model.
    """
    import onnx

    model = onnx.load(str(source.path))
    changed: dict[str, tuple[str, ...]] = {}
    left: list[str] = []
    for name in [each for each in rules if each in names]:
        outcome = rules[name].apply(model, Known(model, len(samples), samples.fed))
        if not outcome.changed:
            return _nothing(name, rules[name], outcome.left)
        changed[name] = outcome.changed
        left += outcome.left
    del model.graph.value_info[:]  # they may describe tensors as they were
    onnx.checker.check_model(model)
    onnx.save(model, str(target))
    found = difference(_outputs(source, source.path, samples), _outputs(source, target, samples))
    if not found.is_none:
        what = f"model {source.name}, rewritten by {', '.join(changed)}, computes something else (onnxruntime, fp32)"
        raise FarmError(Code.CONVERSION_FAILED, f"{what}: {found}", "Leave that rewrite out, and report it.")
    return Made(changed, tuple(left), found)


def _nothing(name: str, rule: Rewrite, left: tuple[str, ...]) -> str:
    more = f" and {len(left) - _TOLD} more" if len(left) > _TOLD else ""
    looked_at = f" (left as they are: {'; '.join(left[:_TOLD])}{more})" if left else ""
    return f"the rewrite {name} changes nothing in this model: {rule.nothing}{looked_at}"


def _outputs(source: ModelSource, path: Path, samples: SampleSet) -> NDArray[np.float32]:
    answer = reference.Reference(path, source.signature, threads=1)
    return np.concatenate([answer(samples.fed(index)) for index in range(len(samples))])
