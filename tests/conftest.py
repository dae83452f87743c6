"""Fixtures that all test folders share, and hypothesis with the same cases in every run.

A merge request should not fail by a case that another change made possible; HYPOTHESIS_PROFILE=random looks for new
ones.
"""

import os

from hypothesis import settings

pytest_plugins = ["tests.boards"]

settings.register_profile("steady", derandomize=True)
settings.register_profile("random")
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "steady"))
