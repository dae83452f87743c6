"""The capture where engine, observer or disk are not what they should be; a lie is told in the cell of its name."""

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

from harness.captured import Capture
from harness.fleet.captures import captured
from tests.agent.conftest import stocked_copy
from tests.agent.driver import running
from tests.agent.models import Model
from tests.agent.served import FP32, Served
from tests.lies.field import lying_archive

LIES: Final = """
import harness.agent.kept as _kept
import harness.agent.scratch as _scratch
import harness.agent.session as _session

_honest_capture, _honest_give, _honest_init = capture, _kept.Kept.give, _session.Session.__init__
_honest_file = _scratch.tempfile.TemporaryFile

def _of_one_input(self, key, tensors, change=_kept.same):
    before = [_kept.host(tensor) for tensor in tensors]
    given = _honest_give(self, key, tensors, change)
    for tensor, array in list(zip(tensors, before))[1:]:
        _kept.overwrite(tensor, array)
    return given

def _other_image(self, setup, image):
    _honest_init(self, setup, image * np.float32(1.001))

def _other_image_below_high(self, setup, image):
    _honest_init(self, setup, image * np.float32(1 if setup["runtime"]["precision"] == 1 else 1.001))

TOLD = {
    "honest": lambda: None,
    "nothing-is-fed": lambda: setattr(_kept.Kept, "give", lambda self, key, tensors, change=None: 0.0),
    "one-input-is-fed": lambda: setattr(_kept.Kept, "give", _of_one_input),
    "both-sessions-differ": lambda: setattr(_session.Session, "__init__", _other_image),
    "own-session-differs": lambda: setattr(_session.Session, "__init__", _other_image_below_high),
    "no-operators": lambda: setattr(_session.Session, "run", lambda self, before, after: None),
    "three-operators-are-kept": lambda: setattr(_kept, "MOST_CAPTURED", 3),
    "small-bound": lambda: setattr(_scratch, "MOST", 1000),
    "disk-is-full": lambda: setattr(_scratch.tempfile, "TemporaryFile", lambda **_: open("/dev/full", "r+b", 0)),
    "no-folder": lambda: setattr(_scratch.tempfile, "TemporaryFile", lambda **_: _honest_file(dir="/none")),
}

def capture(setup, control_path, image, answer):
    TOLD[setup["cell"]]()
    return _honest_capture(setup, control_path, image, answer)
"""


@pytest.fixture(scope="module")
def liar(
    stocked: Path, wheels: list[Path], model: Model, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Served]:
    folder = tmp_path_factory.mktemp("liar")
    archive, workdir = folder / "agent.zip", stocked_copy(stocked, folder / "work")
    archive.write_bytes(lying_archive({"child": LIES}))
    with running([sys.executable, "-B", str(archive), str(workdir)]) as agent:
        yield Served.begin(agent, workdir, wheels, model)


def told(liar: Served, lie: str, precision: int = 1) -> Capture:
    assert liar.open(lie, runtime={**FP32, "precision": precision}).ok
    reply = liar.ask("capture", lie, index=0, control=liar.model)
    liar.close(lie)
    assert reply.ok, reply.header
    return captured(reply.payload)


def test_an_honest_one(liar: Served) -> None:
    found = told(liar, "honest", precision=0)
    assert (found.undisturbed, found.control_undisturbed, found.restored, found.unmatched) == (True, True, True, 0)


def test_operators_that_were_not_fed(liar: Served) -> None:
    found = told(liar, "nothing-is-fed")
    assert found.undisturbed
    assert not found.restored
    assert {(each.made, each.rounding, each.amplification) for each in found.operators} == {(None, None, None)}
    assert {each.relative_l2 for each in found.operators} == {0.0}, "what was only looked at is known"


def test_an_operator_of_which_one_input_was_not_fed(liar: Served) -> None:
    found = told(liar, "one-input-is-fed")
    assert not found.restored
    assert [each.name for each in found.operators if each.made is None] == ["gated"], "the only one with two inputs"


def test_a_session_that_is_not_what_was_measured(liar: Served) -> None:
    found = told(liar, "both-sessions-differ")
    assert (found.undisturbed, found.control_undisturbed) == (False, False)
    found = told(liar, "own-session-differs", precision=0)
    assert (found.undisturbed, found.control_undisturbed) == (False, True)
    assert (found.operators[-1].relative_l2 or 0) > 0 == found.output_relative_l2


def test_operators_beyond_the_bound_are_counted(liar: Served) -> None:
    found = told(liar, "three-operators-are-kept")
    assert [each.name for each in found.operators] == ["c1_raster_0", "c1", "c2"]
    assert found.unmatched == 6
    assert found.restored


@pytest.mark.parametrize(
    ("lie", "code"),
    [
        ("no-operators", "inference-failed"),
        ("small-bound", "disk-full"),
        ("disk-is-full", "disk-full"),
        ("no-folder", "workdir-unusable"),
    ],
)
def test_what_cannot_be_captured_is_a_failure_and_the_cell_lives(liar: Served, lie: str, code: str) -> None:
    assert liar.open(lie).ok
    reply = liar.ask("capture", lie, index=0, control=liar.model)
    assert reply.code == code, reply.message
    assert liar.infer(lie).ok
    assert liar.close(lie).ok
