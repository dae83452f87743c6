"""What names tell of the modules of a model."""

import pytest

from harness.diagnose.names import common, inherited, path_of, plain, span, written

QKV = "/stages/stages.2/blocks/blocks.1/context_module/main/qkv/conv/Conv_output_0"


@pytest.mark.parametrize(
    ("name", "wanted"),
    [
        (QKV, "stages.2.blocks.1.context_module.main.qkv.conv"),
        ("x___tr4" + QKV, "stages.2.blocks.1.context_module.main.qkv.conv"),
        ("/a/Cast_1_output_0___tr4/b/MatMul_output_0", "b"),
        ("/features/features.10/features.10.0/Conv_output_0", "features.10.0"),
        ("/layer1/layer1.0/conv1/Conv_output_0", "layer1.0.conv1"),
        ("/layer1/layer10/Conv_output_0", "layer1.layer10"),
        ("model/block/Conv2D", "model.block"),
        ("/Relu_output_0", ""),
    ],
)
def test_modules_are_written_as_their_author_calls_them(name: str, wanted: str) -> None:
    path = path_of(name)
    assert path is not None
    assert written(path) == wanted


@pytest.mark.parametrize("name", ["logits", "Conv_12", "Reshape384", "logits__matmul_converted", "123", ""])
def test_a_name_without_modules_tells_nothing(name: str) -> None:
    assert path_of(name) is None


def test_operators_are_called_by_their_modules_and_kind() -> None:
    assert plain(QKV, "Convolution") == "stages.2.blocks.1.context_module.main.qkv.conv.Conv"
    assert plain("Conv_12", "Convolution") == "Conv_12"
    assert plain("/Relu_output_0", "ReLU") == "Relu"
    assert plain("123", "Convolution") == "Convolution 123"


def test_spans() -> None:
    assert span("Conv_1", "Conv_9") == "Conv_1 … Conv_9"
    assert span("Conv_1", "Conv_1") == "Conv_1"


def test_common_beginnings() -> None:
    assert common([("a", "b", "c"), ("a", "b", "d"), ("a", "b")]) == ("a", "b")
    assert common([("a",), ("b",)]) == ()
    assert common([]) == ()


def test_a_missing_path_is_that_of_the_one_before() -> None:
    assert inherited([None, ("a",), None, ("b",), None]) == (("a",), ("a",), ("a",), ("b",), ("b",))
    assert inherited([None, None]) == ((), ())
