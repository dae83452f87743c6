"""`farm run`: measure, judge, report."""

import shlex
import sys
from pathlib import Path

from rich.console import Console

from harness.commands.fleet import at_work, fleet
from harness.commands.remedy import tell
from harness.commands.report import publish
from harness.config.experiment import load_experiment
from harness.config.inventory import load_inventory
from harness.console.effort import effort
from harness.console.listeners import listening
from harness.diagnose.failures import explain_failures, explainer, to_explain
from harness.diagnose.look import Subject
from harness.diagnose.planning import with_plans
from harness.diagnose.repairing import failing, repair
from harness.diagnose.stored import keep_diagnosis, load_diagnosis
from harness.diagnose.treating import Budget
from harness.dispatch.run import Request
from harness.dispatch.stored import replay
from harness.errors import FarmError
from harness.judge.exit_code import exit_code
from harness.results import RunResults

INTERRUPTED = 130


def run_command(
    inventory: Path | None,
    experiment: Path,
    out: Path,
    *,
    resume: bool,
    gate: bool,
    remedy: bool,
    ray_address: str | None,
    wait_s: float,
) -> int:
    """Run the experiment and return the exit code of the contract; no inventory means the default fleet.

    Raises:
        InputError: the user's input or machine is wrong; nothing was run.
        FarmError: nothing could be judged.
    """
    console = Console()
    asked = load_experiment(experiment)
    with at_work() as start, listening(console) as listener, fleet(inventory, listener) as devices:
        subject = with_plans(Subject(out, load_inventory(devices), asked, listener, start, ray_address), Budget())
        request = Request(
            subject.inventory,
            subject.experiment,
            out,
            resume,
            ray_address,
            wait_s,
            default_fleet=inventory is None,
        )
        outcome = start(request, listener)
        left = () if outcome.interrupted else _explained(subject, outcome.results)
        if remedy and not outcome.interrupted:
            left += _repaired(subject, outcome.results)
    publish(outcome.results, out, console)
    found = replay(out)
    tell(load_diagnosis(out).treatments, console)
    for words in left:
        console.print(words, markup=False, highlight=False, soft_wrap=True)
    console.print(effort(outcome.results, found.counts), highlight=False, soft_wrap=True)
    console.print(f"Report: {out / 'report.md'}", highlight=False, soft_wrap=True)
    if outcome.interrupted:
        again = shlex.join([*sys.argv, *([] if resume else ["--resume"])])
        console.print(
            f"Interrupted; what was measured is kept. Continue with:\n  {again}", markup=False, soft_wrap=True
        )
        return INTERRUPTED
    return exit_code(outcome.results, gate)


def _explained(subject: Subject, results: RunResults) -> tuple[str, ...]:
    """Explain what fails while the devices are at hand; return what was not explained, with the reason."""
    plan = subject.experiment.diagnosis
    known = [one.key for one in load_diagnosis(subject.folder).explanations]
    found = explain_failures(to_explain(results, known) if plan.minutes else [], explainer(subject, plan), plan)
    if found.explanations:
        keep_diagnosis(subject.folder, explanations=found.explanations, scores=found.scores)
    return tuple(f"Not explained: {words}" for words in found.left)


def _repaired(subject: Subject, results: RunResults) -> tuple[str, ...]:
    """Repair the cells that fail and were not tried before; return what was not done, with the reason."""
    known = {one.key for one in load_diagnosis(subject.folder).treatments}
    cells = [cell for cell in failing(results.cells) if cell.key not in known]
    try:
        repair(subject, results, cells, Budget())
    except FarmError as error:
        return (f"Not repaired: {error.problem.message} Go on with: farm remedy {shlex.quote(str(subject.folder))}",)
    return ()
