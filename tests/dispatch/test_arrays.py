"""The evidence folder: names are contents, and what does not match its name is not used."""

import hashlib
import io
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from harness.dispatch.arrays import ArrayStore, npy_bytes, npy_digest
from harness.errors import Code, FarmError
from tests.dispatch.builders import floats, only


def test_an_array_is_stored_under_the_sha256_of_its_npy_file(tmp_path: Path) -> None:
    array = floats(3, 4)
    digest = ArrayStore(tmp_path).save(array)
    path = only(tmp_path / "evidence")
    assert path.name == f"{digest}.npy"
    assert hashlib.sha256(path.read_bytes()).hexdigest() == digest == npy_digest(array)
    assert np.array_equal(np.load(path), array)


def test_an_array_comes_back_as_it_was(tmp_path: Path) -> None:
    store = ArrayStore(tmp_path)
    odd = np.array([[np.nan, -0.0, np.inf, 1e-45]], np.float32)
    back = store.load(store.save(odd))
    assert (back.dtype, back.shape, back.tobytes()) == (odd.dtype, odd.shape, odd.tobytes())
    labels = np.array([3, 1, 2], np.int64)
    assert np.array_equal(store.load(store.save(labels)), labels)


def test_equal_arrays_are_one_file(tmp_path: Path) -> None:
    store = ArrayStore(tmp_path)
    array = floats(4, 6)
    fortran = np.asfortranarray(array)
    strided = np.repeat(array, 2, axis=1)[:, ::2]
    frozen = array.copy()
    frozen.flags.writeable = False
    assert len({store.save(one) for one in (array, fortran, strided, frozen)}) == 1
    only(tmp_path / "evidence")


def test_different_arrays_are_different_files(tmp_path: Path) -> None:
    array = floats(2, 3)
    zero, minus = np.zeros(1, np.float32), -np.zeros(1, np.float32)
    others: list[NDArray[np.float32] | NDArray[np.int64]] = [
        array,
        array.reshape(3, 2),
        array.astype(np.int64),
        array[:1],
        zero,
        minus,
    ]
    assert len({npy_digest(one) for one in others}) == len(others)


@given(st.integers(0, 5), st.integers(1, 5), st.binary(min_size=100, max_size=100))
def test_what_is_read_is_what_was_written(rows: int, columns: int, data: bytes) -> None:
    array = np.frombuffer(data, np.float32)[: rows * columns].reshape(rows, columns)
    back = np.load(io.BytesIO(npy_bytes(array)), allow_pickle=False)
    assert (back.shape, back.tobytes()) == (array.shape, array.tobytes())


def missing(store: ArrayStore, digest: str) -> str:
    with pytest.raises(FarmError) as caught:
        store.load(digest)
    assert caught.value.problem.code is Code.EVIDENCE_MISSING
    return caught.value.problem.message


def test_an_array_that_is_not_there(tmp_path: Path) -> None:
    assert "0" * 64 in missing(ArrayStore(tmp_path), "0" * 64)


@pytest.mark.parametrize("damage", ["cut", "empty", "changed", "longer", "pickle"])
def test_a_damaged_file_is_noticed_and_mended_by_the_next_save(tmp_path: Path, damage: str) -> None:
    store = ArrayStore(tmp_path)
    digest = store.save(floats(8))
    path = only(tmp_path / "evidence")
    data = path.read_bytes()
    pickled = io.BytesIO()
    np.save(pickled, np.array([{}], dtype=object), allow_pickle=True)
    path.write_bytes(
        {
            "cut": data[:-1],
            "empty": b"",
            "changed": data[:-1] + bytes([data[-1] ^ 1]),
            "longer": data + b"\0",
            "pickle": pickled.getvalue(),
        }[damage]
    )
    assert "damaged" in missing(store, digest)
    assert not store.holds(digest)
    assert store.save(floats(8)) == digest
    assert store.holds(digest)
    assert np.array_equal(store.load(digest), floats(8))
    assert only(tmp_path / "evidence").name == f"{digest}.npy"  # nothing temporary is left


@pytest.mark.parametrize("name", ["", "..", "../../etc/passwd", "/etc/passwd", "A" * 64, "0" * 63, "0" * 64 + "\n"])
def test_what_is_no_digest_leads_nowhere(tmp_path: Path, name: str) -> None:
    store = ArrayStore(tmp_path)
    with pytest.raises(FarmError, match="names no evidence"):
        store.load(name)
    assert not store.holds(name)
