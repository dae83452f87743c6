"""Plans of mixed precision as files: what is written is read, and what makes no sense is refused by line."""

from itertools import pairwise
from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from harness.config.experiment import load_experiment
from harness.config.plan_file import load_plan, plan_text
from harness.errors import InputError
from harness.precision import Compute, MixedPlan, Segment

SHA = "5" * 64
PLAN = MixedPlan(
    SHA,
    (
        Segment(("input",), ("/stem/Add_output_0",), Compute.FP32, 0.08),
        Segment(("/stem/Add_output_0",), ("/a", "/b"), Compute.FP16, 0.5),
        Segment(("/b", "/a"), ("logits",), Compute.FP32),
    ),
)


def written(folder: Path, text: str) -> Path:
    path = folder / "plan.yaml"
    path.write_text(text)
    return path


def complaint(folder: Path, **changes: object) -> str:
    content = yaml.safe_load(plan_text(PLAN, "a plan"))
    content.update(changes)
    with pytest.raises(InputError) as caught:
        load_plan(written(folder, yaml.safe_dump(content, sort_keys=False)))
    return caught.value.problem.message


def test_a_plan_comes_back_as_it_was_written(tmp_path: Path) -> None:
    assert load_plan(written(tmp_path, plan_text(PLAN, "71 % in fp16, 3 cuts"))) == PLAN


letters = st.characters(min_codepoint=33, max_codepoint=0x2FF, blacklist_categories=["Cc", "Cf", "Zs"])
names = st.text(letters, min_size=1)
computes = st.lists(st.sampled_from(["fp32", "fp16"]), min_size=5, max_size=5)


@given(st.lists(names, min_size=2, max_size=6, unique=True), computes)
def test_any_chain_comes_back(
    tmp_path_factory: pytest.TempPathFactory, edges: list[str], computes: list[str]
) -> None:
    steps = zip(pairwise(edges), computes, strict=False)
    segments = tuple(Segment((one,), (other,), Compute(compute), 0.125) for (one, other), compute in steps)
    plan = MixedPlan(SHA, segments)
    assert load_plan(written(tmp_path_factory.mktemp("plan"), plan_text(plan, "x"))) == plan


def test_every_mistake_is_told_at_its_line(tmp_path: Path) -> None:
    text = (
        f"model: {SHA[:-1]}\n"
        "segments:\n"
        "  - {inputs: [a], outputs: [b], compute: fp8}\n"
        "  - {inputs: [], outputs: [c], compute: fp16}\n"
        "modle: x\n"
    )
    with pytest.raises(InputError) as caught:
        load_plan(written(tmp_path, text))
    said = caught.value.problem.message.splitlines()
    expected = {1: "64 hexadecimal", 3: "one of fp32, fp16", 4: "1 to 16 names", 5: "did you mean 'model'"}
    for line, words in expected.items():
        assert any(f"plan.yaml:{line}:" in one and words in one for one in said), (line, said)


@pytest.mark.parametrize(
    ("segments", "words"),
    [
        ([], "a list of 1 to 64 segments"),
        ("x", "a list of 1 to 64 segments"),
        ([{"inputs": ["a"], "outputs": ["b"], "compute": "fp16", "share": 1.5}], "a share between 0 and 1"),
        ([{"inputs": ["a"], "outputs": ["b"], "compute": "fp16", "share": True}], "a share between 0 and 1"),
        ([{"inputs": ["a"], "outputs": ["b"], "compute": "bf16"}], "one of fp32, fp16"),
        ([{"inputs": ["a"], "outputs": ["a"], "compute": "fp16"}], "a tensor that is new"),
        (
            [
                {"inputs": ["a"], "outputs": ["b"], "compute": "fp16"},
                {"inputs": ["z"], "outputs": ["c"], "compute": "fp32"},
            ],
            "'z' as an input of segment 2",
        ),
        (
            [
                {"inputs": ["a"], "outputs": ["b"], "compute": "fp16"},
                {"inputs": ["b"], "outputs": ["b"], "compute": "fp32"},
            ],
            "'b' as an output of segment 2",
        ),
        ([{"inputs": ["a"], "outputs": ["b\x1b"], "compute": "fp16"}], "control"),
        ([{"inputs": [f"t{n}"], "outputs": [f"t{n + 1}"], "compute": "fp16"} for n in range(65)], "at most 64"),
    ],
)
def test_what_makes_no_sense_is_refused(tmp_path: Path, segments: object, words: str) -> None:
    assert words in complaint(tmp_path, segments=segments)


EXPERIMENT = """\
models: [{{name: b0, bundled: efficientvit_b0}}]
precisions: [fp32, {{name: mixed-a, {keys}}}]
"""


def asked(folder: Path, keys: str) -> Path:
    path = folder / "experiment.yaml"
    path.write_text(EXPERIMENT.format(keys=keys))
    return path


def test_an_experiment_names_a_plan(tmp_path: Path) -> None:
    written(tmp_path, plan_text(PLAN, "x"))
    precision = load_experiment(asked(tmp_path, "plan: plan.yaml")).precisions[1]
    assert (precision.plans, precision.compute, precision.segments) == ((PLAN,), Compute.FP16, ())


def test_a_plan_a_model(tmp_path: Path) -> None:
    written(tmp_path, plan_text(PLAN, "x"))
    (tmp_path / "other.yaml").write_text(plan_text(MixedPlan("6" * 64, PLAN.segments), "y"))
    precision = load_experiment(asked(tmp_path, "plan: [plan.yaml, other.yaml]")).precisions[1]
    assert [plan.model[0] for plan in precision.plans] == ["5", "6"]


@pytest.mark.parametrize(
    ("keys", "words"),
    [
        ("plan: nowhere.yaml", "there is no file"),
        ("plan: []", "a list of 1 to"),
        ("plan: 3", "text"),
        ("plan: plan.yaml, compute: fp16", "a plan says it for each part"),
        ("plan: plan.yaml, backend: opencl", "cut for the CPU only"),
    ],
)
def test_what_does_not_go_with_a_plan(tmp_path: Path, keys: str, words: str) -> None:
    written(tmp_path, plan_text(PLAN, "x"))
    with pytest.raises(InputError, match=words):
        load_experiment(asked(tmp_path, keys))


def test_a_damaged_plan_is_told_by_its_own_name(tmp_path: Path) -> None:
    written(tmp_path, "model: x\n")
    with pytest.raises(InputError, match=r"plan\.yaml:1"):
        load_experiment(asked(tmp_path, "plan: plan.yaml"))
