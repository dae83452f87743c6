"""Planted causes taken all the way through the command line on a board: run, explain, remedy. What came of each.

A model in which one known node loses the accuracy (`tests.diagnose.planted`) stands for each cause at each position.
Told of each:

- named: the culprit's block is ranked first, and its worst operator is the planted node, with the planted mechanism
- foretold: the lint's largest hazard in that precision is the planted node
- repaired: by the cheapest remedy but fp32 with which the verdict is PASS and the error a tenth or less
- isolated: a plan of mixed precision does so, with the culprit in fp32 and less than 60 % of the multiply-adds there;
  causes in the weights have no fp16 to mix
"""

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import yaml

from harness.diagnose.lint.calibration import observe
from harness.diagnose.lint.hazard import Reduced
from harness.diagnose.lint.hazards import find
from harness.diagnose.stored import load_diagnosis
from harness.diagnosis import Explanation, Remedy, Treatment
from harness.evidence import CellKey
from harness.results import Verdict
from tests.diagnose.planted import MECHANISMS, Cause, culprit_node, images, planted, write
from tests.e2e.farm import farm, farm_run, write_yaml

BOARD: Final = "cortex-a76"
SUFFERS: Final = dict.fromkeys(Cause, "fp16") | {Cause.OUTLIER: "w8-lowmem"}
"""The precision in which each cause loses the accuracy."""
MORE_EXACT: Final = 10.0
MOST_EXACT_SHARE: Final = 0.6
SECONDS: Final = 3600.0


@dataclass(frozen=True)
class Plant:
    """A cause at a position."""

    cause: Cause
    position: int

    @property
    def model(self) -> str:
        """The name of its model."""
        return f"{self.cause}-{self.position}"

    @property
    def key(self) -> CellKey:
        """The cell that suffers."""
        return CellKey(device=BOARD, model=self.model, precision=SUFFERS[self.cause], engine="3.6.1")

    @property
    def node(self) -> str:
        """The culprit."""
        return culprit_node(self.cause, self.position)


@dataclass(frozen=True)
class Found:
    """What became of one; `repair` and `plan` are None where nothing did."""

    plant: Plant
    named: bool
    foretold: bool
    error: float
    repair: Remedy | None
    plan: Remedy | None
    exact_share: float

    @property
    def mixes(self) -> bool:
        """Whether the precision has anything to mix."""
        return self.plant.key.precision == "fp16"

    @property
    def whole(self) -> bool:
        """Whether nothing is missing."""
        return self.named and self.foretold and self.repair is not None and (not self.mixes or self.plan is not None)


def judged(plant: Plant, folder: Path, run: Path) -> Found:
    """Read what the run's folder holds of a plant."""
    known = load_diagnosis(run)
    explanation = next((one for one in known.explanations if one.key == plant.key), None)
    treatment = next((one for one in known.treatments if one.key == plant.key), None)
    error = math.inf if explanation is None or explanation.together is None else explanation.together
    plan, share = _isolating(plant, treatment, error, run)
    return Found(
        plant=plant,
        named=explanation is not None and _named(plant, explanation),
        foretold=_foretold(plant, folder),
        error=error,
        repair=next((one for one in _repairs(treatment, error) if one.kind != "fp32"), None),
        plan=plan,
        exact_share=share,
    )


def _named(plant: Plant, explanation: Explanation) -> bool:
    worst = explanation.blocks[0]
    guilty = worst.culprits[0]
    return (
        worst.name.startswith(f"blocks.{plant.position}")
        and guilty.name.startswith(plant.node)
        and guilty.mechanism is MECHANISMS[plant.cause]
    )


def _foretold(plant: Plant, folder: Path) -> bool:
    suffers = Reduced.FP16 if plant.key.precision == "fp16" else Reduced.W8
    found = find(*observe(folder / "model.onnx", [image[None] for image in images(plant.cause, 3)]))
    return next(hazard.node for hazard in found if hazard.precision is suffers) == plant.node


def _repairs(treatment: Treatment | None, error: float) -> Iterator[Remedy]:
    for one in treatment.tried if treatment is not None else ():
        if one.verdict is Verdict.PASS and one.relative_l2 is not None and one.relative_l2 <= error / MORE_EXACT:
            yield one


def _isolating(plant: Plant, treatment: Treatment | None, error: float, run: Path) -> tuple[Remedy | None, float]:
    for one in _repairs(treatment, error):
        if one.plan is None:
            continue
        segments = yaml.safe_load((run / one.plan).read_text())["segments"]
        exact = [segment for segment in segments if segment["compute"] == "fp32"]
        share = sum(segment["share"] for segment in exact)
        if share < MOST_EXACT_SHARE and any(holds(segment, plant) for segment in exact):
            return one, share
    return None, 0.0


def holds(segment: dict[str, Any], plant: Plant) -> bool:
    """Tell whether the culprit lies within a segment of a plan: the planted model's nodes stand in one order."""
    nodes = planted(plant.cause, plant.position)[0].graph.node
    made_at = {node.output[0]: index for index, node in enumerate(nodes)}
    culprit = next(index for index, node in enumerate(nodes) if node.name == plant.node)
    begins = max(made_at.get(tensor, -1) for tensor in segment["inputs"])  # the model's own input is made by no node
    return begins < culprit <= max(made_at[tensor] for tensor in segment["outputs"])


def measured(
    plants: Sequence[Plant],
    folder: Path,
    run: Path,
    inventory: Path,
    *,
    probes: int = 8,
    tell: Callable[[Found], None] = lambda _: None,
) -> list[Found]:
    """Measure all of them in one run, and repair one after the other.

    Args:
        plants: what is planted.
        folder: of the models; `run` is the run's.
        inventory: reaches `BOARD`.
        probes: plans of mixed precision that are tried for each.
        tell: hears of each that is done.
    """
    entries = []
    for plant in plants:
        own = folder / plant.model
        own.mkdir()
        model, samples, _ = write(own, plant.cause, plant.position)
        entries.append({"name": plant.model, "file": str(model), "samples": {"arrays": str(samples)}})
    asked = {
        "models": entries,
        "precisions": ["fp32", *sorted({SUFFERS[plant.cause] for plant in plants})],
        "sampling": {"max_images": 64, "batch": 16},
        "thresholds": {"accuracy_drop_points": 20.0},
        "timing": {"warmup": 0, "repeats": 1},
        "diagnosis": {"minutes": 0},
    }
    done = farm_run(inventory, write_yaml(folder / "experiment.yaml", asked), run)
    assert done.code == 0, done.output
    found = []
    for plant in plants:
        options = ["--model", plant.model, "--precision", plant.key.precision, "--probes", str(probes)]
        repaired = farm("remedy", str(run), *options, timeout=SECONDS)
        assert repaired.returncode in (0, 1), repaired.stdout + repaired.stderr
        found.append(judged(plant, folder / plant.model, run))
        tell(found[-1])
    return found
