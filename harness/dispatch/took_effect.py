"""Whether a precision took effect on a device, as far as one sample tells."""

from harness.dispatch.jobs import CellJob
from harness.evidence import Probe


def took_effect(job: CellJob, probe: Probe, facts: dict[str, object]) -> bool | None:
    """Return what one sample proves: in effect, not in effect; None where it leaves that open."""
    from harness.judge.effective import effective

    isa = facts.get("isa")
    names = tuple(str(name) for name in isa) if isinstance(isa, list) else ()
    return effective(job.precision, probe, names, str(facts.get("machine", ""))).in_effect
