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


@pytest.mark.parametrize(("place", "mode"), [("engines", 0o777), ("engines", 0o775), ("target", 0o755)])
def test_what_others_could_have_changed_is_not_run(tmp_path: Path, place: str, mode: int) -> None:
    wheels = [wheel(tmp_path, {"a.py": b"1"})]
    folder, _ = unpack(str(tmp_path / "engines"), "3.6.1", wheels)
    Path(folder, "a.py").write_bytes(b"evil")
    (Path(folder) if place == "target" else tmp_path / "engines").chmod(mode)
    assert unpack(str(tmp_path / "engines"), "3.6.1", wheels) == (folder, True)
    assert Path(folder, "a.py").read_bytes() == b"1"
    assert stat.S_IMODE((tmp_path / "engines").stat().st_mode) == 0o700
    assert stat.S_IMODE(Path(folder).stat().st_mode) == 0o700


def test_an_open_umask_opens_nothing(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        folder, _ = unpack(str(tmp_path / "engines"), "3.6.1", [wheel(tmp_path, {"a/b.py": b"1"})])
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "engines").stat().st_mode) == 0o700
    assert stat.S_IMODE(Path(folder).stat().st_mode) == 0o700


def test_a_foreign_engine_is_not_run(tmp_path: Path) -> None:
    wheels = [wheel(tmp_path, {"a.py": b"1"})]
    folder, _ = unpack(str(tmp_path / "engines"), "3.6.1", wheels)
    Path(folder, "a.py").write_bytes(b"evil")
    with mock.patch.object(os, "geteuid", return_value=os.geteuid() + 1):
        unpack(str(tmp_path / "engines"), "3.6.1", wheels)
    assert Path(folder, "a.py").read_bytes() == b"1"


def test_engines_that_are_a_link_to_elsewhere(tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "kept").write_text("kept")
    (tmp_path / "engines").symlink_to(elsewhere)
    with pytest.raises(AgentError) as caught:
        unpack(str(tmp_path / "engines"), "3.6.1", [wheel(tmp_path, {"a.py": b"1"})])
    assert caught.value.code == "workdir-unusable"
    assert [entry.name for entry in elsewhere.iterdir()] == ["kept"]


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
