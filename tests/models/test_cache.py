import hashlib
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from harness.models.cache import keep, key_of, look_up, making, sha256_of, write_atomic


def test_what_was_kept_is_found_with_its_notes(tmp_path: Path) -> None:
    entry = tmp_path / "deep" / "entry.bin"
    keep(entry, b"content", made="now")
    assert look_up(entry) == {"made": "now", "sha256": hashlib.sha256(b"content").hexdigest()}
    assert entry.read_bytes() == b"content"
    assert sha256_of(entry) == hashlib.sha256(b"content").hexdigest()


def test_nothing_is_found_where_nothing_was_kept(tmp_path: Path) -> None:
    assert look_up(tmp_path / "entry.bin") is None


@pytest.mark.parametrize("damage", ["content", "truncated", "no file", "no notes", "bad notes", "list"])
def test_a_damaged_entry_is_not_found(tmp_path: Path, damage: str) -> None:
    entry, notes = tmp_path / "entry.bin", tmp_path / "entry.bin.json"
    keep(entry, b"content")
    harm: dict[str, Callable[[], object]] = {
        "content": lambda: entry.write_bytes(b"c0ntent"),
        "truncated": lambda: entry.write_bytes(b""),
        "no file": entry.unlink,
        "no notes": notes.unlink,
        "bad notes": lambda: notes.write_text('{"sha256'),
        "list": lambda: notes.write_text("[]"),
    }
    harm[damage]()
    assert look_up(entry) is None


def test_keys_do_not_depend_on_order_but_on_every_part() -> None:
    assert key_of(a=1, b=[2, "x"]) == key_of(b=[2, "x"], a=1)
    assert len({key_of(a=1), key_of(a=2), key_of(b=1), key_of(a="1"), key_of(a=None)}) == 5


def test_a_write_that_fails_leaves_neither_file_nor_parts(tmp_path: Path) -> None:
    (tmp_path / "taken").mkdir()
    with pytest.raises(OSError, match="taken"):
        write_atomic(tmp_path / "taken", b"x")
    assert [path.name for path in tmp_path.iterdir()] == ["taken"]


COUNT = """
import sys, time
from pathlib import Path
from harness.models.cache import keep, look_up, making
entry = Path(sys.argv[1])
with making(entry):
    if look_up(entry) is None:
        time.sleep(0.3)
        keep(entry, b"made by " + sys.argv[2].encode())
        print("made")
"""


def test_processes_that_want_the_same_entry_make_it_once(tmp_path: Path) -> None:
    entry = tmp_path / "entry.bin"
    command = [sys.executable, "-c", COUNT, str(entry)]
    running = [subprocess.Popen([*command, name], stdout=subprocess.PIPE, text=True) for name in "abc"]
    said = [process.communicate(timeout=60)[0] for process in running]
    assert sorted(said) == ["", "", "made\n"]
    assert look_up(entry) is not None


def test_a_maker_that_is_killed_does_not_keep_the_others_waiting(tmp_path: Path) -> None:
    entry = tmp_path / "entry.bin"
    code = COUNT.replace("time.sleep(0.3)", "print('holding', flush=True); time.sleep(60)")
    with subprocess.Popen(
        [sys.executable, "-c", code, str(entry), "a"], stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "holding\n"
        process.kill()
    with making(entry):
        assert look_up(entry) is None
