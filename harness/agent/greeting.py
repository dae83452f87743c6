"""What hello brings about: the lease is taken, what a killed agent left is swept away, facts are told."""

import os

from harness.agent import governor, lease, tidy
from harness.agent.facts import facts
from harness.agent.failures import AgentError, from_os_error
from harness.agent.frames import Header
from harness.agent.zygotes import Zygotes

VERSION = 1


def greet(workdir: str, zygotes: Zygotes, header: Header, root: str = "/") -> Header:
    """Take the lease that `header` names, unless it is held already, and hand it to `zygotes`; answer with facts.

    The governor is set where the header names one; `root` replaces / for what lies below /proc and /sys.

    Raises AgentError: device-busy while another run holds the lease; governor-refused; by its errno where the
    workdir cannot be used.
    """
    try:
        os.makedirs(os.path.join(workdir, "tmp"), mode=0o700, exist_ok=True)
    except OSError as error:
        raise from_os_error(error, "the workdir %s" % workdir) from error
    if zygotes.lease < 0:
        taken = lease.take(header["lease"], str(header["run"]), str(header["holder"]), str(header.get("device", "")))
        try:
            tidy.leftovers(workdir)
            governor.put_back(workdir, root)
            if header.get("governor") is not None:
                governor.hold(str(header["governor"]), workdir, taken, root)
        except OSError as error:
            os.close(taken)
            raise from_os_error(error, "setting the governor") from error
        except AgentError:
            os.close(taken)  # who was refused must not keep others out
            raise
        zygotes.lease = taken
    return {"agent": VERSION, "facts": facts(workdir, root)}
