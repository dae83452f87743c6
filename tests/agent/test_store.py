"""The store: what is in it is what its name says, whatever arrives and however the disk fails."""

import errno
import os
from hashlib import sha256
from pathlib import Path
from unittest import mock

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.agent.failures import AgentError
from harness.agent.store import Store, verify

DATA = b"some bytes of an object"
DIGEST = sha256(DATA).hexdigest()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "store"


@pytest.fixture
def store(folder: Path) -> Store:
    return Store(str(folder))


def files(folder: Path) -> list[str]:
    return [entry.name for entry in folder.iterdir()] if folder.exists() else []


def refused(code: str) -> "pytest.RaisesExc[AgentError]":
    return pytest.RaisesExc(AgentError, check=lambda error: error.code == code)


@given(st.binary(min_size=1, max_size=200), st.integers(1, 64))
def test_any_object_in_any_parts(tmp_path_factory: pytest.TempPathFactory, data: bytes, size: int) -> None:
    folder = tmp_path_factory.mktemp("store")
    store, digest = Store(str(folder)), sha256(data).hexdigest()
    offsets = range(0, len(data), size)
    done = [store.put(digest, len(data), offset, data[offset : offset + size]) for offset in offsets]
    assert done == [False] * (len(done) - 1) + [True]
    assert Path(store.path(digest)).read_bytes() == data
    verify(store.path(digest))
    assert files(folder) == [digest]


def test_two_objects_at_once(store: Store) -> None:
    other = b"another object"
    assert store.put(DIGEST, len(DATA), 0, DATA[:5]) is False
    assert store.put(sha256(other).hexdigest(), len(other), 0, other) is True
    assert store.put(DIGEST, len(DATA), 5, DATA[5:]) is True
    assert store.missing([DIGEST, "0" * 64]) == ["0" * 64]


def test_begun_again(store: Store, folder: Path) -> None:
    store.put(DIGEST, len(DATA), 0, b"rubbish")
    assert store.put(DIGEST, len(DATA), 0, DATA) is True
    assert files(folder) == [DIGEST]


def test_wrong_bytes(store: Store, folder: Path) -> None:
    with pytest.raises(AgentError) as caught:
        store.put(DIGEST, len(DATA), 0, DATA[::-1])
    assert caught.value.code == "store-corrupt"
    assert files(folder) == []


@pytest.mark.parametrize("offset", [1, 4, 6, -1, 10**9])
def test_parts_out_of_place(store: Store, folder: Path, offset: int) -> None:
    store.put(DIGEST, len(DATA), 0, DATA[:5])
    with refused("store-corrupt") if offset else refused("protocol"):
        store.put(DIGEST, len(DATA), offset, DATA[5:])
    with refused("protocol"):
        store.put(DIGEST, len(DATA), 5, DATA[5:])
    assert files(folder) == []


def test_more_than_was_said(store: Store, folder: Path) -> None:
    with refused("store-corrupt"):
        store.put(DIGEST, 4, 0, DATA)
    assert files(folder) == []


@pytest.mark.parametrize(
    "digest", ["", "0" * 63, "g" * 64, DIGEST.upper(), f"../{DIGEST}", DIGEST + "\n", None, 5, b"0" * 64]
)
def test_names_that_are_no_digests(store: Store, digest: object) -> None:
    for use in (lambda: store.path(digest), lambda: store.missing([digest]), lambda: store.put(digest, 1, 0, b"x")):
        with refused("protocol"):
            use()


def test_absent_objects(store: Store) -> None:
    with refused("store-corrupt"):
        store.path(DIGEST)


@pytest.mark.parametrize(
    ("number", "code"),
    [
        (errno.ENOSPC, "disk-full"),
        (errno.EDQUOT, "disk-full"),
        (errno.EROFS, "workdir-unusable"),
        (errno.EACCES, "workdir-unusable"),
        (errno.EIO, "workdir-unusable"),
    ],
)
@pytest.mark.parametrize("call", ["fsync", "replace", "makedirs"])
def test_failing_disks(store: Store, folder: Path, number: int, code: str, call: str) -> None:
    with mock.patch.object(os, call, side_effect=OSError(number, os.strerror(number))), refused(code):
        store.put(DIGEST, len(DATA), 0, DATA)
    assert files(folder) == []
    assert store.put(DIGEST, len(DATA), 0, DATA) is True


def test_a_full_disk(store: Store) -> None:
    with mock.patch("builtins.open", return_value=Path("/dev/full").open("wb")), refused("disk-full"):
        store.put(DIGEST, len(DATA), 0, DATA)


def test_damage_is_found_and_removed(store: Store) -> None:
    store.put(DIGEST, len(DATA), 0, DATA)
    path = Path(store.path(DIGEST))
    path.write_bytes(DATA[:-1])
    with refused("store-corrupt"):
        verify(str(path))
    assert store.missing([DIGEST]) == [DIGEST]
