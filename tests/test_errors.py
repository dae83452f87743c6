"""The taxonomy: every failure has somebody to act and something to do, and travels without loss."""

import copy
import pickle

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.errors import Blame, Code, DeviceError, FarmError, InputError, Problem, TransportError
from harness.evidence import Failure

KINDS = [FarmError, InputError, TransportError, DeviceError]


@pytest.mark.parametrize("code", list(Code))
def test_every_code_has_a_blame_and_advice_in_sentences(code: Code) -> None:
    problem = Problem(code, "what happened")
    assert problem.blame in Blame
    assert problem.what_to_do.endswith(".")
    assert len(problem.what_to_do) > 15
    assert code.value == code.value.lower().replace("_", "-")


def test_codes_are_different() -> None:
    assert len({code.value for code in Code}) == len(Code.__members__)


@pytest.mark.parametrize(
    ("code", "blame"),
    [
        (Code.BAD_INVENTORY, "user"),
        (Code.HOST_KEY_UNKNOWN, "user"),
        (Code.HOST_KEY_CHANGED, "infrastructure"),
        (Code.DEVICE_UNREACHABLE, "infrastructure"),
        (Code.DEVICE_BUSY, "infrastructure"),
        (Code.CELL_TIMEOUT, "device"),
        (Code.NO_WHEEL, "device"),
        (Code.CORES_ABSENT, "user"),
        (Code.PROTOCOL, "harness"),
        (Code.INTERNAL, "harness"),
    ],
)
def test_whose_fault_it_is(code: Code, blame: str) -> None:
    assert Problem(code, "").blame == blame


def test_the_error_object_is_the_contract_s() -> None:
    given_advice = Problem(Code.DEVICE_UNREACHABLE, "no answer", "plug it in")
    assert given_advice.to_json() == {
        "code": "device-unreachable",
        "blame": "infrastructure",
        "message": "no answer",
        "advice": "plug it in",
    }
    general = Problem(Code.DEVICE_UNREACHABLE, "no answer").to_json()
    assert general["advice"].startswith("Check power")


problems = st.builds(Problem, st.sampled_from(Code), st.text(), st.text())


@given(problems)
def test_a_problem_survives_the_journal(problem: Problem) -> None:
    back = Failure.model_validate_json(Failure.of(problem).model_dump_json()).problem
    assert (back.code, back.blame, back.message) == (problem.code, problem.blame, problem.message)
    assert back.what_to_do == problem.what_to_do


@pytest.mark.parametrize("kind", KINDS)
def test_an_exception_survives_the_way_between_processes(kind: type[FarmError]) -> None:
    error = kind(Code.DISK_FULL, "full", "empty it")
    for back in (pickle.loads(pickle.dumps(error)), copy.copy(error)):
        assert type(back) is kind
        assert back.problem == Problem(Code.DISK_FULL, "full", "empty it")
        assert str(back) == "full"


def test_a_problem_reads_as_code_blame_message_and_advice() -> None:
    assert str(Problem(Code.NO_WHEEL, "musl.", "use glibc")) == "no-wheel (device): musl. use glibc"


def test_kinds_are_told_apart() -> None:
    for kind in KINDS[1:]:
        assert issubclass(kind, FarmError)
        assert not any(issubclass(kind, other) for other in KINDS[1:] if other is not kind)
