"""The failure taxonomy: every failure has a code, somebody it is to be blamed on, and advice.

A failure travels as a value (`Problem`) wherever it is a result (a cell that could not be measured), and
as an exception (`FarmError`) wherever it ends what was being done. `harness.dispatch.lane` is the one
boundary that turns exceptions into problems.
"""

import traceback
from dataclasses import dataclass
from enum import StrEnum


class Blame(StrEnum):
    """Whose fault a failure is, and so who has to act."""

    USER = "user"
    DEVICE = "device"
    INFRASTRUCTURE = "infrastructure"
    HARNESS = "harness"


class Code(StrEnum):
    """Every way in which a cell, a device or a whole run can fail."""

    BAD_INVENTORY = "bad-inventory"
    BAD_EXPERIMENT = "bad-experiment"
    BAD_MODEL = "bad-model"
    BAD_SAMPLES = "bad-samples"
    BAD_OUTPUT_FOLDER = "bad-output-folder"
    RUN_CHANGED = "run-changed"
    NOTHING_TO_EXPLAIN = "nothing-to-explain"
    MACHINE_NOT_READY = "machine-not-ready"
    CONVERSION_FAILED = "conversion-failed"
    REFERENCE_FAILED = "reference-failed"
    HOST_KEY_UNKNOWN = "host-key-unknown"
    HOST_KEY_CHANGED = "host-key-changed"
    AUTHENTICATION_FAILED = "authentication-failed"
    DEVICE_UNREACHABLE = "device-unreachable"
    CONNECTION_LOST = "connection-lost"
    DEVICE_BUSY = "device-busy"
    DEVICE_UNFIT = "device-unfit"
    DEVICE_SET_ASIDE = "device-set-aside"
    GOVERNOR_REFUSED = "governor-refused"
    CORES_ABSENT = "cores-absent"
    PYTHON_MISSING = "python-missing"
    PYTHON_TOO_OLD = "python-too-old"
    LAUNCHER_FAILED = "launcher-failed"
    NO_WHEEL = "no-wheel"
    NO_BACKEND = "no-backend"
    WORKDIR_UNUSABLE = "workdir-unusable"
    DISK_FULL = "disk-full"
    STORE_CORRUPT = "store-corrupt"
    AGENT_DIED = "agent-died"
    ENGINE_START_FAILED = "engine-start-failed"
    CHILD_KILLED = "child-killed"
    CHILD_CRASHED = "child-crashed"
    OUT_OF_MEMORY = "out-of-memory"
    CELL_TIMEOUT = "cell-timeout"
    MODEL_LOAD_FAILED = "model-load-failed"
    INFERENCE_FAILED = "inference-failed"
    OUTPUT_MISMATCH = "output-mismatch"
    EVIDENCE_MISSING = "evidence-missing"
    PROTOCOL = "protocol"
    GATEWAY_LOST = "gateway-lost"
    NO_NODE_FOR_SITE = "no-node-for-site"
    INTERRUPTED = "interrupted"
    INTERNAL = "internal"


