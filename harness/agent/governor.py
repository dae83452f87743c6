"""The frequency governor, set where the inventory asks for it and put back however the agent ends.

What stood there is written down in the workdir first. A keeper, a process of its own, puts it back as soon as the
agent has gone, killed or not; where the keeper is killed as well, the next agent does. (A reboot does it anyway.)
"""

import json
import os
import signal
import sys
from typing import Dict

from harness.agent.failures import AgentError
from harness.agent.sensors import names, text
from harness.agent.starting import start

_NOTE = "governor.json"
_POLICIES = "sys/devices/system/cpu/cpufreq"
_FILE = "scaling_governor"


def hold(wanted: str, workdir: str, lease: int, root: str = "/") -> None:
    """Set the governor of every frequency policy to `wanted` until this process ends.

    The keeper holds `lease` too: nobody gets the board before all is as it was.

    Raises:
        AgentError: governor-refused, there is none, it does not know `wanted`, or it may not be written.
    """
    found = current(root)
    if not found:
        raise AgentError("governor-refused", "the device has no frequency governor that can be read")
    for policy in found:
        offered = text(os.path.join(root, _POLICIES, policy), "scaling_available_governors").split()
        if offered and wanted not in offered:
            raise AgentError("governor-refused", "%s has no governor %r, only %s" % (policy, wanted, offered))
    _write_down(found, workdir)
    _start_keeper(workdir, lease, root)
    for policy in found:
        try:
            _set(root, policy, wanted)
        except OSError as error:
            raise AgentError("governor-refused", "the governor of %s: %s" % (policy, error)) from error


def put_back(workdir: str, root: str = "/") -> None:
    """Put back what an agent that is gone has noted; what cannot be put back stays noted."""
    path = os.path.join(workdir, _NOTE)
    try:
        with open(path, encoding="utf-8") as file:
            noted = json.load(file)
        for policy, governor in noted.items():
            # The note lies in the workdir, where others may have written: only what is there now is set.
            if policy in current(root):
                _set(root, policy, str(governor))
        os.unlink(path)
    except (OSError, ValueError, AttributeError):
        pass


def current(root: str = "/") -> Dict[str, str]:
    """Return the governor of every frequency policy that tells."""
    base = os.path.join(root, _POLICIES)
    policies = [name for name in names(base) if name.startswith("policy") and name[6:].isdigit()]
    found = {policy: text(os.path.join(base, policy), _FILE) for policy in policies}
    return {policy: governor for policy, governor in found.items() if governor}


def keep(workdir: str, root: str) -> None:
    """Wait for the end of the agent, which is the end of descriptor 0, and put back; the keeper's main function."""
    for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT):
        signal.signal(number, signal.SIG_IGN)
    while os.read(0, 1):
        pass
    put_back(workdir, root)


def _start_keeper(workdir: str, lease: int, root: str) -> None:
    import subprocess  # slow to import, and few ask for a governor

    # The end that stays here is never closed: the kernel does that when the agent ends, in whatever way.
    heard, _ = os.pipe()
    command = [sys.executable, "-I", "-S", "-B", sys.argv[0], "--keeper", workdir, root]
    null = subprocess.DEVNULL
    start(command, stdin=heard, stdout=null, stderr=null, pass_fds=(lease,), start_new_session=True)
    os.close(heard)


def _write_down(found: Dict[str, str], workdir: str) -> None:
    path = os.path.join(workdir, _NOTE)
    with open(path + ".part", "w", encoding="utf-8") as file:
        json.dump(found, file)
        file.flush()
        os.fsync(file.fileno())
    os.replace(path + ".part", path)


def _set(root: str, policy: str, governor: str) -> None:
    with open(os.path.join(root, _POLICIES, policy, _FILE), "r+", encoding="utf-8") as file:
        file.write(governor)
        file.truncate()
