"""What is remembered between calls is forgotten between tests: a defect in how it is computed must not hide there."""

from collections.abc import Iterator

import pytest

from harness.judge.ladder import rung_bounds


@pytest.fixture(autouse=True)
def _nothing_remembered() -> Iterator[None]:
    rung_bounds.cache_clear()
    yield
    rung_bounds.cache_clear()
