# The farm's commands. `make help` lists them; `farm --help` is the program itself.

PYTHON ?= python3
EXPERIMENT ?= inventory/default-experiment.yaml
OUT ?= reports/$(shell date +%Y%m%d-%H%M%S)

BIN := .venv/bin
TIMM := .cache/venv-timm/bin
SETUP := $(PYTHON) -m harness.setup
COMPILE := $(BIN)/uv pip compile --quiet --generate-hashes --no-emit-find-links --no-emit-index-url --no-annotate --no-header
UNIVERSAL := $(COMPILE) --universal --python-version 3.11

.PHONY: help setup farm-run test test-timm mutation lint format train lock clean bench chaos fuzz

help:  ## list these commands
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## (.*)/\1\t\2/' | expand -t 12

setup:  ## make this machine ready; leaves .venv/bin/farm
	@$(SETUP) run
	@echo "Ready: $(BIN)/farm --help"

farm-run:  ## measure and report: on emulated boards, or INVENTORY=... EXPERIMENT=... OUT=... ARGS=...
	@$(SETUP) run $(if $(INVENTORY),--no-boards)
	@exec $(BIN)/farm run $(if $(INVENTORY),--inventory "$(INVENTORY)",--default-fleet) \
		--experiment "$(EXPERIMENT)" --out "$(OUT)" $(ARGS)

test:  ## the whole test suite
	@$(SETUP) dev
	@exec $(BIN)/pytest $(ARGS)

test-timm:  ## tests of the export of timm models, in an environment with torch
	@$(SETUP) timm --no-boards
	@exec $(TIMM)/python -m pytest tests_timm $(ARGS)

mutation:  ## small defects put into harness/judge, and how many the tests notice: ARGS="--budget 600 --sample 300"
	@$(SETUP) dev --no-boards
	@exec $(BIN)/python -m tests.mutation $(ARGS)

chaos:  ## faults injected between coordinator and board, in the board, in the coordinator: ARGS="reboot slow-link"
	@$(SETUP) dev
	@exec $(BIN)/python -m tests.chaos $(ARGS)

fuzz:  ## a million pieces of rubbish into everything that reads what others wrote: ARGS=CASES
	@$(SETUP) dev --no-boards
	@exec $(BIN)/python -m tests.fuzz $(ARGS)

bench:  ## what must be measured, not tested: how often verdicts are wrong, what they cost, planted causes found: ARGS=POSITIONS
	@$(SETUP) dev
	@$(BIN)/python -m tests.bench.verdicts
	@$(BIN)/python -m tests.bench.planted $(ARGS)

lint:  ## style, types, and the oldest Python of the part that runs on devices
	@$(SETUP) dev --no-boards
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/vermin --quiet --no-tips --violations --target=3.8- harness/agent

format:  ## bring the source into shape
	@$(SETUP) dev --no-boards
	@$(BIN)/ruff check --fix .
	@$(BIN)/ruff format .

train:  ## train the bundled models again: ARGS="--model efficientvit_b0"
	@$(SETUP) train --no-boards
	@exec $(TIMM)/python -m harness.training $(ARGS)

lock:  ## resolve the dependencies anew
	@$(SETUP) dev --no-boards
	@$(UNIVERSAL) pyproject.toml lock/build.in --output-file lock/run.txt
	@$(UNIVERSAL) --extra dev pyproject.toml lock/build.in --output-file lock/dev.txt
	@# Not universal, and with pip's own folders: a CPU build of torch there saves gigabytes of GPU libraries.
	@UV_FIND_LINKS="$$PIP_FIND_LINKS" $(COMPILE) lock/timm.in --constraint lock/dev.txt --no-emit-package torch --output-file lock/timm.txt

clean:  ## stop boards started by hand, remove what was made here (the cache of userland and wheels stays)
	@if [ -x $(BIN)/farm ]; then $(BIN)/farm boards down; fi
	@rm -rf .venv .cache build *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +
