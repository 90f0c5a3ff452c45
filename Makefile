# The environment lives in .venv; every target builds it first when it is missing or out of date.
# Another interpreter or place: make test PYTHON=python3.13 VENV=.venv-3.13

PYTHON ?= python3
VENV ?= .venv
COVERAGE ?= --cov --cov-report=term
WORKERS ?= 2

READY := $(VENV)/ready
BIN := $(VENV)/bin

all: $(READY)

.PHONY: all $(VENV) demo test check pytest format bench conformance clean

$(VENV): $(READY)

$(READY): pyproject.toml constraints.txt .ci/venv
	@sh .ci/venv "$(PYTHON)" "$(VENV)"

demo: $(READY)
	@$(BIN)/forecourt demo

test: check pytest

check: $(READY)
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-logo

pytest: $(READY)
	$(BIN)/pytest -n $(WORKERS) $(COVERAGE) --conformance=docs/conformance.md

conformance: $(READY)
	$(BIN)/pytest -q -n $(WORKERS) --conformance=docs/conformance.md --conformance-accept

format: $(READY)
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

bench: $(READY)
	$(BIN)/python -m bench

clean:
	rm -rf .venv .venv-* .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis .coverage .coverage.* build src/*.egg-info
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
