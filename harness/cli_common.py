"""What all commands of `farm` share: kinds of paths, and where results are shown."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from rich.console import Console

YAML = click.Path(path_type=Path, dir_okay=False)
FOLDER = click.Path(path_type=Path, file_okay=False)


def console() -> "Console":
    """Return what results are shown on."""
    from rich.console import Console

    return Console()
