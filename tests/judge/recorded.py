"""Probes that real agents took on emulated boards, MNN 3.6.1: two models at 64 x 64, one at 224 x 224."""

import json
from dataclasses import dataclass
from pathlib import Path

from harness.evidence import Probe
from harness.judge.effective import effective
from harness.precision import CATALOGUE, Compute, Memory, Precision, Weights
from harness.results import Effective

FP16_LOW_MEMORY = Precision("fp16-lowmem", compute=Compute.FP16, memory=Memory.LOW)
W8_FP16_LOW_MEMORY = Precision("w8-lowmem-fp16", Weights(bits=8), Compute.FP16, Memory.LOW)
PRECISIONS = {**CATALOGUE, **{each.name: each for each in (FP16_LOW_MEMORY, W8_FP16_LOW_MEMORY)}}

B0, M0, LARGE = "efficientvit_b0", "efficientvit_m0", "b0-224"


@dataclass(frozen=True)
class Recorded:
    """A probe, with what else decides what it means."""

    probe: Probe
    isa: tuple[str, ...]
    machine: str
    precision: str

    def judged(self, **changes: object) -> Effective:
        """Return what ran, with other figures where they are given."""
        probe = self.probe.model_copy(update=changes)
        return effective(PRECISIONS[self.precision], probe, self.isa, self.machine)


def _read() -> dict[tuple[str, str, str], Recorded]:
    found = {}
    for line in Path(__file__).with_name("recorded_probes.jsonl").read_text().splitlines():
        row = json.loads(line)
        probe = Probe.model_validate(row["probe"])
        place = row["device"], row["precision"], row["model"]
        found[place] = Recorded(probe, tuple(row["isa"]), row["machine"], row["precision"])
    return found


RECORDED = _read()


def on(device: str, precision: str, model: str = B0) -> Recorded:
    """Return one of them."""
    return RECORDED[device, precision, model]
