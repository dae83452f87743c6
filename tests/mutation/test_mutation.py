"""The score of mutation testing, and that it tells a defect that is noticed from one that is not."""

from pathlib import Path

import pytest

from tests.mutation.ground import Ground
from tests.mutation.score import Score, only_text


@pytest.mark.parametrize(
    ("change", "is_text"),
    [
        ('-    return "no"\n+    return "XXnoXX"', True),
        ("-    raise Error(Code.A, f'{x} of \\'y\\'')\n+    raise Error(Code.A, f'XX{x} of yXX')", True),
        ('-    raise Error(Code.A, "no")\n+    raise Error(Code.A, None)', False),
        ('-    raise Error(Code.A, "no")\n+    raise Error(None, "no")', False),
        ("-    return a < b\n+    return a <= b", False),
        ("", False),
    ],
)
def test_texts_are_told_from_code(change: str, is_text: bool) -> None:
    assert only_text(change) is is_text


def test_score_by_hand() -> None:
    changes = {"m.a": "-a < b\n+a > b", "m.b": '-"x"\n+"XXxXX"', "n.c": "-1\n+2"}
    outcomes = {"m.a": 0, "m.b": 0, "n.c": 33, "n.d": 1, "n.e": 3, "n.f": 36}
    score = Score.of(outcomes, changes.__getitem__)
    assert (score.tested, score.noticed, score.texts) == (6, 3, frozenset({"m.b"}))
    assert score.share == 3 / 5
    assert "   1 survive in m\n   1 survive in n\n6 mutants tested, 3 noticed, 2 survive, and 1" in score.text()
    assert "score 60.0 % without texts, 50.0 % with them" in score.text()
    assert "n.c (no test runs it)\n-1\n+2" in score.text()


def test_no_mutants_are_no_score() -> None:
    assert Score.of({}, str).share == 0.0


def test_a_small_project(tmp_path: Path) -> None:
    """One function is tested and one is not; the working tree stays as it is."""
    root = tmp_path / "root"
    sources = {
        "harness/__init__.py": "",
        "harness/sums.py": "def added(a, b):\n    return a + b\n\n\ndef idle(a, b):\n    return a - b\n",
        "tests/__init__.py": "",
        "tests/test_sums.py": "from harness.sums import added, idle\n\n\n"
        "def test_sum():\n    assert added(2, 3) == 5\n    idle(1, 1)\n",
        "pyproject.toml": '[project]\nname = "x"\n',
    }
    for name, text in sources.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
    ground = Ground(tmp_path / "ground", root)
    ground.prepare(["harness/sums.py"], tests=["tests/test_sums.py"], seed=0)
    names = ground.mutants()
    assert [name.rpartition(".")[2] for name in names] == ["x_added__mutmut_1", "x_idle__mutmut_1"]
    ground.test(names, budget_s=60, processes=2)
    score = Score.of(ground.outcomes(names), ground.difference)
    assert (score.tested, score.noticed) == (2, 1)
    assert list(score.survivors.values()) == ["-    return a - b\n+    return a + b"]
    assert {name: (root / name).read_text() for name in sources} == sources
    assert not (root / "mutants").exists()
