"""Where the agent's processes start: the agent itself, an engine's zygote, or the keeper of the governor."""

import os
import signal
import sys


def main() -> None:
    """Run what the command line names."""
    if sys.argv[1:2] == ["--zygote"]:
        from harness.agent import zygote

        descriptor, engine, log, parent = sys.argv[2:6]
        zygote.main(int(descriptor), engine, log, int(parent))
        return
    if sys.argv[1:2] == ["--keeper"]:
        from harness.agent import governor

        governor.keep(*sys.argv[2:4])
        return
    serve(sys.argv[1])


def serve(workdir: str) -> None:
    """Run the agent on the descriptors it was started with."""
    from harness.agent.watchdog import Watchdog

    watchdog = Watchdog.start()  # before there are threads, which a fork would lose
    from harness.agent.server import Server  # a zygote has no use for it, and compiling it takes its time

    # The protocol gets descriptors of its own: whatever prints on 0 or 1 from now on is not heard.
    incoming, outgoing = os.dup(0), os.dup(1)
    null = os.open(os.devnull, os.O_RDWR)
    os.dup2(null, 0)
    os.dup2(null, 1)
    server = Server(workdir, incoming, outgoing, watchdog)
    for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT):
        signal.signal(number, _leave)
    signal.signal(signal.SIGPIPE, signal.SIG_IGN)
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)  # a login may have it ignored
    server.run()


def _leave(number: int, frame: object) -> None:
    del number, frame
    raise SystemExit(0)
