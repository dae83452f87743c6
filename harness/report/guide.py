"""The page that explains every word of a report; it is written beside report.md."""

from importlib.resources import files
from typing import Final

GUIDE: Final = "how-to-read-a-verdict.md"


def guide() -> str:
    """Return the page, the same for every run."""
    return files("harness.report").joinpath(GUIDE).read_text(encoding="utf-8")
