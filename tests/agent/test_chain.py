"""A model in parts: each a module of its own, fed with what those before it made."""

from collections.abc import Callable, Iterator
from typing import Any

import MNN
import numpy as np
import pytest
from numpy.typing import NDArray

from harness.agent.failures import AgentError
from harness.agent.part import Boundary, fed, segments
from tests.agent.served import FP32, Served, first_output

HIGH, LOW = 1, 2


def parts(*cuts: list[str], precisions: tuple[int, ...] = (HIGH, HIGH, HIGH)) -> list[dict[str, Any]]:
    """Return segments of the convolutions' model, cut at sets of tensors."""
    edges = [["image"], *cuts, ["logits"]]
    return [
        {"inputs": edges[number], "outputs": edges[number + 1], "precision": precisions[number]}
        for number in range(len(edges) - 1)
    ]


CUTS = {
    "one tensor, in the engine's own layout": parts(["gated"]),
    "one tensor, a vector": parts(["flat"]),
    "two cuts": parts(["gated"], ["flat"]),
    "two tensors at once": parts(["r1", "c2"]),
}


@pytest.fixture
def chained(served: Served) -> Iterator[Callable[..., Served]]:
    """Opens the cell `cut` with some segments; it is closed at the end of the test."""

    def opened(segments: list[dict[str, Any]], **changes: Any) -> Served:
        assert served.open("cut", segments=segments, **changes).ok
        return served

    yield opened
    served.close("cut")


@pytest.mark.parametrize("cut", CUTS)
def test_the_chain_in_fp32_is_the_model_to_the_bit(chained: Callable[..., Served], cut: str) -> None:
    served = chained(CUTS[cut])
    assert served.open("whole").ok
    whole = first_output(served.infer("whole"))
    np.testing.assert_array_equal(first_output(served.infer("cut")), whole)
    served.close("whole")


def test_a_chain_agrees_with_onnxruntime(chained: Callable[..., Served], reference: NDArray[np.float32]) -> None:
    found = first_output(chained(CUTS["two cuts"]).infer("cut"))
    np.testing.assert_allclose(found, reference, rtol=1e-4, atol=1e-5)


def test_the_probe_compares_the_chain_with_the_whole_model(chained: Callable[..., Served]) -> None:
    chain = chained(CUTS["two cuts"]).probe("cut")["chain"]
    assert chain["error"] == 0.0
    assert [one["equals_high"] for one in chain["segments"]] == [True] * 3


def test_the_probe_of_a_chain_tells_of_the_whole_model_and_of_each_part(chained: Callable[..., Served]) -> None:
    half = {**FP32, "precision": LOW}
    told = chained(parts(["gated"], ["flat"], precisions=(LOW, HIGH, LOW)), runtime=half).probe("cut")
    assert told["tensors"] > 3
    assert told["equals_high"] is not None
    assert len(told["chain"]["segments"]) == 3
    # What is asked for in fp32 is the control itself.
    assert told["chain"]["segments"][1]["equals_high"] is True


def test_a_model_in_one_part_has_no_chain(served: Served) -> None:
    assert served.open("whole").ok
    assert "chain" not in served.probe("whole").header
    served.close("whole")


@pytest.mark.parametrize("precision", [0, 3, "low", 1.0, True, None])
def test_a_precision_that_the_engine_would_ignore_is_refused(served: Served, precision: object) -> None:
    cut = parts(["gated"])
    cut[0]["precision"] = precision
    reply = served.open("refused", segments=cut)
    served.close("refused")
    assert reply.code == "protocol"
    assert "precision must be" in reply.message


def test_tensors_that_the_model_has_not_are_refused(served: Served) -> None:
    reply = served.open("lost", segments=parts(["no such tensor"]))
    assert reply.code in ("model-load-failed", "child-crashed")
    served.close("lost")
    assert served.open("next").ok
    served.close("next")


def test_no_segments_are_one_part_at_the_precision_of_the_runtime() -> None:
    setup = {"inputs": ["a"], "outputs": ["b"], "runtime": {"precision": 2}}
    whole = [{"inputs": ["a"], "outputs": ["b"], "precision": 2}]
    assert segments(setup) == segments({**setup, "segments": []}) == whole


def test_a_precision_that_is_none_is_the_coordinators_mistake() -> None:
    with pytest.raises(AgentError, match="precision"):
        segments({"segments": [{"precision": 7}], "inputs": [], "outputs": [], "runtime": {"precision": 1}})


@pytest.mark.parametrize("layout", [MNN.expr.NCHW, MNN.expr.NC4HW4, MNN.expr.NHWC])
@pytest.mark.parametrize("dtype", [np.float32, np.int32])
def test_what_is_fed_is_what_was_taken(layout: Any, dtype: type[np.generic]) -> None:
    array = np.arange(2 * 5 * 3 * 3).reshape(2, 5, 3, 3).astype(dtype)
    given = fed(Boundary(array, layout))
    assert given.data_format == layout
    found = np.array(MNN.expr.convert(given, MNN.expr.NCHW).read())
    assert found.dtype == dtype
    np.testing.assert_array_equal(found, array)
