"""Models in which something can be rewritten, with what they compute worked out by numpy in float64."""

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from onnx import ModelProto, helper, load

from harness.models.rewrites.known import Known
from tests.models.builders import save

Arrays = dict[str, NDArray[Any]]
Exact = NDArray[np.float64]

WIDTH = 4
"""Features of each head of `attention`."""


def known(model: ModelProto, images: NDArray[np.float32]) -> Known:
    """What is known of a model that is fed some images [N, C, H, W]."""
    return Known(model, len(images), lambda index: images[index : index + 1])


def rest(model: ModelProto) -> list[str]:
    return [node.op_type for node in model.graph.node]


def filters(seed: int, channels: int = 3) -> NDArray[np.float32]:
    return np.random.RandomState(seed).randn(WIDTH, channels, 1, 1).astype(np.float32)


def attention(
    path: Path, side: int, *, epsilon: float | None = 1e-5, also: list[Any] | None = None, shared: bool = False
) -> Path:
    """ReLU linear attention over side x side tokens: [1, 3, side, side] -> the mean over them [1, WIDTH].

    `shared`: the denominator's sum comes from k itself, not from a column of ones beside v. `also`: more nodes.
    """
    tokens = side * side
    project = [
        node
        for name in "qkv"
        for node in (
            helper.make_node(
                "Conv", ["image", f"w{name}"], [f"{name}_map"], kernel_shape=[1, 1], name=f"conv_{name}"
            ),
            helper.make_node("Reshape", [f"{name}_map", "flat"], [f"{name}_raw"]),
        )
    ]
    last = [
        helper.make_node("Div", ["above", "below" if epsilon is None else "kept"], ["ratio"], name="ratio"),
        helper.make_node("ReduceMean", ["ratio"], ["out"], axes=[1], keepdims=0),
    ]
    guard = [] if epsilon is None else [helper.make_node("Add", ["below", "eps"], ["kept"], name="guard")]
    nodes = [*project, *(_shared() if shared else _one_product()), *guard, *last, *(also or [])]
    arrays: Arrays = {f"w{name}": filters(seed) for seed, name in enumerate("qkv")}
    arrays |= {"flat": np.array([1, WIDTH, tokens]), "ones": np.ones((1, tokens, 1), np.float32)}
    arrays |= {"zero": np.array([0]), "width": np.array([WIDTH]), "all": np.array([WIDTH + 1]), "two": np.array([2])}
    arrays |= {} if epsilon is None else {"eps": np.array(epsilon, np.float32)}
    return save(path, nodes, arrays, inputs={"image": [1, 3, side, side]}, outputs={"out": [1, WIDTH]})


def _one_product() -> list[Any]:
    """The product with [v, 1], whose result is cut into numerator and denominator."""
    return [
        helper.make_node("Relu", ["q_raw"], ["q_positive"]),
        helper.make_node("Transpose", ["q_positive"], ["q"], perm=[0, 2, 1]),
        helper.make_node("Relu", ["k_raw"], ["k"]),
        helper.make_node("Transpose", ["v_raw"], ["v"], perm=[0, 2, 1]),
        helper.make_node("Concat", ["v", "ones"], ["v1"], axis=2),
        helper.make_node("MatMul", ["k", "v1"], ["kv"], name="kv"),
        helper.make_node("MatMul", ["q", "kv"], ["both"], name="both"),
        helper.make_node("Slice", ["both", "zero", "width", "two"], ["above"]),
        helper.make_node("Slice", ["both", "width", "all", "two"], ["below"]),
    ]


def _shared() -> list[Any]:
    """Two paths from k: the product with v, and a sum of its own."""
    return [
        helper.make_node("Relu", ["q_raw"], ["q_positive"]),
        helper.make_node("Transpose", ["q_positive"], ["q"], perm=[0, 2, 1]),
        helper.make_node("Relu", ["k_raw"], ["k"]),
        helper.make_node("Transpose", ["v_raw"], ["v"], perm=[0, 2, 1]),
        helper.make_node("Transpose", ["k"], ["k_first"], perm=[0, 1, 2]),
        helper.make_node("MatMul", ["k_first", "v"], ["kv"], name="kv"),
        helper.make_node("MatMul", ["q", "kv"], ["above"], name="above"),
        helper.make_node("ReduceSum", ["k", "two"], ["sums"], keepdims=1),
        helper.make_node("MatMul", ["q", "sums"], ["below"], name="below"),
    ]


def attention_by_hand(images: NDArray[np.float32], epsilon: float) -> Exact:
    q, k, v = (
        np.einsum("oc,ncp->nop", filters(seed)[:, :, 0, 0].astype(np.float64), flat(images)) for seed in range(3)
    )
    q, k = np.maximum(q, 0), np.maximum(k, 0)
    above = np.einsum("nip,nit,njt->npj", q, k, v)
    below = np.einsum("nip,nit->np", q, k)[..., None]
    return np.asarray((above / (below + epsilon)).mean(axis=1))


def flat(images: NDArray[np.float32]) -> Exact:
    return images.reshape(*images.shape[:2], -1).astype(np.float64)


def loaded(path: Path) -> ModelProto:
    return load(str(path))
