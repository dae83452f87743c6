"""What a cell answers: numbers, timings, proofs, and refusals that leave the agent as it was."""

import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from harness.evidence import Health
from tests.agent.models import IMAGES, MEAN, PIXELS, SAMPLES, STD, Model, maps_and_classes
from tests.agent.processes import child_of
from tests.agent.served import FP16, FP32, Served, first_output, npy


@pytest.fixture(autouse=True)
def _close(served: Served) -> object:
    yield
    served.close()


def test_engine_says_what_it_is(served: Served) -> None:
    assert served.engine["engine"] == "3.6.1"
    assert served.engine["banner"].startswith("The device supports: i8sdot:")
    assert served.engine["numpy"].count(".") == 2
    assert served.engine["unpacked"] is False


def test_numbers_are_those_of_onnxruntime(served: Served, reference: NDArray[np.float32]) -> None:
    assert served.open()["load_ms"] > 0
    reply = served.infer()
    assert reply["outputs"] == [{"name": "logits", "shape": [IMAGES, 10], "dtype": "float32"}]
    assert len(reply["infer_ms"]) == IMAGES
    assert all(elapsed > 0 for elapsed in reply["infer_ms"])
    np.testing.assert_allclose(first_output(reply), reference, rtol=1e-5, atol=1e-5)
    assert np.ptp(reference) > 0.1  # or the comparison would prove nothing


def test_parts_of_a_batch_are_the_batch(served: Served) -> None:
    served.open()
    whole = first_output(served.infer())
    parts = [first_output(served.infer(first=first, count=2)) for first in (0, 2, 4)]
    assert np.concatenate(parts).tobytes() == whole.tobytes()


def test_float_batches_are_used_as_they_are(served: Served, reference: NDArray[np.float32]) -> None:
    served.open()
    batch = served.agent.store(npy(SAMPLES))
    reply = served.infer(batch=batch, mean=[], std=[])
    np.testing.assert_allclose(first_output(reply), reference, rtol=1e-5, atol=1e-5)


def test_grey_images_are_repeated_to_the_channels(served: Served, model: Model) -> None:
    served.open()
    grey = PIXELS[:2, :1]
    repeated = np.repeat(grey, 3, axis=1).astype(np.float32) / np.float32(255)
    mean, std = (np.array(values, np.float32).reshape(1, 3, 1, 1) for values in (MEAN, STD))
    reply = served.infer(batch=served.agent.store(npy(grey)), count=2)
    np.testing.assert_allclose(first_output(reply), model.reference((repeated - mean) / std), rtol=1e-5, atol=1e-5)


def test_tensors_that_the_engine_keeps_in_its_own_layout(served: Served, model: Model) -> None:
    # Four channels side by side: read as it is, such a tensor has the right shape and scrambled numbers.
    served.open(outputs=["gated"])
    found = first_output(served.infer(count=2))
    np.testing.assert_allclose(found, model.reference(SAMPLES[:2], "gated"), rtol=1e-4, atol=1e-4)


def test_several_outputs_of_several_types(served: Served, tmp_path: Path) -> None:
    model = maps_and_classes(tmp_path)
    served.open(model=served.agent.store(model.mnn), outputs=list(model.outputs))
    reply = served.infer(count=2)
    maps, classes = reply["outputs"]
    assert (maps["name"], maps["shape"], maps["dtype"]) == ("maps", [2, 10, 16, 16], "float32")
    assert (classes["name"], classes["shape"], classes["dtype"]) == ("class", [2], "int32")
    found = first_output(reply)
    np.testing.assert_allclose(found, model.reference(SAMPLES[:2]), rtol=1e-4, atol=1e-5)
    numbers = np.frombuffer(reply.payload[maps_size(maps) :], np.int32)
    assert numbers.tolist() == found.mean(axis=(2, 3)).argmax(axis=1).tolist()


def maps_size(described: dict[str, Any]) -> int:
    return 4 * int(np.prod(described["shape"]))


def test_probe_of_full_precision(served: Served) -> None:
    served.open()
    probe = served.probe()
    assert probe["session_equals_module"] is True
    assert probe["tensors"] >= 4
    assert probe["half_tensors"] == 0
    assert probe["half_flops_share"] == 0
    assert probe["session_memory_mb"] > 0
    assert probe["equals_high"] is None
    assert probe["half_tensors_high"] is None


def test_probe_of_a_precision_that_is_not_in_effect_here(served: Served) -> None:
    # x86 has no fp16 kernels; SiLU and sigmoid may be approximated under `low`, so values are not compared.
    served.open(runtime=FP16)
    probe = served.probe()
    assert probe["session_equals_module"] is True
    assert probe["half_tensors"] == 0
    assert probe["half_tensors_high"] == 0
    assert probe["equals_high"] in (True, False)


def test_probe_compares_with_the_module_that_was_measured(served: Served) -> None:
    served.open(runtime={**FP32, "precision": 0})
    assert served.probe()["equals_high"] is True


def test_times(served: Served) -> None:
    served.open()
    first = served.infer(count=1)["infer_ms"][0]
    timed = served.ask("time", index=0, warmup=2, repeats=5)
    assert timed["first_ms"] == first
    assert len(timed["samples_ms"]) == 5
    assert [set(state) for state in timed["health"]] == [set(Health.model_fields)] * 2
    assert min(timed["samples_ms"]) > 0
    assert timed["output_unchanged"] is True


