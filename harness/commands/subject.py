"""The run that a command looks at more closely, with its devices within reach."""

import contextlib
from collections.abc import Iterator
from pathlib import Path

from harness.commands.fleet import fleet
from harness.commands.stored import holds_run
from harness.config.experiment import load_experiment
from harness.config.inventory import load_inventory
from harness.diagnose.look import Start, Subject
from harness.dispatch.ledger import Listener
from harness.dispatch.prepare import file_digest
from harness.dispatch.snapshot import Snapshot
from harness.dispatch.stored import replay
from harness.errors import Code, InputError


@contextlib.contextmanager
def subject_of(
    folder: Path,
    listener: Listener,
    start: Start,
    *,
    inventory: Path | None,
    experiment: Path | None,
    ray_address: str | None,
) -> Iterator[Subject]:
    """Give a stored run as a subject; the default fleet is brought up where the run was on it.

    Args:
        folder: the run's.
        listener: hears what goes on.
        start: runs a request.
        inventory: reaches its devices; None: as the run did.
        experiment: what it was asked; None: the file that the run named.
        ray_address: as for `farm run`.

    Raises:
        InputError: the folder holds no run, or what it was asked has changed or is gone.
    """
    if not holds_run(folder):
        raise InputError(Code.BAD_OUTPUT_FOLDER, f"{folder} holds no run.", "Name the -o folder of a `farm run`.")
    snapshot = replay(folder).snapshot
    assert snapshot is not None  # noqa: S101 - for the type checker: `replay` refuses a journal without one
    file = experiment or _experiment(snapshot)
    if not file.is_file() or file_digest(file) != snapshot.identity.get("experiment"):
        raise InputError(Code.RUN_CHANGED, f"{file} is not the experiment that {folder} was asked, or is gone.")
    with fleet(inventory or _inventory(snapshot), listener) as devices:
        # As they were run: a plan of mixed precision may have been found by the run itself.
        asked = load_experiment(file).model_copy(update={"precisions": snapshot.precisions})
        yield Subject(folder, load_inventory(devices), asked, listener, start, ray_address)


def _experiment(snapshot: Snapshot) -> Path:
    if snapshot.origin is None:
        raise InputError(Code.RUN_CHANGED, "The run does not say which experiment it was.", "Name it with -e.")
    return Path(snapshot.origin.experiment)


def _inventory(snapshot: Snapshot) -> Path | None:
    if snapshot.origin is None:
        raise InputError(Code.RUN_CHANGED, "The run does not say how its devices are reached.", "Name them with -i.")
    return None if snapshot.origin.inventory is None else Path(snapshot.origin.inventory)
