"""The graph of real files, and the engine's figures against the formula."""

from pathlib import Path

import numpy as np
import onnx
import pytest

from harness.diagnose.cuts import cuts
from harness.diagnose.graph import Graph
from harness.diagnose.read import read
from harness.errors import Code, FarmError
from harness.models.signature import Signature
from tests.diagnose.conftest import Converted
from tests.diagnose.models import ALL, SIGNATURE, converted


def millions(graph: Graph, model: Path) -> dict[str, float]:
    """Multiply-adds by the formula, outputs x weights of each, of what has weights in an ONNX model, by name."""
    loaded = onnx.load(str(model))
    weights = {each.name: list(each.dims) for each in loaded.graph.initializer}
    made = {operator.name: operator.outputs[0] for operator in graph.operators}
    found = {}
    for node in loaded.graph.node:
        name = node.output[0]
        if node.op_type == "Conv":
            found[name] = np.prod(graph.tensors[made[name]].shape) * np.prod(weights[node.input[1]][1:]) / 1e6
        elif node.op_type == "MatMul" and node.input[1] in weights:
            found[f"{name}__matmul_converted"] = np.prod(weights[node.input[1]]) / 1e6
    return {name: float(value) for name, value in found.items()}


@pytest.mark.parametrize("name", ["b0", "m0"])
def test_multiply_adds_are_those_of_the_formula(name: str, request: pytest.FixtureRequest) -> None:
    model: Converted = request.getfixturevalue(name)
    found = {operator.name: operator.multiply_adds for operator in model.graph.operators}
    wanted = millions(model.graph, model.source.path)
    plain = {key: value for key, value in wanted.items() if "aggreg" not in key}
    assert {key: found[key] for key in plain} == pytest.approx(plain, rel=1e-4)
    assert 0.95 < sum(wanted.values()) / model.graph.multiply_adds < 1.0
    assert model.graph.unattributed == 0.0


def test_the_groups_of_a_convolution_are_summed(b0: Converted) -> None:
    """A 1x1 convolution in twelve groups is twelve operators or runs as twelve, as the converter likes."""
    wanted = sum(value for key, value in millions(b0.graph, b0.source.path).items() if "aggreg.0.1" in key)
    found = sum(o.multiply_adds for o in b0.graph.operators if "aggreg.0.1" in o.name)
    assert wanted > 0
    assert found == pytest.approx(wanted, rel=1e-3)


def test_a_product_s_figure_is_in_units_of_two_to_the_twentieth(b0: Converted) -> None:
    """[8 heads, 16, 16 tokens] x [16 tokens, 17]."""
    name = "/stages/stages.2/blocks/blocks.1/context_module/main/MatMul_output_0"
    found = next(o for o in b0.graph.operators if o.name == name)
    assert found.type == "MatMul"
    assert found.multiply_adds == pytest.approx(8 * 16 * 16 * 17 / 2**20)


def test_the_sum_is_that_of_the_known_model(b0: Converted, m0: Converted) -> None:
    """EfficientViT-B0 has 102 million multiply-adds at 224x224, M0 79; the convolutions' grow with the area."""
    area = (64 / 224) ** 2
    assert b0.graph.multiply_adds == pytest.approx(102 * area + 1.3 * (1 - area), rel=0.03)
    assert m0.graph.multiply_adds == pytest.approx(79 * area, rel=0.1)


def test_an_operator_that_took_in_its_activation_keeps_its_name_and_makes_the_activation_s_tensor(
    m0: Converted,
) -> None:
    found = next(o for o in m0.graph.operators if o.name == "/patch_embed/conv1/conv/Conv_output_0")
    assert found.outputs == ("/patch_embed/relu1/Relu_output_0",)
    assert m0.graph.tensors[found.outputs[0]].format == "NC4HW4"


def test_an_operator_of_several_outputs_is_one(m0: Converted) -> None:
    name = "/stages/stages.0/blocks/blocks.0/mixer/m/attn/Split_output_0"
    assert len(next(o for o in m0.graph.operators if o.name == name).outputs) == 3


def test_where_b0_can_be_cut(b0: Converted) -> None:
    """By hand: 4 in the stem, 5 in each of 4 plain MBConvs, 1 behind each of 10 residual blocks, 7 in the head."""
    names = [cut.tensors[0] for cut in cuts(b0.graph)]
    assert len(names) == 41
    plain = [f"/stages/stages.{stage}/blocks/blocks.0/main/" for stage in range(4)]
    assert [sum(name.startswith(each) for name in names) for each in plain] == [5, 5, 5, 5]
    modules = [name for name in names if "context_module" in name or "local_module" in name]
    assert all(name.endswith("_module/Add_output_0") for name in modules)
    assert len(modules) == 8


@pytest.mark.parametrize("net", ALL, ids=lambda net: net.__name__)
def test_other_networks_have_graphs_too(net: object, tmp_path: Path) -> None:
    graph = read(converted(tmp_path, "m", net), SIGNATURE)
    assert graph.unattributed == 0.0
    wanted = sum(millions(graph, tmp_path / "m.onnx").values())
    assert wanted <= graph.multiply_adds
    assert set(graph.tensors) >= {tensor for operator in graph.path for tensor in operator.outputs}


def test_a_dynamic_size_is_the_one_that_the_model_is_fed(tmp_path: Path) -> None:
    from harness.models import mnn_tool
    from tests.models.builders import linear_model

    onnx_file = linear_model(tmp_path / "m.onnx", side="side")
    made = tmp_path / "m.mnn"
    mnn_tool.ask("convert", onnx=str(onnx_file), mnn=str(made), flags=[], deadline_s=60)
    graph = read(made, Signature("image", (1, 1, 32, 32), "logits", (1, 10)))
    assert graph.tensors["maps"].shape == (1, 10, 4, 4)


def test_what_is_no_model_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "none.mnn"
    path.write_bytes(b"nothing")
    with pytest.raises(FarmError, match=r"the graph of none\.mnn could not be read") as caught:
        read(path, SIGNATURE)
    assert caught.value.problem.code is Code.BAD_MODEL
