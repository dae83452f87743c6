"""The run that a command looks at more closely, with its devices within reach."""

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console

from harness.commands.fleet import at_work, fleet
from harness.commands.stored import holds_run
from harness.config.experiment import load_experiment
from harness.config.inventory import load_inventory
from harness.console.listeners import listening
from harness.diagnose.look import Subject
from harness.dispatch.prepare import file_digest
from harness.dispatch.snapshot import Snapshot
from harness.dispatch.stored import replay
from harness.errors import Code, InputError


@dataclass(frozen=True, slots=True)
class Reach:
    """How the devices are reached, where it is not as the run did; `experiment`, where its file has moved."""

    inventory: Path | None = None
    experiment: Path | None = None
    ray_address: str | None = None


@contextlib.contextmanager
def subject_of(folder: Path, reach: Reach, console: Console) -> Iterator[Subject]:
    """Give a stored run as a subject; the default fleet is brought up where the run was on it.

    Raises:
        InputError: the folder holds no run, or what it was asked has changed or is gone.
    """
    if not holds_run(folder):
        raise InputError(Code.BAD_OUTPUT_FOLDER, f"{folder} holds no run.", "Name the -o folder of a `farm run`.")
    snapshot = replay(folder).snapshot
    assert snapshot is not None  # noqa: S101 - for the type checker: `replay` refuses a journal without one
    file = reach.experiment or _experiment(snapshot)
    if not file.is_file() or file_digest(file) != snapshot.identity.get("experiment"):
        raise InputError(Code.RUN_CHANGED, f"{file} is not the experiment that {folder} was asked, or is gone.")
    inventory = reach.inventory or _inventory(snapshot)
    with at_work() as start, listening(console) as listener, fleet(inventory, listener) as devices:
        # As they were run: a plan of mixed precision may have been found by the run itself.
        asked = load_experiment(file).model_copy(update={"precisions": snapshot.precisions})
        yield Subject(folder, load_inventory(devices), asked, listener, start, reach.ray_address)


def _experiment(snapshot: Snapshot) -> Path:
    if snapshot.origin is None:
        raise InputError(Code.RUN_CHANGED, "The run does not say which experiment it was.", "Name it with -e.")
    return Path(snapshot.origin.experiment)


def _inventory(snapshot: Snapshot) -> Path | None:
    if snapshot.origin is None:
        raise InputError(Code.RUN_CHANGED, "The run does not say how its devices are reached.", "Name them with -i.")
    return None if snapshot.origin.inventory is None else Path(snapshot.origin.inventory)
