"""A precision as an application would set it: converter flags and run-time configuration to paste."""

from harness.precision import HINTS, Compute, Memory, Precision

_PRECISION = {Compute.FP32: "Precision_High", Compute.FP16: "Precision_Low", Compute.BF16: "Precision_Low_BF16"}
_MEMORY = {Memory.NORMAL: "Memory_Normal", Memory.LOW: "Memory_Low"}
_HINT = {"winograd": "WINOGRAD_MEMORY_LEVEL", "dynamic_quant": "DYNAMIC_QUANT_OPTIONS"}


def settings(precision: Precision, *, engine: str, threads: int) -> str:
    """Return what to set in the converter and in the application, a line each."""
    weights = precision.weights
    lines = [f"engine: MNN {engine}"]
    if weights.rewrites:
        lines.append(f"ONNX, before conversion: {', '.join(weights.rewrites)}")
    lines.append(f"converter flags: {' '.join(weights.flags) or 'none'}")
    if weights.calibrated:
        lines.append("then mnnquant: feature_quantize_method KL, weight_quantize_method MAX_ABS")
    if weights.keep_float:
        where = "skip_quant_op_names" if weights.calibrated else '"bits": 0 in --compressionParamsFile'
        lines.append(f"layers kept float ({where}): {', '.join(weights.keep_float)}")
    lines += _runtime(precision, threads)
    return "\n".join(lines)


def _runtime(precision: Precision, threads: int) -> list[str]:
    if precision.segments or precision.plans:
        return ["run time: a module a segment of the plan, as in the example program beside it"]
    config = ", ".join(f'"{key}": {value}' for key, value in precision.runtime(threads).items())
    python = f"nn.create_runtime_manager(({{{config}}},))"
    cpp = f"BackendConfig: precision {_PRECISION[precision.compute]}, memory {_MEMORY[precision.memory]}"
    hints = [
        f"hint: set_hint({HINTS[name]}, {value})" + (f"  (Interpreter::{_HINT[name]})" if name in _HINT else "")
        for name, value in precision.hints
    ]
    return [f"Python: {python}", f"C++: {cpp}", *hints]
