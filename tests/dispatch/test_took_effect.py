"""What a lane learns from one sample: in effect, not in effect, or open."""

import pytest

from harness.dispatch.took_effect import took_effect
from harness.evidence import Probe
from tests.dispatch.builders import job
from tests.judge.builders import FP16_ON_A72, FP16_RUN

A76 = {"isa": ["fp16", "dot"], "machine": "aarch64"}
A72 = {"isa": [], "machine": "aarch64"}


@pytest.mark.parametrize(
    ("probe", "facts", "took"),
    [
        (FP16_RUN, A76, True),
        (FP16_ON_A72, A72, False),
        (FP16_RUN.model_copy(update={"session_backend": 0}), A76, None),
    ],
)
def test_fp16(probe: Probe, facts: dict[str, object], took: bool | None) -> None:
    assert took_effect(job("fp16"), probe, facts) is took


def test_a_device_that_tells_no_facts() -> None:
    assert took_effect(job("fp16"), FP16_RUN, {}) is not False
