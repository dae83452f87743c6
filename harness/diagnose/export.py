"""A plan of mixed precision as a program that an application's developer can use without the farm."""

from importlib.resources import files

from jinja2 import Environment, StrictUndefined

from harness.models.signature import Signature
from harness.precision import MixedPlan, Precision

_TEMPLATE = "example.py.j2"


def example(
    plan: MixedPlan, precision: Precision, signature: Signature, *, about: str, model: str, file: str, threads: int
) -> str:
    """Return a stand-alone Python program that runs a plan; it needs MNN and numpy only.

    Args:
        plan: the segments.
        precision: whose weights, memory mode and hints it uses.
        signature: the model's input and output.
        about: what the plan is, in a few words.
        model: the model's name.
        file: the program's own.
        threads: of the engine.
    """
    environment = Environment(undefined=StrictUndefined, keep_trailing_newline=True, autoescape=False)  # noqa: S701 - no HTML
    environment.filters["repr"] = repr
    template = environment.from_string(files("harness.diagnose").joinpath(_TEMPLATE).read_text(encoding="utf-8"))
    return template.render(
        plan=plan,
        about=_one_line(about),
        model=_one_line(model),
        file=_one_line(file),
        input=signature.input_name,
        output=signature.output_name,
        shape=list(signature.input_shape),
        flags=" ".join(precision.weights.flags),
        memory=precision.memory.mnn,
        hints=precision.hint_numbers,
        threads=threads,
    )


def _one_line(text: str) -> str:
    # It stands in a docstring, which it must not end.
    return " ".join(text.replace('"', "'").replace("\\", "/").split())
