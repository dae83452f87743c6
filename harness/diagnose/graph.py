"""A model as a graph of operators and tensors. Pure."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property

from harness.errors import Code, FarmError

FLOAT = "float"
"""The engine's name for float32, and for what it computes in float16 where that is asked for."""


@dataclass(frozen=True, slots=True)
class Tensor:
    """A tensor by its name.

    Attributes:
        shape: () where it is a scalar, or where the engine does not tell.
        format: the engine's layout: NCHW, NC4HW4 or NHWC. A part of a model must be fed in the layout in which the
            part before it made the tensor.
        dtype: float, int, ....
    """

    name: str
    shape: tuple[int, ...] = ()
    format: str = "NCHW"
    dtype: str = FLOAT


@dataclass(frozen=True, slots=True)
class Operator:
    """An operator.

    Attributes:
        name: what a session reports it by. Often that of its output, but not where the converter took the operator
            behind it (an activation) into it.
        type: the engine's.
        inputs, outputs: names of tensors.
        multiply_adds: how many, in millions, helpers included; an elementwise operator counts one a value.
        constant: it does not depend on the image, so that the engine computes it beforehand. A shape does: it is
            read from a tensor that does.
    """

    name: str
    type: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    multiply_adds: float = 0.0
    constant: bool = False


@dataclass(frozen=True)
class Graph:
    """A model with one input and one output.

    Attributes:
        operators: in an order in which they can run.
        tensors: what is known of each, by name.
        input, output: names of tensors.
        unattributed: multiply-adds, in millions, that the engine reported under names of no operator.
    """

    operators: tuple[Operator, ...]
    input: str
    output: str
    tensors: Mapping[str, Tensor] = field(default_factory=dict)
    unattributed: float = 0.0

    @cached_property
    def path(self) -> tuple[Operator, ...]:
        """The operators between input and output, both included, in an order in which they can run.

        Left out are constants and whatever does not lead to the output.
        """
        makers = _makers(self.operators)
        needed = _reaching(self.operators, makers, self.output)
        return tuple(self.operators[index] for index in sorted(needed) if not self.operators[index].constant)

    @cached_property
    def multiply_adds(self) -> float:
        """Those of all operators between input and output, in millions."""
        return sum(operator.multiply_adds for operator in self.path)


def build(
    operators: Sequence[Operator],
    *,
    input_name: str,
    output_name: str,
    tensors: Sequence[Tensor] = (),
    unattributed: float = 0.0,
) -> Graph:
    """Return operators in any order as a graph: sorted, and told apart from constants.

    Raises:
        FarmError: (bad-model) they are no graph of that input and output.
    """
    makers = _makers(operators)
    for name in (input_name, output_name):
        if name not in makers:
            raise FarmError(Code.BAD_MODEL, f"the model has no tensor {name}")
    ordered = [operators[index] for index in _order(operators, makers, makers[output_name])]
    graph = Graph(
        tuple(_with_constants(ordered, input_name)),
        input_name,
        output_name,
        {tensor.name: tensor for tensor in tensors},
        unattributed,
    )
    if not graph.path or input_name not in graph.path[0].outputs:
        raise FarmError(Code.BAD_MODEL, f"the model's output {output_name} does not depend on {input_name}")
    return graph


def _makers(operators: Sequence[Operator]) -> dict[str, int]:
    makers: dict[str, int] = {}
    for index, operator in enumerate(operators):
        for name in operator.outputs:
            if name in makers:
                raise FarmError(Code.BAD_MODEL, f"two operators of the model make a tensor {name}")
            makers[name] = index
    return makers


def _order(operators: Sequence[Operator], makers: Mapping[str, int], output: int) -> list[int]:
    """Return the operators so that each comes after those it needs: depth first, from the output backwards.

    Depth first finishes one branch before it begins another, so that few tensors wait for their use.
    """
    done: dict[int, bool] = {}
    order: list[int] = []
    for root in (output, *range(len(operators))):
        waiting = [(root, _needs(operators[root], makers))] if root not in done else []
        done.setdefault(root, False)
        while waiting:
            index, needs = waiting[-1]
            need = next((each for each in needs if not done.get(each, False)), None)
            if need is None:
                waiting.pop()
                done[index] = True
                order.append(index)
            elif need in done:
                raise FarmError(Code.BAD_MODEL, f"the model's operator {operators[need].name} needs its own output")
            else:
                done[need] = False
                waiting.append((need, _needs(operators[need], makers)))
    return order


def _needs(operator: Operator, makers: Mapping[str, int]) -> Iterator[int]:
    return (makers[name] for name in operator.inputs if name in makers)


def _with_constants(ordered: Sequence[Operator], input_name: str) -> Iterator[Operator]:
    dependent: set[str] = set()
    for operator in ordered:
        depends = input_name in operator.outputs or not dependent.isdisjoint(operator.inputs)
        if depends:
            dependent.update(operator.outputs)
        yield replace(operator, constant=not depends)


def _reaching(operators: Sequence[Operator], makers: Mapping[str, int], output: str) -> set[int]:
    found = {makers[output]}
    waiting = [makers[output]]
    while waiting:
        fresh = set(_needs(operators[waiting.pop()], makers)) - found
        found |= fresh
        waiting.extend(fresh)
    return found
