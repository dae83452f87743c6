"""Shared by the tests of the two files: read YAML text, and collect the mistakes that it is told."""

import re
from pathlib import Path

import pytest

from harness.config.experiment import Experiment, load_experiment
from harness.config.inventory import Inventory, load_inventory
from harness.errors import Blame, InputError


def inventory(folder: Path, text: str) -> Inventory:
    file = folder / "inv.yaml"
    file.write_text(text)
    return load_inventory(file)


def experiment(folder: Path, text: str) -> Experiment:
    file = folder / "exp.yaml"
    file.write_text(text)
    return load_experiment(file)


def mistakes(error: InputError) -> list[str]:
    """The lines of the message after its heading, without the folder."""
    heading, *lines = error.problem.message.splitlines()
    assert re.fullmatch(r"\d+ mistakes?:", heading)
    assert int(heading.split()[0]) == len(lines)
    assert error.problem.blame is Blame.USER
    return [re.sub(r"^  \S*?([^/\s]+\.yaml)", r"\1", line) for line in lines]


def inventory_mistakes(folder: Path, text: str) -> list[str]:
    with pytest.raises(InputError) as caught:
        inventory(folder, text)
    assert caught.value.problem.code == "bad-inventory"
    return mistakes(caught.value)


def experiment_mistakes(folder: Path, text: str) -> list[str]:
    with pytest.raises(InputError) as caught:
        experiment(folder, text)
    assert caught.value.problem.code == "bad-experiment"
    return mistakes(caught.value)
