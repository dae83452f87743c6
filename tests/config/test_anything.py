"""Whatever a file says, the loaders return a value or raise InputError, and nothing else."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.config.choices import Choices
from harness.config.device import Deadlines, Device
from harness.config.experiment import Experiment, read_experiment
from harness.config.inventory import Inventory, read_inventory
from harness.config.model_entry import ModelEntry, Samples
from harness.config.written_precision import WrittenPrecision, WrittenWeights
from harness.config.yaml_lines import parse
from harness.errors import Code, InputError

KEYS = sorted(
    {"devices", "defaults", "sites", "models", "precisions", "password", "<<", "name"}.union(
        *(
            kind.model_fields
            for kind in (Choices, Deadlines, Device, ModelEntry, Samples, WrittenPrecision, WrittenWeights)
        )
    )
)
WORDS = [
    "a",
    "fp32",
    "fp16",
    "board",
    "~/x",
    "~",
    "/",
    "",
    "22",
    "a=b",
    "ssh-ed25519 AAAA",
    "1.10",
    "3.6.1",
    "\x1b",
    "é",
]
SCALARS = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=8), st.sampled_from([*WORDS, *KEYS])
)
NAMED = st.sampled_from(KEYS)
TREES = st.recursive(
    SCALARS,
    lambda inner: st.one_of(
        st.lists(inner, max_size=4), st.dictionaries(st.one_of(NAMED, st.text(max_size=5)), inner, max_size=5)
    ),
    max_leaves=20,
)
SECTIONS = st.dictionaries(NAMED, TREES, max_size=6)
FILES = st.one_of(
    TREES,
    st.fixed_dictionaries(
        {"devices": st.lists(SECTIONS, max_size=3)}, optional={"defaults": SECTIONS, "sites": TREES}
    ),
    st.fixed_dictionaries(
        {"models": st.lists(SECTIONS, max_size=2), "precisions": st.lists(st.one_of(SCALARS, SECTIONS), max_size=3)},
        optional={"known_failures": st.lists(SECTIONS, max_size=2), "sampling": SECTIONS, "devices": TREES},
    ),
)

Result = Inventory | Experiment


def inventory(text: str) -> Result:
    return read_inventory(parse(text, Path("x.yaml"), Code.BAD_INVENTORY))


def experiment(text: str) -> Result:
    return read_experiment(parse(text, Path("x.yaml"), Code.BAD_EXPERIMENT))


@pytest.mark.parametrize("load", [inventory, experiment])
@settings(max_examples=250, deadline=None)
@given(tree=FILES, style=st.sampled_from(["flow", "block", "json"]))
def test_any_tree(load: Callable[[str], Result], tree: object, style: str) -> None:
    text = json.dumps(tree) if style == "json" else yaml.safe_dump(tree, default_flow_style=style == "flow")
    told = ["x.yaml"]
    try:
        assert load(text)
    except InputError as error:
        told = error.problem.message.split("\n")[1:]
    assert told
    assert all(line.isprintable() and line.strip().startswith("x.yaml") for line in told)
