"""Fixtures that all test folders share, hypothesis with the same cases in every run, and a Ctrl-C that is heard.

A merge request should not fail by a case that another change made possible; HYPOTHESIS_PROFILE=random looks for new
ones.
"""

import os
import signal

from hypothesis import settings

pytest_plugins = ["tests.boards"]

if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    # A shell starts its background jobs so, and what they start would be deaf to the Ctrl-C that tests send it.
    signal.signal(signal.SIGINT, signal.default_int_handler)

# Without deadlines: how long a case takes depends on who else is at work on the machine.
settings.register_profile("steady", derandomize=True, deadline=None)
settings.register_profile("random", deadline=None)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "steady"))
