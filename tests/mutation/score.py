"""From the outcomes of mutants to a score and a list of survivors."""

import re
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass

SURVIVED, NOT_COVERED = (0,), (5, 33)
"""pytest's exit codes of a mutant that no test notices, and of one that no test runs."""

_TEXT = re.compile(r"""[rbf]*("(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*')""")


@dataclass(frozen=True)
class Score:
    """What became of the mutants.

    Attributes:
        tested: how many were.
        survivors: name to what it changes, for those that no test noticed.
        texts: those among the survivors that change a text and nothing else.
        not_covered: survivors that no test even runs.
    """

    tested: int
    survivors: dict[str, str]
    texts: frozenset[str]
    not_covered: frozenset[str]

    @classmethod
    def of(cls, outcomes: Mapping[str, int], difference: Callable[[str], str]) -> "Score":
        """Return the score of outcomes (exit codes by name); `difference` gives what a mutant changes."""
        alive = sorted(name for name, code in outcomes.items() if code in SURVIVED + NOT_COVERED)
        survivors = {name: difference(name) for name in alive}
        return cls(
            tested=len(outcomes),
            survivors=survivors,
            texts=frozenset(name for name, change in survivors.items() if only_text(change)),
            not_covered=frozenset(name for name in alive if outcomes[name] in NOT_COVERED),
        )

    @property
    def noticed(self) -> int:
        """How many were noticed."""
        return self.tested - len(self.survivors)

    @property
    def share(self) -> float:
        """Share (0..1) noticed of the mutants that are more than another text; 0 where there are none."""
        counted = self.tested - len(self.texts)
        return self.noticed / counted if counted else 0.0

    def text(self) -> str:
        """Return survivors by file, then the score."""
        real = {name: change for name, change in self.survivors.items() if name not in self.texts}
        shown = [f"{name}{' (no test runs it)' * (name in self.not_covered)}\n{real[name]}\n" for name in real]
        files = Counter(name.rpartition(".")[0] for name in real)
        return "\n".join(
            [
                *shown,
                *(f"{count:4d} survive in {file}" for file, count in sorted(files.items())),
                f"{self.tested} mutants tested, {self.noticed} noticed, {len(real)} survive, and {len(self.texts)} "
                "that change a text only",
                f"score {100 * self.share:.1f} % without texts, "
                f"{100 * self.noticed / max(self.tested, 1):.1f} % with them",
            ]
        )


def only_text(change: str) -> bool:
    """Tell whether a change (lines that begin with - or +) is one of texts only, names of keys included."""
    sides = [
        " ".join(_TEXT.sub("''", line[1:]).strip() for line in change.splitlines() if line[:1] == sign)
        for sign in "-+"
    ]
    return bool(change) and sides[0] == sides[1]
