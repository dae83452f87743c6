"""Each planted cause by the command line: named first, foretold by the lint, repaired, isolated by mixed precision.

`test_diagnosis` goes all the ways with the fifth, a vanishing epsilon.
"""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.boards import running_fleet
from tests.diagnose.planted import Cause
from tests.diagnose.treated_plants import BOARD, Found, Plant, measured

pytestmark = pytest.mark.e2e

POSITION = 1
CAUSES = (Cause.ACCUMULATION, Cause.OVERFLOW, Cause.POOLING, Cause.OUTLIER)


def treated(folder: Path, causes: tuple[Cause, ...]) -> list[Found]:
    folder.mkdir()
    with running_fleet(folder / "fleet", (BOARD,)) as fleet:
        plants = [Plant(cause, POSITION) for cause in causes]
        return measured(plants, folder, folder / "run", fleet.inventory, probes=3)


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> dict[Cause, Found]:
    """Treat half of them on one board and half on another, at once."""
    folder = tmp_path_factory.mktemp("planted")
    with ThreadPoolExecutor() as pool:
        halves = pool.map(treated, (folder / "one", folder / "two"), (CAUSES[:2], CAUSES[2:]))
        return {one.plant.cause: one for half in halves for one in half}


@pytest.mark.parametrize("cause", CAUSES)
def test_a_planted_cause_is_named_foretold_repaired_and_isolated(found: dict[Cause, Found], cause: Cause) -> None:
    one = found[cause]
    assert one.named
    assert one.foretold
    assert one.repair is not None
    assert one.plan is not None if one.mixes else one.plan is None
