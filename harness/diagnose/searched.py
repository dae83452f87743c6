"""What a search for mixed precision had to choose from: error against share of the multiply-adds. Pure."""

from collections.abc import Sequence

from harness.diagnose.front import Candidate
from harness.diagnose.mixing import Found, Probe
from harness.diagnosis import FrontPlan, Search
from harness.evidence import CellKey

MOST = 12
"""Plans that are shown, unless more were tried."""


def searched(found: Found, key: CellKey, devices: Sequence[str]) -> Search:
    """Return the front of a search: every plan that was tried, the ends, and plans evenly between them.

    Args:
        found: what the search came to.
        key: of the cell that set it off.
        devices: on which a plan was to keep the accuracy.
    """
    tried = {probe.candidate.plan: probe for probe in found.probes}
    rungs = sorted(found.front, key=lambda one: -one.share)
    untried = [place for place, one in enumerate(rungs) if one.plan not in tried]
    kept = set(_evenly(untried, MOST - len(tried)))
    shown = [one for place, one in enumerate(rungs) if one.plan in tried or place in kept]
    plans = tuple(_shown(one, tried.get(one.plan), found) for one in shown)
    return Search(key=key, devices=tuple(devices), front=plans, plans=len(rungs), reason=found.reason)


def _shown(one: Candidate, probe: Probe | None, found: Found) -> FrontPlan:
    plan = FrontPlan(share=one.share, cuts=one.plan.cuts, predicted=one.error)
    if probe is None:
        return plan
    return plan.model_copy(update={"measured": probe.error, "verdict": probe.verdict, "chosen": probe is found.best})


def _evenly(places: Sequence[int], count: int) -> list[int]:
    """Return so many of the places, the first and the last among them, evenly between."""
    if len(places) <= max(count, 2):
        return list(places)
    wanted = max(count, 2)
    return [places[round(number * (len(places) - 1) / (wanted - 1))] for number in range(wanted)]
