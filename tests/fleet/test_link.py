"""The link: every request gets its own reply, or a named failure; nothing waits for ever."""

from concurrent.futures import ThreadPoolExecutor
from importlib import resources

import pytest

from harness.agent.frames import encode
from harness.errors import Code, DeviceError
from tests.fleet.wires import failure_of, linked, soon


def test_replies_out_of_order_reach_the_requests_they_belong_to() -> None:
    with linked() as (link, agent):
        pendings = [link.send({"op": "have", "n": n}, bytes([n])) for n in range(5)]
        heard = [agent.hear() for _ in pendings]
        assert [(header["n"], payload) for header, payload in heard] == [(n, bytes([n])) for n in range(5)]
        assert len({header["id"] for header, _ in heard}) == 5
        for header, _ in reversed(heard):
            agent.reply(header["id"], payload=b"p%d" % header["n"], n=header["n"])
        for n, pending in enumerate(pendings):
            header, payload = pending.collect(soon())
            assert (header["n"], payload) == (n, b"p%d" % n)


def test_a_reply_that_came_with_the_preamble_is_not_lost() -> None:
    # The first request has the id 1; here its reply is there before it is sent, so nobody waits for it.
    with linked(already_read=encode({"id": 7, "ok": True})) as (link, agent):
        pending = link.send({"op": "ping"})
        agent.reply(agent.hear()[0]["id"])
        assert pending.collect(soon())[0]["ok"] is True


def test_replies_that_arrive_in_pieces_and_in_one_piece() -> None:
    with linked() as (link, agent):
        first, second = link.send({"op": "a"}), link.send({"op": "b"})
        data = encode({"id": 1, "ok": True}, b"x" * 9) + encode({"id": 2, "ok": True}, b"y")
        for at in range(len(data)):
            agent.say(data[at : at + 1])
        assert first.collect(soon())[1] == b"x" * 9
        assert second.collect(soon())[1] == b"y"


@pytest.mark.parametrize("stray", [{"id": 99}, {"id": "1"}, {"id": None}, {}, {"id": [1]}, {"id": 1.5}, {"id": True}])
def test_replies_to_nobody_are_ignored(stray: dict[str, object]) -> None:
    with linked() as (link, agent):
        pending = link.send({"op": "a"})
        agent.say(encode({**stray, "ok": False, "code": "protocol"}))
        agent.reply(1, fine=1)
        assert pending.collect(soon())[0]["fine"] == 1


def test_a_second_reply_to_one_request_does_no_harm() -> None:
    with linked() as (link, agent):
        first = link.send({"op": "a"})
        agent.reply(1, n=1)
        agent.reply(1, n=2)
        second = link.send({"op": "b"})
        agent.reply(2, n=3)
        assert second.collect(soon())[0]["n"] == 3
        assert first.collect(soon())[0]["n"] == 1


@pytest.mark.parametrize("code", ["device-busy", "store-corrupt", "cell-timeout", "child-crashed", "out-of-memory"])
def test_a_refusal_is_raised_with_its_code_and_message(code: str) -> None:
    with linked() as (link, agent):
        pending = link.send({"op": "hello"})
        agent.reply(1, ok=False, code=code, message="held by somebody")
        failure = failure_of(pending)
        assert isinstance(failure, DeviceError)
        assert (failure.problem.code, failure.problem.message) == (Code(code), "held by somebody")


def test_every_code_that_the_agent_gives_is_taken_from_it() -> None:
    sources = [
        entry.read_text() for entry in resources.files("harness.agent").iterdir() if entry.name.endswith(".py")
    ]
    said = {code for code in Code if any(f'"{code}"' in source for source in sources)}
    assert Code.CELL_TIMEOUT in said
    for code in said:
        with linked() as (link, agent):
            pending = link.send({"op": "infer"})
            agent.reply(1, ok=False, code=code.value, message="m")
            assert failure_of(pending).problem.code is code


@pytest.mark.parametrize("code", ["no-such-code", "", None, 7, ["protocol"], {"a": 1}])
def test_an_unknown_code_is_a_protocol_failure_that_shows_it(code: object) -> None:
    with linked() as (link, agent):
        pending = link.send({"op": "hello"})
        agent.reply(1, ok=False, code=code, message="oops")
        problem = failure_of(pending).problem
        assert problem.code is Code.PROTOCOL
        assert str(code) in problem.message
        assert "oops" in problem.message


@pytest.mark.parametrize(
    "code", ["interrupted", "connection-lost", "device-unreachable", "bad-inventory", "no-wheel", "gateway-lost"]
)
def test_codes_that_are_not_a_devices_to_give_are_protocol_failures(code: str) -> None:
    # Taken at its word, a device could leave its cells unsettled, have them retried, or pass an error for N/A.
    with linked() as (link, agent):
        pending = link.send({"op": "infer"})
        agent.reply(1, ok=False, code=code, message="trust me")
        assert failure_of(pending).problem.code is Code.PROTOCOL


def test_a_lone_surrogate_cannot_reach_the_journal() -> None:
    # Python's JSON reads it, but nothing writes it: kept, it would end the whole run, not the device's.
    with linked() as (link, agent):
        pending = link.send({"op": "a"})
        agent.say(encode({"id": 1, "ok": True, "facts": {"name\ud800": ["caf\u00e9", "a\udcffb"]}}, b"p"))
        assert pending.collect(soon()) == ({"id": 1, "ok": True, "facts": {"name?": ["caf\u00e9", "a?b"]}}, b"p")


@pytest.mark.parametrize("ok", [None, False, 1, "true"])
def test_only_ok_true_is_a_success(ok: object) -> None:
    with linked() as (link, agent):
        pending = link.send({"op": "a"})
        agent.reply(1, ok=ok)
        assert failure_of(pending).problem.code is Code.PROTOCOL


def test_a_long_message_of_a_device_is_cut() -> None:
    with linked() as (link, agent):
        pending = link.send({"op": "a"})
        agent.reply(1, ok=False, code="protocol", message="x" * 500_000)
        assert len(failure_of(pending).problem.message) <= 2000


def test_requests_from_many_threads_get_their_own_replies() -> None:
    with linked() as (link, agent), ThreadPoolExecutor(16) as pool:
        agent.answer_all(lambda header, payload: {"twice": 2 * header["n"], "length": len(payload)})

        def ask(n: int) -> tuple[int, int]:
            header, _ = link.request({"op": "a", "n": n}, b"z" * (n % 7), deadline=soon())
            return header["twice"], header["length"]

        assert list(pool.map(ask, range(300))) == [(2 * n, n % 7) for n in range(300)]


def test_bytes_sent_are_counted_with_their_frames() -> None:
    with linked() as (link, _):
        link.send({"op": "put"}, b"12345")
        expected = len(encode({"op": "put", "id": 1}, b"12345"))
        assert link.sent_bytes == expected
