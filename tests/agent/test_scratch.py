"""The scratch file: arrays come back to the bit, within bounds, and nothing stays behind."""

import resource
import subprocess
import sys
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst
from numpy.typing import NDArray

from harness.agent import scratch as module
from harness.agent.failures import AgentError
from harness.agent.scratch import PART, Scratch, digest

arrays = npst.arrays(
    st.sampled_from([np.float32, np.int32, np.int8]),
    npst.array_shapes(min_dims=0, min_side=0, max_dims=4, max_side=4),
)


@given(st.lists(arrays, max_size=6))
def test_arrays_come_back_to_the_bit(given_: list[NDArray[Any]]) -> None:
    with Scratch("/tmp") as scratch:
        places = [scratch.write(array) for array in given_]
        for place, array in zip(places, given_, strict=True):
            found = scratch.read(place)
            assert (found.dtype, found.shape, found.tobytes()) == (array.dtype, array.shape, array.tobytes())
            assert b"".join(part.tobytes() for part in scratch.parts(place)) == array.tobytes()


def test_large_arrays_come_in_parts(tmp_path: Path) -> None:
    array = np.arange(2 * PART + 5, dtype=np.float32)[::-1]  # not contiguous
    with Scratch(str(tmp_path)) as scratch:
        scratch.write(np.zeros(3, np.float32))
        parts = list(scratch.parts(scratch.write(array)))
    assert [part.size for part in parts] == [PART, PART, 5]
    np.testing.assert_array_equal(np.concatenate(parts), array)


def test_what_is_there_is_not_written_again(tmp_path: Path) -> None:
    array = np.random.default_rng(0).standard_normal((4, 25)).astype(np.float32)
    with Scratch(str(tmp_path)) as scratch:
        first = scratch.write(array)
        assert scratch.write(array.reshape(100)).offset == first.offset
        assert scratch.size == 400
        assert scratch.write(array.view(np.int32)).offset != first.offset, "of another type"
        np.testing.assert_array_equal(scratch.read(scratch.write(array.reshape(100))), array.reshape(100))


def test_digests_tell_bits_and_types() -> None:
    zero = np.zeros(4, np.float32)
    assert digest(zero) == digest(zero.reshape(2, 2))
    assert len({digest(zero), digest(-zero), digest(zero.view(np.int32)), digest(zero[:3])}) == 4
    assert digest(np.array([np.nan], np.float32)) == digest(np.array([np.nan], np.float32))


def test_there_is_no_name_to_stay_behind(tmp_path: Path) -> None:
    with Scratch(str(tmp_path)) as scratch:
        scratch.write(np.ones(1000))
        assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(("free_mb", "most"), [(None, 1 << 20), (10**9, 1 << 20), (1, 1 << 19), (0, 0)])
def test_no_more_than_half_of_the_disk(tmp_path: Path, free_mb: int | None, most: int) -> None:
    free = mock.patch.object(module, "disk_free_mb", return_value=free_mb)
    with mock.patch.object(module, "MOST", 1 << 20), free, Scratch(str(tmp_path)) as scratch:
        scratch.write(np.zeros(most, np.int8))
        assert scratch.size == most
        with pytest.raises(AgentError) as refused:
            scratch.write(np.ones(1, np.int8))
    assert refused.value.code == "disk-full"


def test_files_grow_while_arrays_are_written_and_not_otherwise(tmp_path: Path) -> None:
    code = """
import numpy as np, os, signal, sys
from harness.agent.limits import limit_files
from harness.agent.scratch import Scratch
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
limit_files(4096)
with Scratch(sys.argv[1]) as scratch:
    place = scratch.write(np.arange(5000.0))
    assert (scratch.read(place) == np.arange(5000.0)).all()
    log = os.open(sys.argv[1] + "/log", os.O_WRONLY | os.O_CREAT)
    print(os.write(log, b"x" * 5000))
    try:
        os.write(log, b"x")
    except OSError as error:
        print(error.errno)
"""
    command = [sys.executable, "-c", code, str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)
    assert done.stdout.split() == ["4096", "27"], done.stderr  # EFBIG


def test_a_hard_limit_is_respected(tmp_path: Path) -> None:
    code = """
import errno, numpy as np, resource, signal, sys
from harness.agent.scratch import Scratch
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 2000))
try:
    Scratch(sys.argv[1]).write(np.ones(1000))
except OSError as error:
    print(error.errno == errno.EFBIG, resource.getrlimit(resource.RLIMIT_FSIZE))
"""
    command = [sys.executable, "-c", code, str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)
    assert done.stdout == "True (1000, 2000)\n", done.stderr


def test_a_full_disk(tmp_path: Path) -> None:
    limit = resource.getrlimit(resource.RLIMIT_FSIZE)
    with Scratch(str(tmp_path)) as scratch, Path("/dev/full").open("r+b", 0) as full:
        with mock.patch.object(scratch, "_file", full), pytest.raises(OSError, match="No space left"):
            scratch.write(np.ones(1000))
        assert resource.getrlimit(resource.RLIMIT_FSIZE) == limit
