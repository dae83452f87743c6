"""One operator of a graph by itself, in onnxruntime: what would it answer to other inputs?"""

from collections.abc import Sequence
from typing import Any

import numpy as np

from harness.diagnose.lint.call import Call, Values
from harness.diagnose.lint.graph import Array
from harness.models.reference import failures


class OneNode:
    """An operator, ready to be run. Constants are inputs like the rest."""

    def __init__(self, call: Call) -> None:
        """Prepare it; the call says which types its inputs have.

        Raises:
            ValueError: onnxruntime does not take it.
        """
        import onnxruntime

        self.names = tuple(dict.fromkeys(name for name in call.node.inputs if name))
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        options.log_severity_level = 4
        data = _model(call, self.names)
        try:
            self._session = onnxruntime.InferenceSession(data, options, providers=["CPUExecutionProvider"])
        except failures() as error:
            raise ValueError(f"{call.node.name}: {error}") from error

    def __call__(self, values: Values) -> Array:
        """Return the first output.

        Raises:
            ValueError: onnxruntime does not take these inputs.
        """
        try:
            return np.asarray(self._session.run(None, {name: values[name] for name in self.names})[0])
        except failures() as error:
            raise ValueError(str(error)) from error


def _model(call: Call, names: Sequence[str]) -> bytes:
    from onnx import helper

    node = call.node
    made = helper.make_node(node.op, node.inputs, node.outputs, name=node.name, domain=node.domain, **node.attributes)
    described = [
        helper.make_tensor_value_info(name, helper.np_dtype_to_tensor_dtype(each.dtype), each.shape)
        for name, each in ((name, call.values[name]) for name in names)
    ]
    outputs: list[Any] = [helper.make_empty_tensor_value_info(node.output)]
    model = helper.make_model(
        helper.make_graph([made], "one", described, outputs),
        opset_imports=[helper.make_opsetid(domain, version) for domain, version in call.graph.opsets],
    )
    model.ir_version = 8
    data: bytes = model.SerializeToString()
    return data
