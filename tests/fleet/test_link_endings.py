"""How a link ends, and what that means for whoever waits: silence, garbage, the end of the stream, our own close."""

import socket
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from harness.agent.frames import CHUNK, encode
from harness.errors import Code, DeviceError, FarmError, TransportError
from harness.fleet import link as link_module
from harness.fleet.client import AgentClient
from harness.fleet.deadline import Deadline
from harness.fleet.link import SILENCE_S, Link
from tests.fleet.wires import PATIENCE_S, HandClock, SocketWire, failure_of, linked, soon


def test_no_reply_in_time_is_connection_lost() -> None:
    with linked() as (link, _):
        with pytest.raises(TransportError) as caught:
            link.request({"op": "a"}, deadline=Deadline.after(0.02))
        assert caught.value.problem.code is Code.CONNECTION_LOST


def test_garbage_is_a_protocol_failure_for_whoever_waits_and_for_all_that_follows() -> None:
    with linked() as (link, agent):
        waiting = [link.send({"op": "a"}), link.send({"op": "b"})]
        agent.say(b"Segmentation fault (core dumped)\n")
        assert [failure_of(pending).problem.code for pending in waiting] == [Code.PROTOCOL] * 2
        with pytest.raises(FarmError) as caught:
            link.send({"op": "c"})
        assert caught.value.problem.code is Code.PROTOCOL


def test_the_end_of_the_stream_is_connection_lost_for_whoever_waits() -> None:
    with linked() as (link, agent):
        waiting = [link.send({"op": "a"}), link.send({"op": "b"})]
        agent.say(encode({"id": 1, "ok": True})[:-3])  # the end of a torn frame is no frame
        agent.hang_up()
        failures = [failure_of(pending) for pending in waiting]
        assert [failure.problem.code for failure in failures] == [Code.CONNECTION_LOST] * 2
        assert all(isinstance(failure, TransportError) for failure in failures)


def test_what_is_sent_into_a_dead_connection_is_connection_lost() -> None:
    with socket.socket() as wire:
        broken = Link(SocketWire(wire), clock=HandClock())  # a socket that is not connected: EPIPE
        with pytest.raises(TransportError, match="Sending failed"):
            broken.send({"op": "a"})


def test_closing_wakes_whoever_waits() -> None:
    with linked() as (link, agent), ThreadPoolExecutor(1) as pool:
        asked = pool.submit(link.request, {"op": "a"}, deadline=soon())
        agent.hear()
        link.close()
        failure = asked.exception(timeout=PATIENCE_S)
        assert isinstance(failure, TransportError)
        assert failure.problem.code is Code.CONNECTION_LOST
        link.close()  # closing again does nothing


