"""One way to make a Markdown table."""

from collections.abc import Iterable, Sequence

from tabulate import tabulate


def table(headings: Sequence[str], rows: Iterable[Sequence[str]], right: Iterable[int] = ()) -> str:
    """Return a GitHub table of cells that are escaped already; `right` are the columns aligned right."""
    aligned = set(right)
    align = ["right" if index in aligned else "left" for index in range(len(headings))]
    # Numbers come formatted: tabulate must not parse them again (it would turn 0.10 into 0.1).
    body = [list(row) for row in rows]
    return tabulate(body, headers=list(headings), tablefmt="github", disable_numparse=True, colalign=align)
