"""Whether a precision took effect on a device, as far as deciding how many samples to spend on it."""

from harness.dispatch.jobs import CellJob
from harness.evidence import Probe


def worth_measuring(job: CellJob, probe: Probe, facts: dict[str, object]) -> bool:
    """Return False where one sample already shows that the precision is not in effect."""
    from harness.judge.effective import effective

    isa = facts.get("isa")
    names = tuple(str(name) for name in isa) if isinstance(isa, list) else ()
    found = effective(job.precision, probe, names, str(facts.get("machine", "")))
    return found.in_effect is not False
