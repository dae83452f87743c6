"""A rewritten model is held against its original, and is made once; a rewrite that lies is refused."""

import dataclasses
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import helper

from harness.errors import Code, FarmError
from harness.models import golden as references
from harness.models import host
from harness.models.load_samples import load_samples
from harness.models.repaired import rewrites_of
from harness.models.rewrites import rewritten as cached
from harness.models.rewrites.graph import Editor, Outcome
from harness.models.rewrites.known import Known
from harness.models.rewrites.registry import RULES, Rewrite
from harness.models.rewrites.rewriting import Made, rewrite
from harness.models.rewrites.rewritten import rewritten
from harness.models.samples import SampleSet
from harness.models.source import ModelSource, resolve
from harness.models.variants import make_variant, why_impossible
from harness.precision import REWRITES, Weights
from tests.models.builders import float_samples, source_of
from tests.models.rewrites.models import attention, attention_by_hand

SAMPLES = float_samples(4, channels=3)
SIDE = 16


@pytest.fixture
def source(tmp_path: Path) -> ModelSource:
    """Attention over 256 tokens, whose epsilon is nothing in float16."""
    return source_of(attention(tmp_path / "m.onnx", SIDE, epsilon=1e-15))


def test_the_rules_are_those_of_the_catalogue_in_its_order() -> None:
    assert tuple(RULES) == REWRITES


def test_all_that_apply_are_made_and_counted(source: ModelSource, tmp_path: Path) -> None:
    names = ("epsilon", "scale-attention", "sum-matmul")
    made = rewrite(source, names, SAMPLES, tmp_path / "r.onnx")
    assert isinstance(made, Made)
    assert made.changed == {"scale-attention": ("kv",), "sum-matmul": ("kv",), "epsilon": ("guard",)}
    assert list(made.changed) == ["scale-attention", "sum-matmul", "epsilon"]
    assert made.difference.median < 1e-4
    assert made.difference.images == 4


@pytest.mark.parametrize("names", [(name,) for name in REWRITES[1:]] + [REWRITES[1:]])
def test_the_engine_computes_what_it_did(source: ModelSource, tmp_path: Path, names: tuple[str, ...]) -> None:
    variant = make_variant(source, Weights(rewrites=names), SAMPLES, cache=tmp_path)
    outputs = host.run_file(variant.path, variant.signature, SAMPLES, runtime=host.fp32())
    by_hand = attention_by_hand(SAMPLES.x, 1e-15)
    error = np.linalg.norm(outputs - by_hand, axis=1) / np.linalg.norm(by_hand, axis=1)
    assert error.max() < 1e-4


def test_a_model_in_which_there_is_nothing_to_do_cannot_have_it(source: ModelSource, tmp_path: Path) -> None:
    weights = Weights(rewrites=("epsilon", "mean-pool"))
    reason = why_impossible(source, weights, SAMPLES, cache=tmp_path)
    assert reason == "the rewrite mean-pool changes nothing in this model: it has no average pooling over a whole map"
    with pytest.raises(FarmError, match="the rewrite mean-pool changes nothing"):
        make_variant(source, weights, SAMPLES, cache=tmp_path)


def test_what_was_left_is_told_with_the_reason(tmp_path: Path) -> None:
    source = source_of(attention(tmp_path / "m.onnx", SIDE, epsilon=2.0**-24))
    reason = why_impossible(source, Weights(rewrites=("scale-attention",)), SAMPLES, cache=tmp_path)
    assert reason is not None
    assert reason.endswith("(left as they are: kv: an epsilon would become 0 in float16)")


def test_a_long_list_of_what_was_left_is_cut(source: ModelSource, tmp_path: Path) -> None:
    rules = {"none": Rewrite(lambda *_: Outcome((), tuple("abcde")), "nothing")}
    reason = rewrite(source, ("none",), SAMPLES, tmp_path / "r.onnx", rules)
    assert str(reason).endswith("nothing (left as they are: a; b; c and 2 more)")


def off_by(factor: float) -> Rewrite:
    """A rewrite that scales the output, and says that it only tidied up."""

    def apply(model: onnx.ModelProto, known: Known) -> Outcome:
        editor = Editor(model.graph)
        last = next(node for node in model.graph.node if "out" in node.output)
        constant = editor.constant(last, "c", np.array(factor, np.float32))
        editor.insert(last, [helper.make_node("Mul", [last.input[0], constant], ["scaled"])])
        last.input[0] = "scaled"
        editor.done()
        return Outcome(("tidied",))

    return Rewrite(apply, "")


