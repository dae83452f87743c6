"""How many small defects in `harness.judge` the judge's tests notice: `make mutation`.

mutmut makes the defects (mutants) in a copy of the sources below `.cache/mutation`; the working tree is not
touched. It changes functions and methods, not constants of modules, class bodies or what is decorated. A
mutant that no test notices survives. One that changes only a text is counted apart: what a
message says word for word is not the tests' concern.

    make mutation ARGS="--files 'harness/judge/rules.py' --sample 200 --seed 1 --budget 600"
"""
