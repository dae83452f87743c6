"""Graphs made up: random ones, and rows of operators with given names and work."""

from collections.abc import Sequence

from hypothesis import strategies as st

from harness.diagnose.graph import Graph, Operator, build


def node(name: str, *inputs: str, work: float = 0.0, outputs: Sequence[str] = ()) -> Operator:
    return Operator(name, "Convolution" if work else "BinaryOp", inputs, tuple(outputs) or (name,), work)


def row(*steps: tuple[str, float]) -> Graph:
    """Return a graph in which each operator feeds the next one."""
    names = ["image", *(name for name, _ in steps)]
    operators = [Operator("image", "Input", (), ("image",))]
    operators += [node(name, names[index], work=work) for index, (name, work) in enumerate(steps)]
    return build(operators, input_name="image", output_name=names[-1])


@st.composite
def random_graphs(draw: st.DrawFn, most: int = 9) -> Graph:
    """Return a graph in any order: with constants, dead ends, operators of two outputs, and ways around."""
    operators = [Operator("in", "Input", (), ("in",)), Operator("k", "Const", (), ("k",))]
    tensors = ["in", "k"]
    for index in range(draw(st.integers(1, most))):
        # The last tensor is likelier, so that there are single tensors that everything passes.
        pick = st.one_of(st.just(tensors[-1]), st.sampled_from(tensors))
        inputs = draw(st.lists(pick, min_size=1, max_size=3, unique=True))
        outputs = [f"t{index}", f"t{index}b"][: draw(st.sampled_from([1, 1, 1, 2]))]
        work = float(draw(st.integers(0, 9)))
        operators.append(Operator(f"op{index}", "Any", tuple(inputs), tuple(outputs), work))
        tensors.extend(reversed(outputs))
    operators.append(Operator("op", "Any", ("in", tensors[-1]) if draw(st.booleans()) else (tensors[-1],), ("out",)))
    if tensors[-1] == "k" or not _depends(operators):
        operators[-1] = Operator("op", "Any", ("in",), ("out",))
    return build(draw(st.permutations(operators)), input_name="in", output_name="out")


def _depends(operators: Sequence[Operator]) -> bool:
    return "out" in reachable(operators, "in", removed=None)


def reachable(operators: Sequence[Operator], start: str, *, removed: str | None) -> set[str]:
    """Return all tensors to which a way leads from one, without passing the one removed. By brute force."""
    found = {start} - {removed}
    while True:
        more = {t for o in operators if found & set(o.inputs) for t in o.outputs} - {removed}
        if more <= found:
            return {each for each in found if each is not None}
        found |= more
