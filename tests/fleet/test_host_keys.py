"""Host keys: who is accepted, and what somebody reads whose board is not."""

import base64
import hashlib
from pathlib import Path

import paramiko
import pytest

from harness.errors import Code, FarmError
from harness.fleet import host_keys

KEY, OTHER = paramiko.ECDSAKey.generate(), paramiko.ECDSAKey.generate()


def as_line(key: paramiko.PKey) -> str:
    return f"{key.get_name()} {key.get_base64()}"


def known(client: paramiko.SSHClient, name: str) -> set[str]:
    found: set[str] = set()
    for keys in (client._system_host_keys, client.get_host_keys()):  # type: ignore[attr-defined]
        entry = keys.lookup(name)
        found |= {key.get_base64() for key in entry.values()} if entry else set()
    return found


@pytest.mark.parametrize(
    ("host", "port", "name"),
    [
        ("pi5.lab", 22, "pi5.lab"),
        ("pi5.lab", 2222, "[pi5.lab]:2222"),
        ("::1", 22, "::1"),
        ("::1", 8022, "[::1]:8022"),
    ],
)
def test_the_name_is_openssh_s(host: str, port: int, name: str) -> None:
    assert host_keys.known_hosts_name(host, port) == name


def test_a_pinned_key_is_the_only_one(tmp_path: Path) -> None:
    file = tmp_path / "known_hosts"
    file.write_text(f"[h]:2222 {as_line(OTHER)}\n")
    client = paramiko.SSHClient()
    host_keys.trust(client, name="[h]:2222", pinned=as_line(KEY), files=[file])
    assert known(client, "[h]:2222") == {KEY.get_base64()}


def test_known_hosts_files_add_up_and_may_be_missing(tmp_path: Path) -> None:
    first, second = tmp_path / "first", tmp_path / "second"
    first.write_text(f"# comment\n\nh,10.0.0.7 {as_line(KEY)}\n[h]:2222 {as_line(OTHER)}\n")
    second.write_text(f"other {as_line(OTHER)}\n")
    expected = {"h": KEY, "10.0.0.7": KEY, "[h]:2222": OTHER, "other": OTHER, "[h]:2223": None}
    for name, key in expected.items():
        client = paramiko.SSHClient()
        host_keys.trust(client, name=name, pinned=None, files=[first, tmp_path / "none", second])
        assert known(client, name) == ({key.get_base64()} if key else set())


@pytest.mark.parametrize(
    "line",
    [
        "# added by bob",
        "# BEGIN ANSIBLE MANAGED BLOCK",
        "#old pi.lab ssh-ed25519 AAAA",
        "  # indented, with three words",
        "\t",
        "pi5.lab",
    ],
)
def test_lines_that_are_no_entries_are_passed_over(tmp_path: Path, line: str) -> None:
    file = tmp_path / "known_hosts"
    file.write_text(f"{line}\n  h\t{as_line(KEY)} a comment\n")
    client = paramiko.SSHClient()
    host_keys.trust(client, name="h", pinned=None, files=[file])
    assert known(client, "h") == {KEY.get_base64()}


@pytest.mark.parametrize(("listed", "asked"), [("PI5.lab", "pi5.lab"), ("pi5.lab", "Pi5.LAB"), ("*.LAB", "pi5.lab")])
def test_names_are_the_same_in_capitals(tmp_path: Path, listed: str, asked: str) -> None:
    file = tmp_path / "known_hosts"
    file.write_text(f"{listed} {as_line(KEY)}\n@revoked\t{listed} {as_line(OTHER)}\n")
    client = paramiko.SSHClient()
    host_keys.trust(client, name=asked, pinned=None, files=[file])
    assert known(client, asked) == {KEY.get_base64()}
    with pytest.raises(FarmError, match="@revoked"):
        host_keys.trust(client, name=asked, pinned=as_line(OTHER), files=[file])


HASHED = paramiko.HostKeys.hash_host("[h]:2222")


