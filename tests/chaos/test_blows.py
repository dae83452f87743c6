"""What a blow to the coordinator's machine may cost, and that whatever it costs beyond that is told."""

import signal
from dataclasses import replace
from typing import Any

import pytest

from tests.chaos.blows import BLOWS, COORDINATOR_FROZEN, GATEWAY_FROZEN, LOST, Aftermath

GATEWAY = Aftermath(
    blow=GATEWAY_FROZEN,
    freed_s=13.0,
    told={"a72": "● a72: held by me", "a76": "○ a76: free"},
    cells={"a72": ("measured", "measured"), "a76": ("measured", LOST)},
    code=3,
    resumed=(0, True),
    again=(),
    left=(),
)
COORDINATOR = replace(
    GATEWAY,
    blow=COORDINATOR_FROZEN,
    told={"a72": "○ a72: free", "a76": "○ a76: free"},
    cells={"a72": (LOST, LOST), "a76": ("measured", LOST)},
    resumed=None,
)


def test_what_a_blow_may_cost_is_right() -> None:
    assert GATEWAY.wrong == COORDINATOR.wrong == []
    assert GATEWAY.hit == ["a76"]
    assert COORDINATOR.hit == ["a72", "a76"]


@pytest.mark.parametrize(
    ("lie", "told"),
    [
        ({"freed_s": 30.1}, "free in time"),
        ({"freed_s": float("inf")}, "free in time"),
        ({"told": {"a72": "○ a72: free", "a76": "● a76: held by me"}}, "farm who: ● a76"),
        ({"cells": {"a72": ("measured",) * 2, "a76": ("measured",) * 2}}, "0 devices lost cells, not 1"),
        ({"cells": {"a72": ("measured",), "a76": ("measured", LOST)}}, "a72: measured"),
        ({"cells": {"a72": ("measured",) * 2, "a76": (LOST,)}}, "a76: gateway-lost"),
        ({"cells": {"a72": ("measured", "internal"), "a76": ("measured", LOST)}}, "a72: measured, internal"),
        ({"cells": {"a72": ("measured",) * 2, "a76": (LOST, "internal")}}, "a76: gateway-lost, internal"),
        ({"code": 0}, "ended with 0"),
        ({"resumed": (3, False)}, "resumed"),
        ({"resumed": (0, False)}, "resumed"),
        ({"again": ("a76 fp32",)}, "twice: a76 fp32"),
        ({"left": ("blow-1: 9 ray::IDLE",)}, "left: blow-1"),
    ],
)
def test_what_it_may_not_cost_is_told(lie: dict[str, Any], told: str) -> None:
    (wrong,) = replace(GATEWAY, **lie).wrong
    assert told in wrong


def test_a_gateway_costs_no_other_site() -> None:
    cells: dict[str, tuple[str, ...]] = {"a72": (LOST, "measured"), "a76": (LOST, LOST)}
    told = {name: f"○ {name}: free" for name in cells}
    assert replace(GATEWAY, cells=cells, told=told).wrong == ["2 devices lost cells, not 1"]


def test_each_is_played() -> None:
    struck = {(blow.gateway, blow.number) for blow in BLOWS}
    assert struck == {(True, signal.SIGKILL), (True, signal.SIGSTOP), (False, signal.SIGSTOP)}
