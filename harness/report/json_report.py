"""results.json: the judged run for other programs; its schema is results.schema.json beside this file."""

import json
import math
from importlib.resources import files
from typing import Any, cast

from harness.results import CellResult, DeviceResult, Effective, RunResults

SCHEMA = "farm-results/1"


def render(results: RunResults) -> str:
    """Return results.json: strict JSON; numbers that are not finite become null."""
    return json.dumps(document(results), indent=1, allow_nan=False) + "\n"


def schema() -> dict[str, Any]:
    """Return the JSON schema of results.json."""
    text = files("harness.report").joinpath("results.schema.json").read_text(encoding="utf-8")
    return cast("dict[str, Any]", json.loads(text))


def document(results: RunResults) -> dict[str, Any]:
    """Return results.json as Python values."""
    shown = {
        "schema": SCHEMA,
        "run": _run(results),
        "devices": [_device(device) for device in results.devices],
        "models": [model.model_dump() for model in results.models],
        "precisions": list(results.precisions),
        "engines": list(results.engines),
        "cells": [_cell(cell) for cell in results.cells],
    }
    return cast("dict[str, Any]", _strict(shown))


def _run(results: RunResults) -> dict[str, Any]:
    return {
        "id": results.id,
        "started": results.started,
        "wall_s": results.wall_s,
        "complete": results.complete,
        "harness": results.harness,
        "thresholds": results.thresholds.model_dump(),
        "confidence": results.confidence,
        "rejudged": list(results.rejudged),
        "counts": dict(sorted(results.counts.items())),
        "versions": dict(sorted(results.versions.items())),
    }


def _device(device: DeviceResult) -> dict[str, Any]:
    return {
        "name": device.name,
        "kind": device.kind,
        "emulated": device.emulated,
        "labels": dict(sorted(device.labels.items())),
        "fingerprint": dict(sorted(device.fingerprint.items())),
        "sent_bytes": device.sent_bytes,
        "error": device.failure.problem.to_json() if device.failure else None,
    }


def _cell(cell: CellResult) -> dict[str, Any]:
    return {
        **cell.key.model_dump(),
        "status": cell.status.value,
        "verdict": cell.verdict.value,
        "cause": cell.cause.value if cell.cause else None,
        "reason": cell.reason,
        "effective": _effective(cell.effective) if cell.effective else None,
        "metrics": cell.metrics.model_dump() if cell.metrics else None,
        "timing": cell.timing.model_dump() if cell.timing else None,
        "certainty": cell.certainty.model_dump() if cell.certainty else None,
        "split": cell.split.model_dump() if cell.split else None,
        "peers": cell.peers.model_dump() if cell.peers else None,
        "flips": [flip.model_dump() for flip in cell.flips],
        "numeric": cell.numeric.model_dump() if cell.numeric else None,
        "condition": cell.condition.model_dump() if cell.condition else None,
        "shared_with": cell.shared_with.model_dump() if cell.shared_with else None,
        "expected": cell.expected,
        "variant": cell.variant,
        "error": cell.failure.problem.to_json() if cell.failure else None,
    }


def _effective(found: Effective) -> dict[str, Any]:
    return {**found.model_dump(), "proof": list(found.proof)}


def _strict(value: object) -> object:
    """Turn anything into what strict JSON holds."""
    if isinstance(value, dict):
        return {str(key): _strict(part) for key, part in value.items()}
    if isinstance(value, list | tuple):
        return [_strict(part) for part in value]
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    return value if value is None or isinstance(value, str | int) else str(value)
