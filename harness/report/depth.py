"""The picture of an explained cell: the error along the depth of the network."""

import hashlib
import io
import math
from collections.abc import Sequence

from harness.diagnosis import Diagnosis, Explanation, Point
from harness.report.text import plain, xml

_SMALLEST = 1e-5
_LONGEST_NAME = 60
_HATCHED = "0.93"


def picture_name(found: Explanation) -> str:
    """Return the file of an explanation's picture, beside report.md."""
    return f"explain-{hashlib.sha256(str(found.key).encode()).hexdigest()[:12]}.svg"


def pictures(diagnosis: Diagnosis) -> dict[str, str]:
    """Return the picture of every explanation that has one, by file name; equal findings give equal bytes."""
    return {picture_name(one): picture(one) for one in diagnosis.explanations if one.drawn}


def picture(found: Explanation) -> str:
    """Return an SVG picture: each operator's error so far, and the error made in it, over the operators in order."""
    import matplotlib as mpl
    from matplotlib.figure import Figure

    # Without these the bytes would differ from run to run.
    with mpl.rc_context({"svg.hashsalt": "farm", "svg.fonttype": "none", "font.family": "sans-serif"}):
        figure = Figure(figsize=(9.0, 3.6), layout="constrained")
        axes = figure.subplots()
        places = range(len(found.depth))
        axes.semilogy(places, _drawn([one.error for one in found.depth]), linewidth=1.2, label="error so far")
        made = _drawn([one.made for one in found.depth])
        axes.semilogy(places, made, ".", markersize=3, label="made in the operator")
        for number, (first, last, name) in enumerate(_spans(found.depth)):
            if number % 2:
                axes.axvspan(first - 0.5, last + 0.5, color=_HATCHED, linewidth=0)
            # Names come from the model's file: `$` must start no formula, and a picture is XML.
            axes.text(
                (first + last) / 2,
                1.02,
                xml(plain(name, _LONGEST_NAME)),
                transform=axes.get_xaxis_transform(),
                fontsize=5,
                rotation=30,
                parse_math=False,
            )
        axes.set_xlabel("operators in the order in which they run")
        axes.set_ylabel("relative L2 error")
        axes.legend(loc="lower right", fontsize=7)
        written = io.StringIO()
        figure.savefig(written, format="svg", metadata={"Date": None, "Creator": None})
    return written.getvalue()


def _drawn(errors: Sequence[float | None]) -> list[float]:
    """Return errors on a logarithmic scale; what is not known is a gap, what is not finite stands at the top."""
    finite = [error for error in errors if error is not None and math.isfinite(error)]
    top = 10 * max(finite, default=1.0)
    return [math.nan if error is None else max(_SMALLEST, min(error, top)) for error in errors]


def _spans(points: Sequence[Point]) -> list[tuple[int, int, str]]:
    """Return the blocks that follow one another: first and last place, and name."""
    spans: list[tuple[int, int, str]] = []
    for place, point in enumerate(points):
        if spans and point.block in ("", spans[-1][2]):
            spans[-1] = (spans[-1][0], place, spans[-1][2])
        else:
            spans.append((place, place, point.block))
    return spans