def test_close_tells_the_memory_and_frees_the_name(served: Served) -> None:
    served.open()
    assert 10 < served.close()["max_rss_mb"] < 2000
    assert served.ask("infer", first=0, count=1).code == "child-killed"
    assert served.open().ok


def test_cpus_are_those_asked_for(served: Served) -> None:
    only = min(os.sched_getaffinity(0))
    served.open(cpus=[only])
    assert os.sched_getaffinity(child_of(served.agent.process.pid)) == {only}


@pytest.mark.parametrize("with_one_that_is_there", [False, True])
def test_cpus_that_are_not_there(served: Served, with_one_that_is_there: bool) -> None:
    # Of several cores the kernel gives those that are there, and says nothing of the others.
    there = sorted(os.sched_getaffinity(0))
    refused = served.open(cpus=[*there[:with_one_that_is_there], 1000, 1001])
    assert refused.code == "cores-absent"
    assert f"no cores [1000, 1001] for us, only {there}" in refused.message
    assert served.open("next").ok
    assert served.close("next").ok


def test_hints_reach_the_engine(served: Served, reference: NDArray[np.float32]) -> None:
    # Without Winograd (hint 3, level 0) a 3x3 convolution adds in another order, which the last bits show.
    served.open(hints=[[3, 0]])
    hinted = first_output(served.infer())
    probe = served.probe()
    served.close()
    served.open()
    plain = first_output(served.infer())
    assert (hinted != plain).any()
    np.testing.assert_allclose(hinted, reference, rtol=1e-4, atol=1e-4)
    assert probe["session_equals_module"] is True
    assert probe["equals_high"] is False


@pytest.mark.parametrize("backend", [2, 3, 5, 7, 99])
def test_missing_backends_are_named(served: Served, backend: int) -> None:
    refused = served.open(runtime={**FP32, "backend": backend})
    assert refused.code == "no-backend"


@pytest.mark.parametrize(
    "runtime", [{**FP32, "precision": "low"}, {**FP32, "Precision": 2}, {**FP32, "memory": True}, {"backend": 0}]
)
def test_what_the_engine_would_ignore_is_refused(served: Served, runtime: dict[str, object]) -> None:
    assert served.open(runtime=runtime).code == "protocol"


@pytest.mark.parametrize("content", [b"", b"not a model", b"\0" * 4096])
def test_files_that_are_no_models(served: Served, content: bytes) -> None:
    refused = served.open(model=served.agent.store(content))
    assert refused.code in ("model-load-failed", "child-crashed")
    served.close()
    assert served.open().ok


def test_outputs_that_the_model_has_not(served: Served) -> None:
    # The engine takes any name; whatever it does then is a failure of this cell alone.
    reply = served.open(outputs=["nonsense"])
    if reply.ok:
        reply = served.infer(count=1)
    assert reply.code in ("model-load-failed", "inference-failed", "child-crashed")


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"first": IMAGES}, "inference-failed"),
        ({"first": -1}, "inference-failed"),
        ({"count": IMAGES + 1}, "inference-failed"),
        ({"count": 0}, "protocol"),
        ({"mean": [0.5]}, "inference-failed"),
        ({"batch": "0" * 64}, "store-corrupt"),
        ({"batch": "../../etc/passwd"}, "protocol"),
    ],
)
def test_images_that_are_not_there(served: Served, changes: dict[str, Any], code: str) -> None:
    served.open()
    assert served.ask("infer", **{"first": 0, "count": 1, **changes}).code == code
    assert served.infer().ok


@pytest.mark.parametrize("array", [np.zeros(4, np.float32), np.zeros((2, 3, 16, 16), np.float64)])
def test_batches_of_another_kind(served: Served, array: NDArray[np.float64]) -> None:
    served.open()
    assert served.infer(batch=served.agent.store(npy(array)), count=1).code == "inference-failed"


def test_pickles_are_not_loaded(served: Served) -> None:
    import io
    import pickle

    buffer = io.BytesIO()
    np.save(buffer, np.array([{"a": 1}], dtype=object), allow_pickle=True)
    served.open()
    for content in (buffer.getvalue(), pickle.dumps([1])):
        assert served.infer(batch=served.agent.store(content), count=1).code == "inference-failed"


def test_damaged_objects_are_noticed_and_dropped(served: Served, model: Model) -> None:
    path = served.workdir / "store" / served.model
    path.unlink()
    path.write_bytes(model.mnn[:-1] + bytes([model.mnn[-1] ^ 1]))
    assert served.open().code == "store-corrupt"
    assert served.agent.request("have", digests=[served.model])["missing"] == [served.model]
    assert served.agent.store(model.mnn) == served.model


def test_nothing_is_open_twice_or_without_time(served: Served) -> None:
    assert served.open().ok
    assert served.open().code == "protocol"
    assert served.open("other", deadline_s=0).code == "protocol"
    assert served.open("other", deadline_s="inf").code == "protocol"
    assert served.open("other", engine="9.9.9").code == "protocol"
    assert served.infer().ok


def test_requests_made_at_once_are_answered_in_order(served: Served) -> None:
    numbers = [served.send_open(), *(served.send("infer", first=i, count=1) for i in range(IMAGES))]
    replies = [served.agent.wait(number) for number in numbers]
    answers = np.concatenate([first_output(reply) for reply in replies[1:]])
    assert answers.tobytes() == first_output(served.infer()).tobytes()


def test_too_large_a_request_is_refused(served: Served) -> None:
    served.open()
    assert served.infer(mean=[0.0] * 100_000).code == "protocol"
    assert served.infer().ok
