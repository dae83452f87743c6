"""Unpacking wheels: complete or not at all, and never outside of the folder."""

import os
import stat
import zipfile
from hashlib import sha256
from pathlib import Path
from unittest import mock

import pytest

from harness.agent import engines
from harness.agent.engines import Wheel, unpack
from harness.agent.failures import AgentError


def wheel(folder: Path, members: dict[str, bytes], links: tuple[str, ...] = ()) -> Wheel:
    path = folder / "new.whl"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            member = zipfile.ZipInfo(name)
            if name in links:
                member.external_attr = (stat.S_IFLNK | 0o777) << 16
            archive.writestr(member, content)
    return stored(path)


def stored(path: Path) -> Wheel:
    digest = sha256(path.read_bytes()).hexdigest()
    path.rename(path.with_name(digest))
    return Wheel(str(path.with_name(digest)), digest)


def refusal(tmp_path: Path, wheels: list[Wheel], version: object = "3.6.1") -> str:
    with pytest.raises(AgentError) as caught:
        unpack(str(tmp_path / "engines"), version, wheels)
    folder = tmp_path / "engines"
    assert not folder.exists() or list(folder.iterdir()) == []
    assert all(entry.name == "engines" or len(entry.name) == 64 for entry in tmp_path.iterdir())
    return caught.value.code


def test_wheels_lie_side_by_side_and_once(tmp_path: Path) -> None:
    wheels = [wheel(tmp_path, {"MNN/__init__.py": b"x = 1"}), wheel(tmp_path, {"numpy/core/a.py": b"y = 2"})]
    folder, worked = unpack(str(tmp_path / "engines"), "3.6.1", wheels)
    assert worked
    assert Path(folder, "MNN/__init__.py").read_bytes() == b"x = 1"
    assert Path(folder, "numpy/core/a.py").read_bytes() == b"y = 2"
    assert unpack(str(tmp_path / "engines"), "3.6.1", wheels) == (folder, False)
    assert len(list((tmp_path / "engines").iterdir())) == 1


def test_other_wheels_are_another_engine(tmp_path: Path) -> None:
    one, other = wheel(tmp_path, {"a.py": b"1"}), wheel(tmp_path, {"a.py": b"2"})
    folders = {unpack(str(tmp_path / "engines"), "3.6.1", wheels)[0] for wheels in ([one], [other], [one, other])}
    assert len(folders) == 3


def test_what_was_cut_short_is_done_again(tmp_path: Path) -> None:
    wheels = [wheel(tmp_path, {"a.py": b"1"})]
    folder, _ = unpack(str(tmp_path / "engines"), "3.6.1", wheels)
    Path(folder, ".complete").unlink()
    Path(folder, "a.py").write_bytes(b"")
    assert unpack(str(tmp_path / "engines"), "3.6.1", wheels) == (folder, True)
    assert Path(folder, "a.py").read_bytes() == b"1"


@pytest.mark.parametrize("name", ["/etc/x", "../x", "a/../../x", "a/..", "..", "a\\..\\x", "//x"])
def test_members_that_would_land_elsewhere(tmp_path: Path, name: str) -> None:
    assert refusal(tmp_path, [wheel(tmp_path, {"good.py": b"", name: b"bad"})]) == "store-corrupt"


def test_links(tmp_path: Path) -> None:
    assert refusal(tmp_path, [wheel(tmp_path, {"link": b"/etc"}, links=("link",))]) == "store-corrupt"


def test_bombs(tmp_path: Path) -> None:
    with mock.patch.object(engines, "MAX_UNPACKED", 1000):
        assert refusal(tmp_path, [wheel(tmp_path, {"a": bytes(600), "b": bytes(600)})]) == "store-corrupt"
        both = [wheel(tmp_path, {"a": bytes(600)}), wheel(tmp_path, {"b": bytes(600)})]
        assert refusal(tmp_path, both) == "store-corrupt"


def test_damaged_archives(tmp_path: Path) -> None:
    whole = Path(wheel(tmp_path, {"a.py": os.urandom(5000)}).path).read_bytes()
    for damaged in (b"", b"no zip", whole[:-30], whole[:100] + b"\0\0\0\0" + whole[104:]):
        (tmp_path / "new.whl").write_bytes(damaged)
        broken = stored(tmp_path / "new.whl")
        with pytest.raises(AgentError) as caught:
            unpack(str(tmp_path / "engines"), "3.6.1", [broken])
        assert caught.value.code == "store-corrupt"


def test_objects_damaged_in_the_store(tmp_path: Path) -> None:
    good = wheel(tmp_path, {"a.py": b"1"})
    Path(good.path).write_bytes(Path(wheel(tmp_path, {"a.py": b"2"}).path).read_bytes())
    with pytest.raises(AgentError) as caught:
        unpack(str(tmp_path / "engines"), "3.6.1", [good])
    assert caught.value.code == "store-corrupt"
    assert not Path(good.path).exists()


@pytest.mark.parametrize("version", ["", "../x", "3..6", "a/b", "x" * 41, None, 3.6, "3.6\n"])
def test_versions_that_are_none(tmp_path: Path, version: object) -> None:
    assert refusal(tmp_path, [], version) == "protocol"


def test_a_full_disk(tmp_path: Path) -> None:
    full = OSError(28, "No space left on device")
    with mock.patch.object(zipfile.ZipFile, "extractall", side_effect=full):
        assert refusal(tmp_path, [wheel(tmp_path, {"a.py": b"1"})]) == "disk-full"
