"""The search for mixed precision: which blocks must stay in fp32 for a model to keep its accuracy on some devices.

What each block does was measured (`harness.block_errors`). From that all plans that no other beats are known without
trying any; which of them keeps the accuracy is asked of the devices, a plan at a time, each a run of its own below
the run's folder, so that an interrupted search goes on where it was.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from harness.diagnose.blocks import Block
from harness.diagnose.front import Candidate, Sensitivity, front, squared_errors
from harness.diagnose.look import Question, Seen, Subject, look
from harness.diagnose.plans import segments, uniform
from harness.diagnose.search import Stop, Tried, ladder, next_step
from harness.diagnosis import Explanation
from harness.dispatch.focus import Focus
from harness.evidence import CellKey
from harness.precision import Compute, MixedPlan, Precision
from harness.results import CellResult, Verdict

MORE_EXACT = 10.0
"""A plan is first aimed at so many times less than what the reduced precision loses."""
LOST = "a plan could not be measured, so the search ended there; it goes on with the same command"


@dataclass(frozen=True, slots=True)
class Goal:
    """What a plan must do.

    Attributes:
        devices: on all of which it must do it.
        error: relative L2 that it must keep besides, where the reduced precision keeps the accuracy already; else
            infinite.
    """

    devices: tuple[str, ...]
    error: float = math.inf


@dataclass(frozen=True, slots=True)
class Quest:
    """What is searched for.

    Attributes:
        subject: the run that is looked at.
        key: of the cell that loses accuracy; `asked` is its precision.
        model: sha256 of the model; `blocks` are its blocks.
    """

    subject: Subject
    key: CellKey
    asked: Precision
    model: str
    blocks: tuple[Block, ...]
    goal: Goal


@dataclass(frozen=True, slots=True)
class Probe:
    """A plan that was tried: what it was, and its cells."""

    candidate: Candidate
    plan: MixedPlan
    precision: Precision
    cells: tuple[CellResult, ...]
    seen: Seen

    @property
    def verdict(self) -> Verdict:
        """PASS where every device passes, else the verdict of one that does not."""
        return next((cell.verdict for cell in self.cells if cell.verdict is not Verdict.PASS), Verdict.PASS)

    @property
    def error(self) -> float | None:
        """The largest median relative L2 of the devices; None where none is known."""
        errors = [cell.metrics.relative_l2_median for cell in self.cells if cell.metrics is not None]
        return max((error for error in errors if error is not None), default=None)


@dataclass(frozen=True, slots=True)
class Found:
    """What a search came to.

    Attributes:
        best: None where no plan does it.
        front: the candidates there were: predicted error, share in the reduced precision, cuts.
    """

    best: Probe | None
    probes: tuple[Probe, ...]
    front: tuple[Candidate, ...]
    reason: str


def sensitivities(found: Explanation, blocks: Sequence[Block]) -> tuple[Sensitivity, ...] | None:
    """Return what each block does to the output, in the order of `blocks`; None where that was not measured."""
    known = {one.name: Sensitivity(one.alone, one.spared) for one in found.blocks if one.alone is not None}
    if any(block.name not in known for block in blocks):
        return None
    return tuple(known[block.name] for block in blocks)


def search(
    quest: Quest,
    measured: Sequence[Sensitivity],
    *,
    together: float | None,
    probes: int,
    enough_time: Callable[[], bool],
) -> Found:
    """Search a plan for one model on some devices.

    Args:
        quest: what is searched for.
        measured: what each block does.
        together: relative L2 of the output with all blocks in the reduced precision.
        probes: how many plans may be tried.
        enough_time: whether there is time for another one.

    Raises:
        FarmError, InputError: a look could not be taken.
    """
    blocks, goal = quest.blocks, quest.goal
    candidates = front([block.multiply_adds for block in blocks], squared_errors(measured, together))
    rungs = ladder(candidates)
    known = [
        Tried(Candidate(uniform(len(blocks), Compute.FP16), together or math.inf, 1.0), Verdict.FAIL, together),
        Tried(Candidate(uniform(len(blocks), Compute.FP32), 0.0, 0.0), Verdict.PASS, 0.0),
    ]
    tried: list[Probe] = []
    broken = False
    aim = None if together is None else min(together / MORE_EXACT, goal.error)
    while True:
        left = probes - len(tried) if enough_time() and not broken else 0
        step = next_step(rungs, known, probes_left=left, aim=aim)
        if isinstance(step, Stop):
            best = next((one for one in tried if step.best is not None and one.candidate == step.best), None)
            return Found(best, tuple(tried), tuple(rungs), LOST if broken else step.reason)
        probe = _tried(quest, step)
        tried.append(probe)
        # What could not be measured says nothing of a plan, and the next one would fare no better.
        broken = any(cell.verdict is Verdict.ERROR for cell in probe.cells)
        if not broken:
            known.append(Tried(step, _verdict(probe, goal), probe.error))


def mixed_precision(asked: Precision, plan: MixedPlan, name: str) -> Precision:
    """Return the precision that runs a plan with the weights of another."""
    return replace(asked, name=name, compute=Compute.FP16, plans=(plan,), segments=())


def name_of(candidate: Candidate) -> str:
    """Return a name for a plan: which blocks run in fp16, as digits of base 16."""
    bits = "".join("1" if compute is Compute.FP16 else "0" for compute in candidate.plan.computes)
    return f"mixed-{int(bits, 2):0{-(-len(bits) // 4)}x}"


def _tried(quest: Quest, candidate: Candidate) -> Probe:
    plan = MixedPlan(quest.model, segments(quest.blocks, candidate.plan))
    precision = mixed_precision(quest.asked, plan, name_of(candidate))
    question = Question(
        name="mixed",
        models=(quest.key.model,),
        devices=quest.goal.devices,
        precisions=(precision,),
        focus=Focus(),
        engines=(quest.key.engine,),
        timed=True,
    )
    seen = look(quest.subject, question)
    return Probe(candidate, plan, precision, seen.results.cells, seen)


def _verdict(probe: Probe, goal: Goal) -> Verdict:
    """Return PASS where every device passes, and keeps the error that is asked for."""
    if probe.verdict is not Verdict.PASS:
        return probe.verdict
    return Verdict.PASS if probe.error is not None and probe.error <= goal.error else Verdict.FAIL
