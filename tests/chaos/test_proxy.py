"""The proxy does what it is told, and nothing else."""

import contextlib
import socket
import threading
import time
from collections.abc import Iterator

import pytest

from tests.chaos.proxy import Proxy


@pytest.fixture
def echo() -> Iterator[int]:
    """A server that sends everything back."""
    listener = socket.create_server(("127.0.0.1", 0))

    def serve(one: socket.socket) -> None:
        with one, contextlib.suppress(OSError):
            while data := one.recv(1 << 16):
                one.sendall(data)

    def accept() -> None:
        while True:
            try:
                one, _ = listener.accept()
            except OSError:
                return
            threading.Thread(target=serve, args=(one,), daemon=True).start()

    threading.Thread(target=accept, daemon=True).start()
    yield listener.getsockname()[1]
    listener.close()


@pytest.fixture
def proxy(echo: int) -> Iterator[Proxy]:
    made = Proxy(echo)
    yield made
    made.close()


def dial(port: int) -> socket.socket:
    return socket.create_connection(("127.0.0.1", port), timeout=2)


def said(one: socket.socket, data: bytes) -> bytes:
    one.sendall(data)
    back = b""
    while len(back) < len(data):
        part = one.recv(1 << 16)
        if not part:
            break
        back += part
    return back


def test_it_forwards_both_ways(proxy: Proxy) -> None:
    data = bytes(range(256)) * 1000
    with dial(proxy.open()) as one:
        assert said(one, data) == data
    assert (proxy.connections, proxy.moved) == (1, 2 * 256_000)


def test_it_freezes_and_thaws(proxy: Proxy) -> None:
    with dial(proxy.open()) as one:
        assert said(one, b"a") == b"a"
        proxy.freeze()
        assert (proxy.frozen, proxy.freezes) == (True, 1)
        one.settimeout(0.4)
        with pytest.raises(TimeoutError):
            said(one, b"b")
        proxy.thaw()
        one.settimeout(2)
        assert one.recv(1) == b"b"
        assert not proxy.frozen


def test_it_refuses_and_comes_back_at_the_same_port(proxy: Proxy) -> None:
    port = proxy.open()
    proxy.refuse()
    with pytest.raises(ConnectionRefusedError):
        dial(port)
    assert proxy.open() == port
    with dial(port) as one:
        assert said(one, b"a") == b"a"


def test_a_cut_is_noticed(proxy: Proxy) -> None:
    with dial(proxy.open()) as one:
        said(one, b"a")
        proxy.cut()
        with contextlib.suppress(ConnectionResetError):
            assert one.recv(1) == b""
    assert proxy.cuts == 1


def test_what_is_down_already_cannot_be_cut_or_frozen(proxy: Proxy) -> None:
    with dial(proxy.open()) as one:
        said(one, b"a")
    until = time.monotonic() + 5
    while proxy._live and time.monotonic() < until:
        time.sleep(0.01)
    proxy.cut()
    proxy.freeze()
    assert (proxy.connections, proxy.cuts, proxy.freezes) == (1, 0, 0)


def test_what_waits_in_a_frozen_network_does_not_move_at_the_end(echo: int) -> None:
    proxy = Proxy(echo)
    proxy.freeze()
    with dial(proxy.open()) as one:
        one.sendall(b"a")
        while not proxy._live:
            time.sleep(0.01)
        proxy.close()
        time.sleep(0.2)
    assert (proxy.connections, proxy.moved) == (1, 0)


def test_its_own_end_is_no_cut(echo: int) -> None:
    proxy = Proxy(echo)
    with dial(proxy.open()) as one:
        said(one, b"a")
        proxy.close()
    assert proxy.cuts == 0


def test_it_cuts_after_so_many_bytes_once(proxy: Proxy) -> None:
    proxy.cut_at = 50_000
    port = proxy.open()
    with dial(port) as one:
        try:
            back = said(one, b"x" * 200_000)
        except (ConnectionResetError, BrokenPipeError):
            back = b""
        assert len(back) < 200_000
    with dial(port) as one:
        assert len(said(one, b"x" * 200_000)) == 200_000


def test_it_changes_one_bit_once(proxy: Proxy) -> None:
    proxy.flip_at = 70_000
    data = bytes(100_000)
    with dial(proxy.open()) as one:
        back = said(one, data)
        assert [at for at, byte in enumerate(back) if byte] == [70_000]
        assert back[70_000] == 1
        assert said(one, data) == data
    assert proxy.flips == 1


def test_it_is_as_slow_as_told(proxy: Proxy) -> None:
    """100 kB at 200 kB/s take half a second on the way there alone."""
    proxy.rate = 200_000.0
    began = time.monotonic()
    with dial(proxy.open()) as one:
        assert said(one, bytes(100_000)) == bytes(100_000)
    assert time.monotonic() - began >= 0.45
    # A part is passed on before it is waited for, so the last ones there and back need not have been.
    assert 0.5 - 2 * (1 << 14) / 200_000 <= proxy.slept_s <= 1.0


def test_it_trickles_from_some_byte_on(proxy: Proxy) -> None:
    """What goes beyond 100 kB waits: 16 kB for half a minute."""
    proxy.trickle_at = 100_000
    with dial(proxy.open()) as one:
        assert len(said(one, bytes(80_000))) == 80_000
        assert proxy.slept_s == 0.0
        one.sendall(bytes(40_000))
        until = time.monotonic() + 5
        while not proxy.slept_s and time.monotonic() < until:
            time.sleep(0.01)
        assert 1 / 500 <= proxy.slept_s <= 2 * (1 << 14) / 500
