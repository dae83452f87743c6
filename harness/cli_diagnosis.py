"""The commands of `farm` on why accuracy is lost and what repairs it; thin, as `harness.cli` is."""

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, NoReturn

import click

from harness.cli_common import FOLDER, YAML, console


class _Numbers(click.ParamType[tuple[float, ...]]):
    """Numbers with commas between them, one a channel."""

    name = "numbers"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> tuple[float, ...]:
        if isinstance(value, tuple):
            return value
        try:
            return tuple(float(part) for part in value.split(","))
        except ValueError:
            self.fail(f"{value!r} is not a list of numbers like 0.485,0.456,0.406.", param, ctx)


_reach = (
    click.option("-i", "--inventory", type=YAML, help="YAML file that reaches the devices; else as in the run."),
    click.option("-e", "--experiment", type=YAML, help="The run's experiment, where its file has moved."),
    click.option("--ray-address", metavar="ADDRESS", help="Join a Ray cluster instead of starting Ray here."),
)


def _reaching(command: Callable[..., NoReturn]) -> Callable[..., NoReturn]:
    for option in reversed(_reach):
        command = option(command)
    return command


@click.command()
@click.argument("folder", type=FOLDER)
@click.option("--device", required=True, help="The cell's device.")
@click.option("--model", required=True, help="The cell's model.")
@click.option("--precision", required=True, help="The cell's precision.")
@click.option("--engine", metavar="VERSION", help="The cell's MNN version, where the run has several.")
@click.option("--images", type=click.IntRange(1, 32), default=4, show_default=True, help="Images looked into.")
@click.option("--again", is_flag=True, help="Look again, although the cell was explained before.")
@_reaching
def explain(*, folder: Path, images: int, again: bool, **options: Any) -> NoReturn:
    """Say where and why a cell's numbers leave those of fp32, by a closer look at its device.

    FOLDER is the -o folder of a `farm run`. Every operator's output is compared on the device with that of fp32, for
    the images that matter (flipped ones first), and every block of the model is run in the cell's precision alone.
    What is found is kept in FOLDER and becomes part of report.md, with a picture of the error along the network.

    \b
    Why is fp16 wrong there:      farm explain reports/first --device pi5-01 --model my-b1 --precision fp16

    Exit codes: 0 explained, 2 wrong input, 3 the device could not be looked into, 130 interrupted.
    """  # noqa: D301 - click looks for the character itself
    from harness.commands.explain import Named, explain_command
    from harness.commands.subject import Reach

    reach = Reach(*(options.pop(name) for name in ("inventory", "experiment", "ray_address")))
    sys.exit(explain_command(folder, Named(**options), reach, console(), images=images, again=again))


@click.command()
@click.argument("folder", type=FOLDER)
@click.option("--device", help="Only cells of this device.")
@click.option("--model", help="Only cells of this model.")
@click.option("--precision", help="Cells of this precision, also those that pass.")
@click.option("--engine", "engines", multiple=True, metavar="VERSION", help="Another MNN version to try; repeatable.")
@click.option("--probes", type=click.IntRange(0, 64), default=8, show_default=True, help="Mixed plans to try.")
@click.option("--minutes", type=click.FloatRange(1, 10_000), default=60, show_default=True, help="For each cell.")
@_reaching
def remedy(*, folder: Path, probes: int, minutes: float, **options: Any) -> NoReturn:
    """Try what may repair the cells of a run that lose accuracy, on the devices themselves.

    FOLDER is the -o folder of a `farm run`. Tried are, cheapest first: run-time hints, rewrites of the graph, other
    weights, sensitive layers kept float, other engines (--engine), mixed precision (searched), what everybody
    advises (8-bit weights, memory low), and fp32. Each is measured and judged like any other cell. What passes is
    recommended with the converter's flags and the run-time configuration to paste; a plan of mixed precision comes
    as a file that `farm run` takes, and as a program that needs MNN and numpy only.

    \b
    Repair all that fails:        farm remedy reports/first
    Get closer than fp16:         farm remedy reports/first --device pi5-01 --precision fp16
    Would an upgrade help:        farm remedy reports/first --engine 3.2.0

    What was measured is kept: the same command goes on where it was interrupted.
    Exit codes: 0 each cell has a repair that passes, 1 some have none, 2 wrong input, 3 incomplete, 130 interrupted.
    """  # noqa: D301 - click looks for the character itself
    from harness.commands.remedy import Chosen, remedy_command
    from harness.commands.subject import Reach
    from harness.diagnose.treating import Budget

    reach = Reach(*(options.pop(name) for name in ("inventory", "experiment", "ray_address")))
    sys.exit(remedy_command(folder, Chosen(**options), reach, Budget(probes, minutes), console()))


@click.command()
@click.argument("model", metavar="MODEL")
@click.option(
    "--samples", type=click.Path(path_type=Path), help="Folder of images, or .npz file with x (and y), as in a run."
)
@click.option("--size", type=click.IntRange(8, 4096), help="Pixels, where the model's own height and width are open.")
@click.option("--mean", type=_Numbers(), help="Of the images' channels, 0..1: 0.485,0.456,0.406 (default: ImageNet).")
@click.option("--std", type=_Numbers(), help="The images are divided by it: 0.229,0.224,0.225 (default: ImageNet).")
@click.option(
    "-o", "--out", type=click.Path(path_type=Path, dir_okay=False), help="Write the Markdown to a file too."
)
def lint(
    *,
    model: str,
    samples: Path | None,
    size: int | None,
    mean: tuple[float, ...] | None,
    std: tuple[float, ...] | None,
    out: Path | None,
) -> NoReturn:
    """Foretell where a model will lose accuracy in fp16, 8 and 4 bits; needs no device.

    MODEL is an .onnx file, or the name of a bundled model, which has samples of its own. It is run in fp32 on eight
    samples here. What MNN's float16 kernels and weight quantisation would make of the numbers is replayed, operator
    by operator: sums in float16 accumulators, Winograd, pooling, constants that vanish, values beyond 65504, weights
    of one channel that differ too much. Told is the size of each hazard, where it is, why, and what to do.

    A prediction is no measurement: `farm run` judges on the devices, and its report says how good the lint was.

    \b
    A bundled model:              farm lint efficientvit_b0
    Your own, with your images:   farm lint model.onnx --samples val/ --mean 0.5,0.5,0.5 --std 0.5,0.5,0.5
    Arrays ready for the model:   farm lint model.onnx --samples samples.npz -o hazards.md

    Exit codes: 0 looked at, whatever was found; 2 wrong input; 3 onnxruntime cannot run the model.
    """  # noqa: D301 - click looks for the character itself
    from harness.commands.lint import SampleOptions, lint_command

    sys.exit(lint_command(model, SampleOptions(samples, size, mean, std), out, console()))
