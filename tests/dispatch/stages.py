"""What stands between a device and its client, replaced as a whole."""

import pytest

from harness.config.inventory import Device
from harness.dispatch import session as session_module
from harness.evidence import Health
from harness.fleet.deadline import Deadline

FACTS: dict[str, object] = {
    "machine": "aarch64",
    "bits": 64,
    "libc": "glibc",
    "libc_version": "2.36",
    "python_tag": "cp311",
}


class Stage:
    """Stands in for everything between a device and its client; remembers what happened to it."""

    def __init__(self, fails: str = "", error: Exception | None = None, busy: list[Exception] | None = None) -> None:
        self._busy = busy or []
        self.did: list[str] = []
        self.said: dict[str, object] = {}
        self.facts = dict(FACTS)
        self.state = Health(temperatures={"cpu": 50.0}, memory_available_mb=700, disk_free_mb=9000, busy=0.1)
        self._fails, self._error = fails, error
        self.transport = self
        self.sent_bytes = 50

    def _do(self, what: str) -> None:
        self.did.append(what)
        if what == self._fails and self._error is not None:
            raise self._error

    def connect(self, _device: Device, **_: object) -> "Stage":
        self._do("connect")
        return self

    def start_agent(self, *_: object, **__: object) -> tuple["Stage", bytes, int]:
        self._do("start agent")
        return self, b"rest", 700

    def link(self, _channel: object, **_: object) -> "Stage":
        return self

    def start(self, rest: bytes) -> None:
        assert rest == b"rest"
        self._do("link")

    def client(self, _link: object) -> "Stage":
        return self

    def hello(self, **said: object) -> dict[str, object]:
        self.said = said
        self._do("hello")
        if self._busy:
            raise self._busy.pop()
        return self.facts

    def health(self, *, busy_over_s: float, deadline: Deadline) -> Health:
        assert busy_over_s > 0
        assert not deadline.expired
        self._do("health")
        return self.state

    def bye(self, **_: object) -> None:
        self._do("bye")

    def close(self) -> None:
        self.did.append("close")

    def abort(self) -> None:
        self.did.append("abort")

    def put_on(self, monkeypatch: pytest.MonkeyPatch) -> "Stage":
        names = {
            "connect": self.connect,
            "start_agent": self.start_agent,
            "Link": self.link,
            "AgentClient": self.client,
        }
        for name, stand_in in names.items():
            monkeypatch.setattr(session_module, name, stand_in)
        return self