@pytest.mark.parametrize("patterns", ["[h]:2222", "a,[h]:2222", HASHED, "*", "[h]:222?", "[*]:2222", "x,[h]:*"])
def test_a_revoked_key_is_refused_even_where_it_is_listed_or_pinned(tmp_path: Path, patterns: str) -> None:
    file = tmp_path / "known_hosts"
    file.write_text(f"[h]:2222 {as_line(KEY)}\n@revoked {patterns} {as_line(KEY)}\n")
    client = paramiko.SSHClient()
    host_keys.trust(client, name="[h]:2222", pinned=None, files=[file])
    assert known(client, "[h]:2222") == set()
    with pytest.raises(FarmError, match="@revoked") as caught:
        client._policy.missing_host_key(client, "[h]:2222", KEY)  # type: ignore[attr-defined]
    assert caught.value.problem.code is Code.HOST_KEY_CHANGED
    with pytest.raises(FarmError, match="@revoked"):
        host_keys.trust(paramiko.SSHClient(), name="[h]:2222", pinned=as_line(KEY), files=[file])


@pytest.mark.parametrize("patterns", ["h", "[h]:2223", "*,![h]:2222", "![h]:2222,*", "[h]:222", "[h[:2222", "2222"])
def test_a_key_that_is_revoked_for_others_is_not_for_this_one(tmp_path: Path, patterns: str) -> None:
    file = tmp_path / "known_hosts"
    lines = [f"@revoked {patterns} {as_line(KEY)}", f"@revoked [h]:2222 {as_line(OTHER)}", "@revoked", "@revoked x y"]
    file.write_text("\n".join([*lines, f"@cert-authority * {as_line(OTHER)}", f"[h]:2222 {as_line(KEY)}"]))
    client = paramiko.SSHClient()
    host_keys.trust(client, name="[h]:2222", pinned=None, files=[file])
    assert known(client, "[h]:2222") == {KEY.get_base64()}


@pytest.mark.parametrize(
    "content", [b"h ssh-ed25519 A\n", b"\xff\xfe\n", b"h ssh-rsa AAAA\n", b"nonsense\n", b"a b c\n"]
)
def test_a_damaged_known_hosts_line_accepts_nobody_and_is_no_defect_of_ours(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "known_hosts"
    file.write_bytes(content)
    client = paramiko.SSHClient()
    try:
        host_keys.trust(client, name="h", pinned=None, files=[file])
    except FarmError as error:
        problem = error.problem
        assert problem.code is Code.BAD_INVENTORY
        assert str(file) in problem.message
    assert known(client, "h") == set()


@pytest.mark.parametrize("pinned", ["ssh-ed25519", "ssh-ed25519 AAAA", "ssh-ed25519 A", "what-ever AAAA", "x", ""])
def test_a_pinned_text_that_is_no_key(pinned: str) -> None:
    with pytest.raises(FarmError) as caught:
        host_keys.trust(paramiko.SSHClient(), name="h", pinned=pinned, files=[])
    assert caught.value.problem.code is Code.BAD_INVENTORY
    assert "host_key of h" in caught.value.problem.message


def test_an_unknown_key_is_refused_with_the_lines_to_add() -> None:
    with pytest.raises(FarmError) as caught:
        host_keys.RefuseUnknown().missing_host_key(paramiko.SSHClient(), "[h]:2222", KEY)
    problem = caught.value.problem
    assert problem.code is Code.HOST_KEY_UNKNOWN
    assert KEY.fingerprint in problem.message
    assert f"`host_key: {as_line(KEY)}`" in problem.what_to_do
    assert f"`[h]:2222 {as_line(KEY)}`" in problem.what_to_do
    assert "ssh-keygen -lf" in problem.what_to_do


def test_a_changed_key_shows_both_and_the_line_that_would_replace_it() -> None:
    problem = host_keys.changed("[h]:2222", KEY, OTHER).problem
    assert problem.code is Code.HOST_KEY_CHANGED
    assert problem.message.index(KEY.fingerprint) < problem.message.index(OTHER.fingerprint)
    assert f"`host_key: {as_line(KEY)}`" in problem.what_to_do
    assert f"`[h]:2222 {as_line(KEY)}`" in problem.what_to_do
    assert OTHER.get_base64() not in problem.what_to_do


def test_the_fingerprint_is_openssh_s() -> None:
    # ssh-keygen -lf prints SHA256 and the digest of the key's blob in base64 without padding.
    digest = base64.b64encode(hashlib.sha256(KEY.asbytes()).digest()).decode().rstrip("=")
    assert host_keys.text_fingerprint(KEY) == f"ecdsa-sha2-nistp256 SHA256:{digest}"
