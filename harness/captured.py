"""Where a cell's numbers leave those of fp32 on one image, operator by operator, as a device measured it.

The **control** is the fp32 file on the same device at precision high, memory normal, without hints. Operators of a
calibrated int8 file have other names there, so nothing is known of them.
"""

from typing import Annotated

from pydantic import Field

from harness.agent import MOST_CAPTURED
from harness.value import Value

_LONGEST_NAME, _LONGEST_TYPE = 200, 60
_MOST = 10**12

# Not negative, and no NaN: infinite where a number is not finite that should be.
Magnitude = Annotated[float, Field(ge=0)]
Finite = Annotated[float, Field(ge=0, allow_inf_nan=False)]
Share = Annotated[float, Field(ge=0, le=1)]
Count = Annotated[int, Field(ge=0, le=_MOST)]


class OperatorError(Value):
    """An operator of the model as the engine ran it, and what is wrong with its outputs.

    Errors are relative L2, |given - control's| / |control's|, of the output where it is largest; infinite where a
    value is not finite that is finite in the control; None where all of the control's are 0 and others are not. Of
    an output of integers it is the share that differs. All figures have six digits.

    Attributes:
        name: as the engine has it: of operators that it fused the first's; helpers of its own end in `_raster_0`,
            `__matmul_converted` or the like.
        type: MNN's name for what it does.
        flops: the engine's figure, millions.
        elements: how many numbers its outputs have; `integers`: how many of them are integers.
        relative_l2: the error so far: passed through from operators before, and made here.
        largest: the largest magnitude in the control; infinite where one is not finite.
        rms: root of the mean square in the control.
        nonfinite: how many values are not finite that are finite in the control.
        near_overflow: share of the control's values of at least half of 65504, float16's largest.
        flushed: share of values that are 0 and in the control are not, but below 2^-14.
        tiny: share of the control's values below 2^-14 and not 0; float16 holds them with less than its 11 bits.
        made: the error made here: of this operator at the cell's precision with the control's inputs. Their rounding
            to what the cell holds numbers in is part of it. None also where the operator was not shown to depend on
            its inputs alone.
        rounding: the error of the control's operator with its inputs rounded to float16: what is lost whatever the
            arithmetic, if inputs are kept in float16. None where `made` is, for that reason.
        amplification: `rounding` against the relative L2 of that rounding of the inputs. Far above 1 where large
            terms cancel, below 1 where errors average out; None where rounding changes no input, and
            for outputs of integers.
    """

    name: Annotated[str, Field(max_length=_LONGEST_NAME)]
    type: Annotated[str, Field(min_length=1, max_length=_LONGEST_TYPE)]
    flops: Finite
    elements: Count
    integers: Count
    relative_l2: Magnitude | None
    largest: Magnitude
    rms: Finite
    nonfinite: Count
    near_overflow: Share
    flushed: Share
    tiny: Share
    made: Magnitude | None
    rounding: Magnitude | None
    amplification: Finite | None


class Summary(Value):
    """What one image told of the capture as a whole.

    Attributes:
        undisturbed: with every operator looked at, the session's outputs equal the measured module's to the bit;
            else looking changed what ran, and the figures are not the cell's.
        control_undisturbed: the same of the control.
        restored: every operator was shown to depend on nothing but its inputs, so `made` is known of all.
        output_relative_l2: the error of the model's outputs, module against module.
        unmatched: how many operators the control has not, or not in this shape; nothing is known of them.
        scratch_mb: what the device kept on its disk for it, MB.
    """

    undisturbed: bool
    control_undisturbed: bool
    restored: bool
    output_relative_l2: Magnitude | None
    unmatched: Count
    scratch_mb: Finite


class Capture(Summary):
    """What one image told.

    Attributes:
        operators: in the order in which they ran.
    """

    operators: Annotated[tuple[OperatorError, ...], Field(max_length=MOST_CAPTURED)]
