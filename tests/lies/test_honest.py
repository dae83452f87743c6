"""Without a lie the field gives PASS: else it would prove nothing that no lie does."""

from harness.results import Verdict
from tests.lies.field import IMAGES, Told


def test_the_truth_passes(honest: Told) -> None:
    cell = honest.cell()
    assert (cell.verdict, cell.failure) == (Verdict.PASS, None), cell
    assert cell.metrics is not None
    assert cell.metrics.top1_agreement == 1.0
    assert cell.metrics.reference_accuracy is not None
    assert abs(cell.metrics.reference_accuracy - 0.9) < 0.06  # of the images before the verdict was certain
    assert 100 <= cell.metrics.images <= IMAGES
    assert honest.results.models[0].warnings == ()
