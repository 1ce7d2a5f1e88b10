# Every habit of this repository. `make help` lists them; only python3 (3.11 or newer) and make are needed.

PYTHON ?= python3
VENV ?= .venv
FLAGS ?=
TESTS ?= marketflows_pipeline_tests

BIN := $(VENV)/bin
PY := $(BIN)/python
STAMP := $(VENV)/.set-up

export PIP_DISABLE_PIP_VERSION_CHECK := 1
# A user's own "install into my home" setting makes no sense inside an environment.
export PIP_USER := 0

.DEFAULT_GOAL := help
.PHONY: help deps setup run dev test test-duckdb2 lint bench soak docs lock clean

help: ## List what make can do
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / { printf "  make %-13s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)
	@echo
	@echo '  Try it offline, without a key:   make run FLAGS="--tutorial"'

deps: ## Install system packages with apt (Debian, Ubuntu): Python with venv
	@command -v apt-get >/dev/null || { echo "make deps knows apt only; install Python 3.11 or newer yourself" >&2; exit 1; }
	$(if $(filter 0,$(shell id -u)),,sudo) apt-get update
	$(if $(filter 0,$(shell id -u)),,sudo) apt-get install -y --no-install-recommends python3 python3-venv

setup: $(STAMP) ## Install everything into .venv, at the versions of requirements.lock

$(STAMP): requirements.lock pyproject.toml tools/bootstrap_venv.py
	$(PYTHON) tools/bootstrap_venv.py $(VENV)
	$(PY) -m pip install --quiet --requirement requirements.lock
	@# The build back end warns of every editable installation.
	PYTHONWARNINGS=ignore $(PY) -m pip install --quiet --no-deps --editable .
	@touch $@

run: setup ## Run the pipeline once: make run FLAGS="--tutorial"
	$(BIN)/marketflows $(FLAGS)

dev: setup ## Start the Dagster UI and its hourly schedule on http://127.0.0.1:3000
	$(BIN)/dagster dev $(FLAGS)

test: setup ## Run the tests on all processors: make test FLAGS="-k grid"
	@# A file's tests stay together, since they share runs of the whole pipeline.
	$(PY) -m pytest $(TESTS) --numprocesses auto --dist loadfile $(FLAGS)

test-duckdb2: setup ## Run the warehouse tests on DuckDB 2
	PYTHONPATH=$$($(PY) -m marketflows_pipeline_tests.warehouse.engines 2.0.0) $(PY) -m pytest marketflows_pipeline_tests/warehouse $(FLAGS)

lint: setup ## Check style, layout and types
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

bench: setup ## Measure against the published package; writes benchmarks/RESULTS.md
	$(PY) -m benchmarks $(FLAGS)

soak: setup ## Live 30 days of hourly runs against a stand-in of the service
	$(PY) -m benchmarks.soak $(FLAGS)

docs: setup ## Write the data dictionary anew from the table registry
	$(PY) -m marketflows_pipeline.schema.dictionary

lock: setup ## Choose versions anew and write them to requirements.lock
	$(PY) -m pip install --quiet uv
	$(BIN)/uv pip compile pyproject.toml --extra dev --extra deploy --universal --python-version 3.11 \
		--constraint tools/lock-constraints.txt --upgrade --no-emit-index-url --no-header --output-file requirements.lock

clean: ## Remove the environment and caches; warehouse and charts stay
	rm -rf $(VENV) .mypy_cache .pytest_cache .ruff_cache .hypothesis build *.egg-info
