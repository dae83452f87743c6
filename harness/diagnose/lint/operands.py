"""What an operator multiplies and adds up for some of its outputs, chosen at random.

The order is the one in which MNN's float16 kernels accumulate: for a convolution kernel position by kernel position,
within each one channel by channel; an average is a sum of products with 1/N. (1x1 convolutions with thousands of
channels are cut in halves there, by Strassen's method; this is not replayed, so they come out better than predicted.)
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from harness.diagnose.lint.call import Call
from harness.diagnose.lint.graph import Array, Graph, Node
from harness.diagnose.lint.half import Floats
from harness.diagnose.lint.windows import Index, padded, window

_MOST = 1 << 20
"""Products held for one call, at most."""


@dataclass(frozen=True, eq=False)
class Operands:
    """Operands of n outputs, each a sum of K products.

    Attributes:
        a: [K, n], from activations.
        b: [K, n], from weights, or from activations too.
        bias: [n].
        weighted: b is constant.
        rows: [n], which row of the weights b is (see `weight_rows`); None where that does not know them.
        bias_first: the accumulator starts with the bias, instead of having it added at the end.
    """

    a: Floats
    b: Floats
    bias: Floats
    weighted: bool = False
    rows: Index | None = None
    bias_first: bool = False


def operands(call: Call, *, count: int, random: np.random.RandomState) -> Operands | None:
    """Return the operands of at most `count` outputs, or None where the operator is no sum of a kind that we know."""
    gather = _GATHER.get(call.node.op)
    if gather is None or min(call.input(0).ndim, call.output.ndim) < 2:
        return None
    return gather(call, max(1, min(count, _MOST // length(call))), random)


def length(call: Call) -> int:
    """Return how many products the operator adds up for an output; 1 where it is no sum."""
    if call.node.op == "Conv":
        return int(np.prod(call.input(1).shape[1:]))
    if call.node.op in ("Gemm", "MatMul"):
        return int(call.input(0).shape[-2 if call.node.attributes.get("transA") else -1])
    if call.node.op in _GATHER:
        return int(np.prod(_kernel(call)))
    return 1


def exact(a: Floats, b: Floats, bias: Floats) -> NDArray[np.float64]:
    """Return the sums of products [K, n], and the bias [n], in double precision."""
    return np.asarray(np.einsum("kn,kn->n", a, b, dtype=np.float64) + bias)


def weight_rows(graph: Graph, node: Node) -> Floats | None:
    """Return the constant weights as [output channels, K], K in order of accumulation, or None if there are none."""
    weights = graph.constant(node, 1)
    if weights is None or weights.dtype != np.float32 or weights.ndim < 2:
        return None
    if node.op == "Conv":
        return _kernel_rows(weights)
    if node.op == "Gemm":
        return weights if node.attributes.get("transB") else weights.T
    return weights.T if node.op == "MatMul" and weights.ndim == 2 else None


def _kernel_rows(weights: Array) -> Floats:
    return np.moveaxis(weights, 1, -1).reshape(len(weights), -1)


def _convolution(call: Call, number: int, random: np.random.RandomState) -> Operands | None:
    x, weights = call.input(0), call.input(1)
    if x.ndim != 4:
        return None
    channel, row, column = (random.randint(0, size, number) for size in call.output.shape[1:])
    rows = window(call, 0, weights.shape[2], row)[:, :, None, None]
    columns = window(call, 1, weights.shape[3], column)[:, None, :, None]
    channels = call.first_input_channel(channel)[:, None, None, None] + np.arange(weights.shape[1])
    taken = padded(x)[channels, rows, columns]
    return Operands(
        np.asarray(taken.reshape(number, -1).T, np.float32),
        _kernel_rows(weights)[channel].T,
        call.bias(channel),
        weighted=call.constant(1),
        rows=channel if call.constant(1) else None,
        bias_first=weights.shape[1] == 1 and call.group > 1,
    )


def _pooling(call: Call, number: int, random: np.random.RandomState) -> Operands | None:
    if call.input(0).ndim != 4:
        return None
    height, width = _kernel(call)
    channel, row, column = (random.randint(0, size, number) for size in call.output.shape[1:])
    rows, columns = window(call, 0, height, row), window(call, 1, width, column)
    taken = padded(call.input(0))[channel[:, None, None], rows[:, :, None], columns[:, None, :]]
    inside = (rows >= 0).sum(axis=1) * (columns >= 0).sum(axis=1)
    divisor = height * width if call.node.attributes.get("count_include_pad") else inside
    a = np.asarray(taken.reshape(number, -1).T, np.float32)
    shares = np.broadcast_to(np.asarray(1 / divisor, np.float32), a.shape)
    return Operands(a, shares, np.zeros(number, np.float32), weighted=True)


def _kernel(call: Call) -> tuple[int, ...]:
    return tuple(call.node.attributes.get("kernel_shape", call.input(0).shape[2:]))


def _matmul(call: Call, number: int, random: np.random.RandomState) -> Operands | None:
    if call.input(1).ndim < 2:
        return None
    return _product(call, (call.input(0), call.input(1), np.zeros(1)), number, random)


def _gemm(call: Call, number: int, random: np.random.RandomState) -> Operands:
    attributes = call.node.attributes
    left = call.input(0).T if attributes.get("transA") else call.input(0)
    right = call.input(1).T if attributes.get("transB") else call.input(1)
    bias = attributes.get("beta", 1.0) * call.input(2) if call.has(2) else np.zeros(1)
    return _product(call, (attributes.get("alpha", 1.0) * left, right, bias), number, random)


def _product(
    call: Call, matrices: tuple[Array, Array, Array], number: int, random: np.random.RandomState
) -> Operands:
    left, right, bias = matrices
    batch = np.broadcast_shapes(left.shape[:-2], right.shape[:-2])
    lefts = np.broadcast_to(left, batch + left.shape[-2:]).reshape(-1, *left.shape[-2:])
    rights = np.broadcast_to(right, batch + right.shape[-2:]).reshape(-1, *right.shape[-2:])
    which, row, column = (random.randint(0, size, number) for size in (len(lefts), left.shape[-2], right.shape[-1]))
    return Operands(
        np.asarray(lefts[which, row].T, np.float32),
        np.asarray(rights[which, :, column].T, np.float32),
        np.asarray(np.broadcast_to(bias, (left.shape[-2], right.shape[-1]))[row, column], np.float32),
        weighted=call.constant(1),
        rows=None if weight_rows(call.graph, call.node) is None else column,
    )


_GATHER: dict[str, Callable[[Call, int, np.random.RandomState], Operands | None]] = {
    "Conv": _convolution,
    "Gemm": _gemm,
    "MatMul": _matmul,
    "AveragePool": _pooling,
    "GlobalAveragePool": _pooling,
}