_TAXONOMY: dict[Code, tuple[Blame, str]] = {
    Code.BAD_INVENTORY: (Blame.USER, "Correct the inventory file at the lines named."),
    Code.BAD_EXPERIMENT: (Blame.USER, "Correct the experiment file at the lines named."),
    Code.BAD_MODEL: (Blame.USER, "Use a model with one float32 image input of fixed shape, as .onnx or .mnn."),
    Code.BAD_SAMPLES: (Blame.USER, "Check the samples section: files, labels and image size."),
    Code.BAD_OUTPUT_FOLDER: (Blame.USER, "Name a new or empty folder, or continue the old run with --resume."),
    Code.RUN_CHANGED: (Blame.USER, "Undo the change, or name the files as they were with -i and -e, or run again."),
    Code.NOTHING_TO_EXPLAIN: (Blame.USER, "Name a cell of the matrix that was measured as asked."),
    Code.MACHINE_NOT_READY: (Blame.USER, "Run `make setup`; it installs what is missing or says what to do."),
    Code.CONVERSION_FAILED: (Blame.HARNESS, "Read the converter's last lines; try another precision, or report it."),
    Code.REFERENCE_FAILED: (Blame.USER, "onnxruntime could not run the model; check that it runs there by itself."),
    Code.HOST_KEY_UNKNOWN: (Blame.USER, "Compare the key with the board's own, then add the line shown."),
    Code.HOST_KEY_CHANGED: (
        Blame.INFRASTRUCTURE,
        "Somebody may be in between. If the board was reinstalled, replace the old key by the line shown.",
    ),
    Code.AUTHENTICATION_FAILED: (
        Blame.USER,
        "Check user and identity_file; add the public key to the device's authorized_keys, or load it in the agent.",
    ),
    Code.DEVICE_UNREACHABLE: (
        Blame.INFRASTRUCTURE,
        "Check power, network, host and port; try `ssh` by hand from this machine.",
    ),
    Code.CONNECTION_LOST: (Blame.INFRASTRUCTURE, "Check the device's network and power, then `--resume`."),
    Code.DEVICE_BUSY: (Blame.INFRASTRUCTURE, "Wait until the holder named is done, then `--resume`."),
    Code.DEVICE_UNFIT: (Blame.DEVICE, "Cool, charge or relieve the device, or change its `health:`; `--resume`."),
    Code.DEVICE_SET_ASIDE: (Blame.DEVICE, "See to the failures before this one, then `--resume`."),
    Code.GOVERNOR_REFUSED: (
        Blame.USER,
        "Let the user write scaling_governor on the device (a udev rule), or leave `governor:` out.",
    ),
    Code.CORES_ABSENT: (Blame.USER, "Name cores that the device has in `cpus:`, or leave it out."),
    Code.PYTHON_MISSING: (Blame.DEVICE, "Install python3 on the device, or set `python:` or `launcher:`."),
    Code.PYTHON_TOO_OLD: (Blame.DEVICE, "Give the device Python 3.8 or newer and name it in `python:`."),
    Code.LAUNCHER_FAILED: (Blame.USER, "Run the launcher's words on the device by hand and correct `launcher:`."),
    Code.NO_WHEEL: (Blame.DEVICE, "Use a glibc userland (aarch64 or x86_64) with a Python that MNN has wheels for."),
    Code.NO_BACKEND: (Blame.DEVICE, "The engine's wheel has no such backend; measure with the CPU backend."),
    Code.WORKDIR_UNUSABLE: (Blame.DEVICE, "Name a `workdir:` that the user may write to."),
    Code.DISK_FULL: (Blame.DEVICE, "Free some space on the device, or move `workdir:`."),
    Code.STORE_CORRUPT: (Blame.INFRASTRUCTURE, "Bytes changed on the way; run again; check link and disk."),
    Code.AGENT_DIED: (Blame.DEVICE, "Look at the device's memory and its log (dmesg), then `--resume`."),
    Code.ENGINE_START_FAILED: (Blame.DEVICE, "MNN could not be imported on the device; read the message."),
    Code.CHILD_KILLED: (Blame.DEVICE, "Something on the device killed the process; look at dmesg."),
    Code.CHILD_CRASHED: (Blame.DEVICE, "The engine crashed in this configuration; avoid it and report it upstream."),
    Code.OUT_OF_MEMORY: (Blame.DEVICE, "Use a smaller model or batch, or free memory on the device."),
    Code.CELL_TIMEOUT: (Blame.DEVICE, "Raise `deadlines: {cell_s: …}` if the device is merely slow."),
    Code.MODEL_LOAD_FAILED: (Blame.DEVICE, "The engine on the device rejects this file; try another engine version."),
    Code.INFERENCE_FAILED: (Blame.DEVICE, "The engine on the device failed on these inputs; read the message."),
    Code.OUTPUT_MISMATCH: (Blame.DEVICE, "The device's outputs have another name, shape or type than the reference."),
    Code.EVIDENCE_MISSING: (Blame.HARNESS, "Evidence of this cell is missing or damaged; run again with --resume."),
    Code.PROTOCOL: (Blame.HARNESS, "The agent's answer could not be understood; read the message, then report it."),
    Code.GATEWAY_LOST: (Blame.INFRASTRUCTURE, "A gateway process ended; check that site's machine, then `--resume`."),
    Code.NO_NODE_FOR_SITE: (
        Blame.USER,
        "Start a Ray node at that site with the resource named, or remove the site from the inventory.",
    ),
    Code.INTERRUPTED: (Blame.USER, "Continue with `--resume`."),
    Code.INTERNAL: (Blame.HARNESS, "This is a defect of the farm; please report it with the journal."),
}


@dataclass(frozen=True, slots=True)
class Problem:
    """A failure as a value: what went wrong, whose fault it is, and what to do now."""

    code: Code
    message: str
    advice: str = ""

    @property
    def blame(self) -> Blame:
        """Who has to act, from the taxonomy."""
        return _TAXONOMY[self.code][0]

    @property
    def what_to_do(self) -> str:
        """The advice given, or else the taxonomy's."""
        return self.advice or _TAXONOMY[self.code][1]

    def to_json(self) -> dict[str, str]:
        """Return the `error` object of results.json."""
        return {
            "code": self.code.value,
            "blame": self.blame.value,
            "message": self.message,
            "advice": self.what_to_do,
        }

    def __str__(self) -> str:
        return f"{self.code} ({self.blame}): {self.message} {self.what_to_do}"


class FarmError(Exception):
    """A failure that ends what was being done; carries the problem as a value."""

    def __init__(self, code: Code, message: str, advice: str = "") -> None:
        super().__init__(message)
        self.problem = Problem(code, message, advice)

    def __reduce__(self) -> tuple[type["FarmError"], tuple[Code, str, str]]:
        # Without this an exception whose constructor takes more than a message does not unpickle.
        return type(self), (self.problem.code, self.problem.message, self.problem.advice)


class InputError(FarmError):
    """The user's input or machine is wrong and nothing was run (exit code 2)."""


class TransportError(FarmError):
    """The link to a device failed in a way that may pass; the only kind that is retried."""


class DeviceError(FarmError):
    """The device, or a process of ours on it, failed."""


def internal(error: BaseException) -> Problem:
    """Return a failure that nobody foresaw as a problem that says where it happened."""
    frames = traceback.extract_tb(error.__traceback__)
    where = f" ({frames[-1].filename}:{frames[-1].lineno}, {frames[-1].name})" if frames else ""
    return Problem(Code.INTERNAL, f"{type(error).__name__}: {error}{where}")
