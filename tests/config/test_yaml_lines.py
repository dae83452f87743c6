"""YAML is read with its lines, within bounds, and whatever is not YAML is told as such."""

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.config import yaml_lines
from harness.config.yaml_lines import Document, parse
from harness.errors import Code, InputError

FILE = Path("x.yaml")


def read(text: str) -> Document:
    return parse(text, FILE, Code.BAD_INVENTORY)


def refused(text: str) -> str:
    with pytest.raises(InputError) as caught:
        read(text)
    heading, line = caught.value.problem.message.splitlines()
    assert heading == "1 mistake:"
    return line.strip()


def test_every_key_and_item_has_its_line() -> None:
    document = read("a: 1\nb:\n  - x\n  - c: {d: 2,\n      e: 3}\n# end\nf: |\n  text\n")
    assert document.data == {"a": 1, "b": ["x", {"c": {"d": 2, "e": 3}}], "f": "text\n"}
    assert document.lines == {
        ("a",): 1,
        ("b",): 2,
        ("b", 0): 3,
        ("b", 1): 4,
        ("b", 1, "c"): 4,
        ("b", 1, "c", "d"): 4,
        ("b", 1, "c", "e"): 5,
        ("f",): 7,
    }
    assert document.line(("b", 1, "c", "missing", 3)) == 4
    assert document.line(("z",)) == 1


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("", None),
        ("~", None),
        ("null", None),
        ("true", True),
        ("False", False),
        ("yes", "yes"),
        ("off", "off"),
        ("0", 0),
        ("-17", -17),
        ("010", "010"),
        ("0x10", "0x10"),
        ("1_000", "1_000"),
        ("22:30", "22:30"),
        ("2024-01-31", "2024-01-31"),
        ("1.5", 1.5),
        (".5", 0.5),
        ("5.", 5.0),
        ("1e3", 1000.0),
        ("3.6.1", "3.6.1"),
        (".inf", ".inf"),
        ("'1'", "1"),
        ('"true"', "true"),
        ("''", ""),
    ],
)
def test_scalars_follow_the_narrow_rules(text: str, value: object) -> None:
    data = read(f"k: {text}").data
    assert data == {"k": value}
    assert isinstance(data, dict)
    assert type(data["k"]) is type(value)


def test_a_scalar_is_kept_as_written_too() -> None:
    assert read("k: [1.10, '2.0']").texts == {("k", 0): "1.10", ("k", 1): "2.0"}


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("a: &x 1\nb: 2", "x.yaml:1: a: an anchor or alias (& or *), expected plain values; use `defaults:`"),
        ("b: 1\na: *x", "x.yaml:2: a: an anchor or alias"),
        ("b: 1\n&k a: 2", "x.yaml:2: a key that is not plain text"),
        ("a: !!python/object:os.system x", "x.yaml:1: a: the tag 'tag:yaml.org,2002:python/object:os.system' (text)"),
        ("a: !!int 5", "x.yaml:1: a: the tag"),
        ("a: !x 5", "x.yaml:1: a: the tag '!x'"),
        ("a: ! 5", "x.yaml:1: a: the tag '!'"),
        ("? [a]\n: b", "x.yaml:1: a key that is not plain text, expected a plain key"),
        ("a: 1\n---\nb: 2", "x.yaml:2: a second document (---), expected one document"),
        ("a:\n\tb: 1", "x.yaml:2: not YAML: found character '\\t' that cannot start any token; indent with spaces"),
        ("a: 1\n b: 2", "x.yaml:2: not YAML: mapping values are not allowed here"),
        ("a: [1, 2", "x.yaml:1: not YAML: expected ',' or ']'"),
        ("a: 'x", "x.yaml:1: not YAML: found unexpected end of stream"),
        ("a: 1\nb: \x07", "x.yaml:2: a control character, expected printable text"),
        ('a: "\\UFFFFFFFF"', "x.yaml: not YAML:"),
        ("[" * 30 + "]" * 30, "x.yaml:1: [0][0]"),
        ("[" * 100_000, "x.yaml:1: [0][0]"),
        ("{a: " * 100_000, "x.yaml:1: a.a.a"),
        ("- " * 5000, "x.yaml:1: [0][0]"),
    ],
)
def test_what_is_refused(text: str, line: str) -> None:
    assert refused(text).startswith(line)


def test_a_key_that_stands_twice_is_a_mistake_and_the_first_one_counts() -> None:
    document = read("a: 1\nb: {c: 1, c: {d: 1}}\na: [2, {x: 1}]\n")
    assert document.data == {"a": 1, "b": {"c": 1}}
    assert [str(mistake) for mistake in document.mistakes] == [
        "x.yaml:2: b.c: the key a second time; already at line 2",
        "x.yaml:3: a: the key a second time; already at line 1",
    ]


def test_a_file_that_cannot_be_read(tmp_path: Path) -> None:
    large = tmp_path / "large.yaml"
    large.write_bytes(b"#" * (yaml_lines.MAX_BYTES + 1))
    bytes_ = tmp_path / "bytes.yaml"
    bytes_.write_bytes(b"a: 1\nb: \xff\xfe\n")
    for file, expected in [
        (tmp_path / "none.yaml", "none.yaml: cannot be read: No such file or directory"),
        (tmp_path, f"{tmp_path}: cannot be read: Is a directory"),
        (large, "large.yaml: a larger file, expected at most 512 KiB"),
        (bytes_, "bytes.yaml:2: bytes that are not UTF-8, expected UTF-8 text"),
    ]:
        with pytest.raises(InputError) as caught:
            yaml_lines.load(file, Code.BAD_EXPERIMENT)
        assert caught.value.problem.code == "bad-experiment"
        assert expected in caught.value.problem.message


def test_a_byte_order_mark_is_no_part_of_the_text(tmp_path: Path) -> None:
    (tmp_path / "bom.yaml").write_bytes(b"\xef\xbb\xbfa: 1\r\nb: 2\r\n")
    assert yaml_lines.load(tmp_path / "bom.yaml", Code.BAD_INVENTORY).data == {"a": 1, "b": 2}


@settings(max_examples=300)
@given(st.text(alphabet=st.one_of(st.sampled_from("-:{}[],&*!|>'\"%@#?\\ \n\t0aU"), st.characters()), max_size=80))
def test_any_text_is_a_document_or_an_input_error(text: str) -> None:
    told = ""
    try:
        assert isinstance(read(text), Document)
    except InputError as error:
        told = error.problem.message
    assert all(line.isprintable() for line in told.split("\n"))
