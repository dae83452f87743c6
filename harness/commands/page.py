"""A Markdown page as the result of a command: into a file, if one is named, and onto the console."""

from pathlib import Path

from rich.console import Console

from harness.errors import Code, InputError
from harness.report.write import write_file


def publish_page(page: str, out: Path | None, console: Console) -> None:
    """Write a page to `out`, where that is given, and show it.

    Raises:
        InputError: bad-output-folder, `out` cannot be written.
    """
    if out is not None:
        try:
            write_file(out, page)
        except OSError as error:
            raise InputError(
                Code.BAD_OUTPUT_FOLDER, f"{out} cannot be written: {error}.", "Name another file with --out."
            ) from error
    console.print(page, end="", markup=False, highlight=False, soft_wrap=True, emoji=False)