def beating(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(link_module, "HEARTBEAT_S", 0.01)


def test_heartbeats_are_sent(monkeypatch: pytest.MonkeyPatch) -> None:
    beating(monkeypatch)
    with linked() as (_, agent):
        assert [agent.hear()[0]["op"] for _ in range(3)] == ["ping"] * 3


def test_silence_is_connection_lost(monkeypatch: pytest.MonkeyPatch) -> None:
    beating(monkeypatch)
    clock = HandClock()
    with linked(clock) as (link, agent):
        waiting = link.send({"op": "infer"})
        agent.hear()
        clock.now += SILENCE_S + 0.1
        failure = failure_of(waiting)
        assert isinstance(failure, TransportError)
        assert "12 seconds" in failure.problem.message


class FrozenWire(SocketWire):
    """A network that takes nothing any more and closes nothing, until the connection below is ended."""

    def __init__(self, sock: socket.socket) -> None:
        super().__init__(sock)
        self.sender = threading.Lock()
        self.ended = threading.Event()

    def sendall(self, s: bytes) -> None:  # noqa: ARG002
        with self.sender:
            self.ended.wait(PATIENCE_S)
            raise EOFError

    def close(self) -> None:
        with self.sender:  # as paramiko: closing a channel tells the other side, behind whatever is being sent
            super().close()


def test_a_network_that_freezes_under_a_sender_is_noticed_and_the_sender_freed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    beating(monkeypatch)
    ours, theirs = socket.socketpair()
    wire, clock = FrozenWire(ours), HandClock()
    link = Link(wire, clock=clock, abort=wire.ended.set)
    link.start()
    with ours, theirs, ThreadPoolExecutor(1) as pool:
        sending = pool.submit(link.send, {"op": "put"}, bytes(100))
        clock.now += SILENCE_S + 0.1
        failure = sending.exception(timeout=PATIENCE_S)
        assert isinstance(failure, TransportError)
        assert "12 seconds" in failure.problem.message


def test_what_a_slow_network_takes_is_a_sign_of_life(monkeypatch: pytest.MonkeyPatch) -> None:
    beating(monkeypatch)
    clock = HandClock()
    with linked(clock) as (link, agent):
        for _ in range(4):
            clock.now += SILENCE_S - 0.1
            waiting = link.send({"op": "put"}, b"part")
        agent.reply(waiting.number, stored=True)
        assert waiting.collect(soon())[0]["stored"] is True


def test_what_has_no_payload_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    """It fits into the kernel's buffers, and would be taken from a network that is frozen."""
    beating(monkeypatch)
    clock = HandClock()
    with linked(clock) as (link, _):
        waiting = link.send({"op": "infer"})
        clock.now += SILENCE_S - 0.1
        link.send({"op": "infer"})
        clock.now += 0.2
        assert "12 seconds" in failure_of(waiting).problem.message


def test_a_sign_of_life_keeps_the_link(monkeypatch: pytest.MonkeyPatch) -> None:
    beating(monkeypatch)
    clock = HandClock()
    with linked(clock) as (link, agent):
        waiting = link.send({"op": "infer"})
        for _ in range(4):
            clock.now += SILENCE_S - 0.1
            pinged = link.send({"op": "ping"})
            agent.reply(pinged.number)
            pinged.collect(soon())
        agent.reply(waiting.number, done=True)
        assert waiting.collect(soon())[0]["done"] is True


def test_an_early_refusal_of_a_put_ends_the_sending() -> None:
    with linked() as (link, agent):
        data = bytes(3 * CHUNK)
        sizes: list[int] = []
        refused = threading.Event()

        def refuse() -> None:
            header, _ = agent.hear()
            agent.reply(header["id"], ok=False, code="disk-full", message="No space left")
            refused.set()
            agent.answer_all(lambda *_: {"ok": False, "code": "protocol", "message": "not begun"})

        threading.Thread(target=refuse, daemon=True).start()

        def sent(size: int) -> None:
            sizes.append(size)
            refused.wait(PATIENCE_S)

        with pytest.raises(DeviceError) as caught:
            AgentClient(link).put("d" * 64, data, deadline=soon(), sent=sent)
        assert caught.value.problem.code is Code.DISK_FULL
        assert len(sizes) <= 3
        agent_is_still_heard(link)


def agent_is_still_heard(link: Link) -> None:
    with pytest.raises(DeviceError):
        link.request({"op": "x"}, deadline=soon())


def test_a_late_part_of_a_request_that_was_answered_waits_for_nothing() -> None:
    with linked() as (link, agent):
        pending = link.send({"op": "put", "offset": 0}, b"1")
        agent.reply(pending.number, ok=False, code="disk-full", message="full")
        assert failure_of(pending).problem.code is Code.DISK_FULL
        link.send({"op": "put", "offset": 1}, b"2", part_of=pending)
        link.close()
        assert failure_of(pending).problem.code is Code.DISK_FULL


@pytest.mark.parametrize("depth", [200, 900, 990, 5000, 100_000])
def test_a_header_nested_too_deeply_ends_the_link_or_is_a_value(depth: int) -> None:
    with linked() as (link, agent):
        pending = link.send({"op": "a"})
        text = b'{"id":1,"ok":true,"x":' + b"[" * depth + b"]" * depth + b"}"
        agent.say(b"FRM1" + len(text).to_bytes(4, "big") + bytes(4) + text)
        ended = pending.reply.exception(PATIENCE_S)
        assert ended is None or (isinstance(ended, DeviceError) and ended.problem.code is Code.PROTOCOL)
