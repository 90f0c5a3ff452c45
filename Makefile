# The environment lives in .venv; every target builds it first when it is missing or out of date.
# Another interpreter or place: make test PYTHON=python3.13 VENV=.venv-3.13

PYTHON ?= python3
VENV ?= .venv
# Measuring what the tests reach takes half as long again: make coverage
COVERAGE ?=
# One more than most machines have cores: many tests wait for a peer.
WORKERS ?= 3

READY := $(VENV)/ready
BIN := $(VENV)/bin

all: $(READY)

.PHONY: all $(VENV) demo test check audit pytest coverage format bench chaos soak torn conformance clean

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

# From npm: the counterpart ocpp-rpc and axe-core, which judges the pages. Without npm their tests are skipped and say so.
NODE_MODULES := tests/interop/node_modules/ready tests/browser/node_modules/ready
$(NODE_MODULES): %/node_modules/ready: %/package.json
	@if command -v npm >/dev/null; then \
		cd $* && npm install --no-audit --no-fund --no-package-lock --loglevel=error && touch node_modules/ready; \
	else echo "npm is missing: the tests that need what $< names will be skipped"; fi

# loadgroup: one worker has all tests with the browser.
pytest: $(READY) $(NODE_MODULES)
	$(BIN)/pytest -n $(WORKERS) --dist loadgroup $(COVERAGE) --conformance=docs/conformance.md

# Ten thousand seeds of the simulated world in a row. Other seeds or days: make soak SOAK="--seed 50000 --seeds 500"
SOAK ?= --seed 0 --seeds 10000 --days 0.5

soak: $(READY)
	@$(BIN)/forecourt world $(SOAK)
	@$(MAKE) --no-print-directory torn

# The last write of the stores torn at every byte; in memory where the system has a folder for that.
torn: $(READY)
	FORECOURT_SOAK=1 $(BIN)/pytest -q -n $(WORKERS) -o faulthandler_timeout=0 $(if $(wildcard /dev/shm),--basetemp=/dev/shm/forecourt-torn) \
		tests/reliability/test_sweep.py tests/reliability/test_supervision_durable.py

coverage: $(READY)
	@$(MAKE) --no-print-directory pytest COVERAGE="--cov --cov-report=term"

conformance: $(READY) $(NODE_MODULES)
	$(BIN)/pytest -q -n $(WORKERS) --dist loadgroup --conformance=docs/conformance.md --conformance-accept

# Known kinds of weakness in our code, and versions of libraries that do not fit together.
audit: $(READY)
	$(BIN)/bandit -q -r src -c pyproject.toml
	$(BIN)/python -m pip check

format: $(READY)
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

bench: $(READY)
	$(BIN)/python -m bench

# Real processes, killed; the report goes to build/chaos.json. Another length or seed: make chaos CHAOS="--kills 40 --seed 1"
CHAOS ?=
chaos: $(READY)
	@mkdir -p build
	@$(BIN)/python -m chaos --json build/chaos.json $(CHAOS)

clean:
	rm -rf .venv .venv-* .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis .coverage .coverage.* build src/*.egg-info
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
