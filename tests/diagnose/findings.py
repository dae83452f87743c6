"""Captures, errors of blocks and blocks with little to say, for tests that are about something else."""

from collections.abc import Sequence

from harness.block_errors import BlockError, BlockErrors
from harness.captured import Capture, OperatorError
from harness.diagnose.blocks import Block
from harness.diagnosis import BlockFinding, Explanation
from harness.evidence import CellKey

KEY = CellKey(device="a76", model="b0", precision="fp16", engine="3.6.1")


def operator(name: str, **changes: object) -> OperatorError:
    """An operator with float16 rounding and nothing else."""
    fields: dict[str, object] = {
        "name": name,
        "type": "Convolution",
        "flops": 1.0,
        "elements": 1000,
        "integers": 0,
        "relative_l2": 3e-4,
        "largest": 4.0,
        "rms": 1.0,
        "nonfinite": 0,
        "near_overflow": 0.0,
        "flushed": 0.0,
        "tiny": 0.0,
        "made": 3e-4,
        "rounding": 2.5e-4,
        "amplification": 1.0,
        **changes,
    }
    return OperatorError.model_validate({key: fields[key] for key in OperatorError.model_fields})


def capture(*operators: OperatorError, **changes: object) -> Capture:
    fields: dict[str, object] = {
        "undisturbed": True,
        "control_undisturbed": True,
        "restored": True,
        "output_relative_l2": 0.03,
        "unmatched": 0,
        "scratch_mb": 1.0,
        "operators": operators,
        **changes,
    }
    return Capture.model_validate(fields)


def errors(*alone: float, together: float = 0.03, chain_error: float | None = 0.0) -> BlockErrors:
    """Errors of blocks that do so much alone; their local error is half of it, and sparing them leaves the rest."""
    each = [BlockError(local=one / 2, alone=one, spared=max(0.0, together - one)) for one in alone]
    return BlockErrors(chain_error=chain_error, together=together, blocks=tuple(each))


def row(names: Sequence[str], shares: Sequence[float] = ()) -> tuple[Block, ...]:
    """Blocks in a row, one operator each, with tensors t0, t1, … between them."""
    part = shares or [1 / len(names)] * len(names)
    return tuple(
        Block(
            name=name,
            start=number,
            stop=number + 1,
            operators=(f"{name}/op",),
            inputs=(f"t{number}",),
            outputs=(f"t{number + 1}",),
            multiply_adds=100 * part[number],
            share=part[number],
        )
        for number, name in enumerate(names)
    )


def explanation(*blocks: BlockFinding, **changes: object) -> Explanation:
    fields: dict[str, object] = {"key": KEY, "images": (3, 0), "flipped": 1, "together": 0.03, "blocks": blocks}
    return Explanation.model_validate({**fields, **changes})
