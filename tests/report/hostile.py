"""A run in which every string that others supply tries to break out of the report."""

from harness.errors import Code, Problem
from harness.evidence import Operator
from harness.results import CellResult, ModelResult, Peers, RunResults, Status, Verdict

from .builders import broken, devices, explained, key, measured, results

EVIL = "a|b\r\n# H <script>alert(1)</script> `c` [x](http://evil.example) ![i](//e) @you "
EVIL += "\x1b[31mred \u202egnp \x00 \ud800 *b* _i_ &lt;"


def _everywhere(cell: CellResult) -> CellResult:
    full = explained(cell)
    assert full.split is not None
    assert full.certainty is not None
    assert full.effective is not None
    operator = Operator(name=EVIL, type=EVIL, share=0.5)
    return full.model_copy(
        update={
            "split": full.split.model_copy(update={"note": EVIL}),
            "certainty": full.certainty.model_copy(update={"method": EVIL}),
            "peers": Peers(equal=(EVIL,), unequal=(EVIL,), odd=EVIL),
            "effective": full.effective.model_copy(update={"note": EVIL, "fallbacks": (operator,)}),
            "shared_with": key(EVIL, EVIL, EVIL, EVIL),
            "expected": EVIL,
        }
    )


def hostile() -> RunResults:
    first, *others = devices()
    evil_device = first.model_copy(
        update={"labels": {"core": EVIL}, "fingerprint": {**first.fingerprint, "kernel": EVIL, "load": float("nan")}}
    )
    cells: tuple[CellResult, ...] = (
        _everywhere(measured(key("pi5-01", "fp32", EVIL), Verdict.FAIL, reason=EVIL)),
        broken(key("pi5-01", "fp16", EVIL), Problem(Code.CHILD_CRASHED, EVIL, EVIL)),
        CellResult(key=key("a72-01", "fp32", EVIL), status=Status.UNSUPPORTED, verdict=Verdict.NA, reason="=cmd()"),
    )
    model = ModelResult(name=EVIL, source=EVIL, sha256=EVIL, samples=1, labelled=True, warnings=(EVIL,))
    changes = {
        "rejudged": (EVIL,),
        "devices": (evil_device, *others),
        "models": (model,),
        "cells": cells,
        "versions": {EVIL: EVIL},
    }
    return results(**changes)
