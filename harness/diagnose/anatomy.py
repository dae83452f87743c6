"""What each operator of a model adds up: over how many terms, and by which algorithm. Pure."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from harness.diagnose.graph import Graph, Operator

_SUMMING = ("Convolution", "ConvolutionDepthwise", "Deconvolution", "MatMul", "BatchMatMul")
_POOLING = ("Pooling", "Pooling3D")
_WINOGRAD = range(2, 8)
"""Sizes of a square kernel, stride 1, for which the engine may choose Winograd's algorithm."""


@dataclass(frozen=True, slots=True)
class Anatomy:
    """What is inside of an operator.

    Attributes:
        terms: how many products or values one of its results adds up; 0 where it adds up nothing that is known.
        pooling: it averages positions.
        winograd: it is a dense convolution that the engine may run by Winograd's algorithm.
        divides: it divides by a tensor.
    """

    terms: int = 0
    pooling: bool = False
    winograd: bool = False
    divides: bool = False


def anatomies(graph: Graph, kernels: Mapping[str, Sequence[int]]) -> dict[str, Anatomy]:
    """Return the anatomy of every operator between input and output, by name.

    Args:
        graph: of the .mnn file.
        kernels: height and width of the kernels of dense convolutions, by name.
    """
    return {operator.name: _anatomy(graph, operator, kernels.get(operator.name, ())) for operator in graph.path}


def _anatomy(graph: Graph, operator: Operator, kernel: Sequence[int]) -> Anatomy:
    results = math.prod(_shape(graph, operator.outputs[0])) if operator.outputs else 0
    if operator.type in _POOLING:
        given = math.prod(_shape(graph, operator.inputs[0])) if operator.inputs else 0
        return Anatomy(terms=given // results if results else 0, pooling=True)
    if operator.type in _SUMMING and results:
        terms = round(operator.multiply_adds * 1e6 / results)
        square = len(kernel) == 2 and kernel[0] == kernel[1] and kernel[0] in _WINOGRAD
        return Anatomy(terms=terms, winograd=square and operator.type == "Convolution")
    return Anatomy(divides=operator.type in ("REALDIV", "DIV", "FLOORDIV"))


def _shape(graph: Graph, tensor: str) -> tuple[int, ...]:
    known = graph.tensors.get(tensor)
    return known.shape if known is not None and known.shape and min(known.shape) > 0 else (0,)