def test_a_rewrite_that_lies_is_refused(source: ModelSource, tmp_path: Path) -> None:
    for factor in (1.01, 1.0002, -1.0, float("nan")):
        with pytest.raises(FarmError, match=r"model test, rewritten by lie, computes something else") as caught:
            rewrite(source, ("lie",), SAMPLES, tmp_path / "r.onnx", {"lie": off_by(factor)})
        assert caught.value.problem.code is Code.CONVERSION_FAILED
    # 1.0002 is 2e-4 apart: how far is told.
    with pytest.raises(FarmError, match=r"relative L2 0\.0002 in the median"):
        rewrite(source, ("lie",), SAMPLES, tmp_path / "r.onnx", {"lie": off_by(1.0002)})
    assert isinstance(rewrite(source, ("lie",), SAMPLES, tmp_path / "r.onnx", {"lie": off_by(1.00005)}), Made)


def test_one_lie_among_honest_rewrites_is_refused(source: ModelSource, tmp_path: Path) -> None:
    rules = {**RULES, "lie": off_by(1.5)}
    with pytest.raises(FarmError, match="rewritten by sum-matmul, lie, computes something else"):
        rewrite(source, ("sum-matmul", "lie"), SAMPLES, tmp_path / "r.onnx", rules)


def test_a_rewritten_model_is_made_once_and_again_when_it_is_damaged(
    source: ModelSource, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = rewritten(source, ("sum-matmul",), SAMPLES, cache=tmp_path)
    assert not isinstance(first, str)
    monkeypatch.setattr(cached, "apart", None)
    assert rewritten(source, ("sum-matmul",), SAMPLES, cache=tmp_path) == first
    monkeypatch.undo()
    first.path.write_bytes(b"damaged")
    assert rewritten(source, ("sum-matmul",), SAMPLES, cache=tmp_path) == first
    onnx.checker.check_model(onnx.load(str(first.path)))


def test_what_was_looked_at_is_part_of_the_key(source: ModelSource, tmp_path: Path) -> None:
    other = float_samples(4, channels=3, seed=1)
    keys = {
        found.path
        for samples, names in (
            (SAMPLES, ("sum-matmul",)),
            (other, ("sum-matmul",)),
            (SAMPLES, ("sum-matmul", "epsilon")),
        )
        if not isinstance(found := rewritten(source, names, samples, cache=tmp_path), str)
    }
    assert len(keys) == 3


def test_only_the_first_samples_are_run(source: ModelSource, tmp_path: Path) -> None:
    many = SampleSet(np.repeat(SAMPLES.x, 30, axis=0), None, (), (), tuple(map(str, range(120))))
    found = rewritten(source, ("scale-attention",), many, cache=tmp_path)
    assert not isinstance(found, str)
    assert found.made.difference.images == cached.CHECKED == 100


def test_a_file_that_is_no_model_ends_no_run(source: ModelSource, tmp_path: Path) -> None:
    source.path.write_bytes(b"no model")
    with pytest.raises(FarmError):
        rewritten(source, ("sum-matmul",), SAMPLES, cache=tmp_path)
    assert why_impossible(source, Weights(rewrites=("sum-matmul",)), SAMPLES, cache=tmp_path) is None


BUNDLED: list[tuple[str, dict[str, int]]] = [
    ("efficientvit_b0", {"mean-pool": 1, "scale-attention": 4}),
    ("efficientvit_m0", {}),
]


@pytest.mark.parametrize(("name", "applies"), BUNDLED)
def test_the_bundled_models(name: str, applies: dict[str, int], tmp_path: Path) -> None:
    """Of the linear attention of B0 the ratio is kept; M0 pools over single positions and has softmax attention."""
    source = resolve(name=name, bundled=name)
    samples = load_samples(source, max_images=12, seed=0)
    for rule in REWRITES:
        reason = why_impossible(source, Weights(rewrites=(rule,)), samples, cache=tmp_path)
        assert (reason is None) is (rule in applies), (rule, reason)
    assert rewrites_of(source, samples, cache=tmp_path) == tuple(applies)
    if not applies:
        return
    found = rewritten(source, tuple(applies), samples, cache=tmp_path)
    assert not isinstance(found, str)
    assert {rule: len(nodes) for rule, nodes in found.made.changed.items()} == applies
    variant = make_variant(source, Weights(rewrites=tuple(applies)), samples, cache=tmp_path)
    outputs = host.run_file(variant.path, variant.signature, samples, runtime=host.fp32())
    expected: Any = references.golden(source, samples, cache=tmp_path)
    error = np.linalg.norm(outputs - expected, axis=1) / np.linalg.norm(expected, axis=1)
    assert np.median(error) < 1e-4
    assert (outputs.argmax(axis=1) == expected.argmax(axis=1)).all()


def test_a_variant_says_how_it_was_rewritten(source: ModelSource, tmp_path: Path) -> None:
    plain = make_variant(source, Weights(), SAMPLES, cache=tmp_path)
    summed = make_variant(source, Weights(rewrites=("sum-matmul",)), SAMPLES, cache=tmp_path)
    assert plain.key != summed.key
    assert summed.weights.stored_as == "float32, sum-matmul"
    assert dataclasses.replace(summed.weights, rewrites=()) == plain.weights
