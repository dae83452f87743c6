"""`python -m tests.mutation`: make mutants, test them within a budget of time, print score and survivors."""

import argparse
import random
import sys
from pathlib import Path

from tests.mutation.ground import Ground
from tests.mutation.score import Score

ROOT = Path(__file__).resolve().parents[2]


def main() -> int:
    """Run what the command line asks for; the exit code is 1 where the score is below `--at-least`."""
    asked = _arguments()
    ground = Ground(ROOT / ".cache" / "mutation", ROOT)
    ground.prepare(asked.files, tests=asked.tests, seed=asked.seed)
    names = ground.mutants()
    chosen = sorted(random.Random(asked.seed).sample(names, min(asked.sample or len(names), len(names))))
    _say(f"{len(names)} mutants of {', '.join(asked.files)}; {len(chosen)} are tested, for {asked.budget} s at most")
    # In random order, so that whatever the budget leaves out is left out without favour.
    random.Random(asked.seed).shuffle(chosen)
    ground.test(chosen, budget_s=asked.budget, processes=asked.processes)
    score = Score.of(ground.outcomes(chosen), ground.difference)
    _say(score.text())
    return 1 if score.share < asked.at_least else 0


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="make mutation", description=__doc__)
    parser.add_argument("--files", nargs="+", default=["harness/judge/*"], help="which sources get defects")
    parser.add_argument("--tests", nargs="+", default=["tests/judge"], help="which tests should notice them")
    parser.add_argument("--sample", type=int, default=0, help="how many mutants at random; 0: all")
    parser.add_argument("--seed", type=int, default=0, help="of the sample, and of hypothesis")
    parser.add_argument("--budget", type=int, default=900, help="seconds for testing; what is left is not counted")
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--at-least", type=float, default=0.0, help="lowest score (0..1) that is no failure")
    return parser.parse_args()


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
