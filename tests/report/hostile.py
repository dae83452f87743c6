"""A run in which every string that others supply tries to break out of the report."""

from harness.errors import Code, Problem
from harness.results import CellResult, ModelResult, RunResults, Status, Verdict

from .builders import broken, devices, key, measured, results

EVIL = "a|b\r\n# H <script>alert(1)</script> `c` [x](http://evil.example) ![i](//e) @you "
EVIL += "\x1b[31mred \u202egnp \x00 \ud800 *b* _i_ &lt;"


def hostile() -> RunResults:
    first, *others = devices()
    evil_device = first.model_copy(
        update={"labels": {"core": EVIL}, "fingerprint": {**first.fingerprint, "kernel": EVIL, "load": float("nan")}}
    )
    cells: tuple[CellResult, ...] = (
        measured(key("pi5-01", "fp32", EVIL), Verdict.FAIL, reason=EVIL),
        broken(key("pi5-01", "fp16", EVIL), Problem(Code.CHILD_CRASHED, EVIL, EVIL)),
        CellResult(key=key("a72-01", "fp32", EVIL), status=Status.UNSUPPORTED, verdict=Verdict.NA, reason="=cmd()"),
    )
    model = ModelResult(name=EVIL, source=EVIL, sha256=EVIL, samples=1, labelled=True)
    changes = {"devices": (evil_device, *others), "models": (model,), "cells": cells, "versions": {EVIL: EVIL}}
    return results(**changes)
