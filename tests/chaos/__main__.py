"""`python -m tests.chaos [NAME ...]`: play all faults and a storm, or the faults named; print what became of them.

`python -m tests.chaos storm [KILLS]`: kill the coordinator so many times (20) in one run, and resume it each time.
"""

import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from tests.boards import CPUS, RunningFleet, running_fleet
from tests.chaos import tables
from tests.chaos.blows import BLOWS
from tests.chaos.coordinators import deal
from tests.chaos.faults import FAULTS
from tests.chaos.play import Play
from tests.chaos.storm import storm

AT_ONCE = 7
"""Devices in one run; all of them share this machine's cores."""

RUN_S = 900.0
KILLS = 20
SEED = 7


def main(names: Sequence[str]) -> int:
    """Play what is asked for; return 0 if everything ended as it may, 1 if not, 2 for names that are none."""
    if names and names[0] == "storm":
        return _verdict(_weather(int(names[1]) if len(names) > 1 else KILLS))
    known = {fault.name for fault in FAULTS} | {blow.name for blow in BLOWS}
    if unknown := sorted(set(names) - known):
        _say(f"no such fault: {', '.join(unknown)}; there are {', '.join(sorted(known))} and storm")
        return 2
    wrong = [*_play(names), *_deal(names)]
    return _verdict(wrong if names else wrong + _weather(KILLS))


def _play(names: Sequence[str]) -> Iterator[str]:
    """Play faults of devices in groups, since all devices of a run share this machine's cores."""
    chosen = [fault for fault in FAULTS if not names or fault.name in names]
    if not chosen:
        return
    _say(f"{len(chosen)} faults of devices, {AT_ONCE} in a run; its devices are folders of one board but where")
    _say("the fault needs a board of its own, and one of them, the innocent, is left alone\n")
    with _boards("cortex-a76") as (fleet, folder):
        warm = Play(folder, fleet, ()).warm_up()
        for start in range(0, len(chosen), AT_ONCE):
            group = chosen[start : start + AT_ONCE]
            place = folder / f"run-{start}"
            place.mkdir()
            played = Play(place, fleet, group, warm).run(RUN_S)
            _say(tables.of_faults(group, played))
            yield from _told(played.wrong)


def _deal(names: Sequence[str]) -> Iterator[str]:
    chosen = [blow for blow in BLOWS if not names or blow.name in names]
    found = []
    for blow in chosen:
        with _boards(*CPUS) as (fleet, folder):
            found.append(deal(blow, fleet, folder))
    if found:
        _say(f"{len(found)} faults of the coordinator's machine; two boards, each a site with its own gateway\n")
        _say(tables.of_blows(found))
    yield from _told([f"{one.blow.name}: {story}" for one in found for story in one.wrong])


def _weather(kills: int) -> list[str]:
    with _boards(*CPUS) as (fleet, folder):
        found = storm(fleet, folder, kills=kills, seed=SEED, cold=True)
    _say(tables.of_storm(found))
    short = [] if found.kills.total() >= kills else [f"only {found.kills.total()} of {kills} kills"]
    return _told([*short, *found.wrong])


@contextmanager
def _boards(*cpus: str) -> Iterator[tuple[RunningFleet, Path]]:
    with (
        tempfile.TemporaryDirectory(prefix="farm-chaos-") as folder,
        running_fleet(Path(folder) / "boards", cpus) as fleet,
    ):
        yield fleet, Path(folder)


def _told(stories: list[str]) -> list[str]:
    for story in stories:
        _say(story)
    return stories


def _verdict(wrong: Sequence[str]) -> int:
    _say(f"{len(wrong)} things ended otherwise than they may" if wrong else "everything ended as it may")
    return 1 if wrong else 0


def _say(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
