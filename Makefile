# Every habit of this repository. `make help` lists them; only python3 (3.11 or newer) and make are needed.

PYTHON ?= python3
VENV ?= .venv
FLAGS ?=
TESTS ?= marketflows_pipeline_tests

BIN := $(VENV)/bin
PY := $(BIN)/python
STAMP := $(VENV)/.set-up
INSTALLERS := $(addprefix tools/,bootstrap_venv.py install_lock.py pip_settings.py uv_runner.py uv.lock)

export PIP_DISABLE_PIP_VERSION_CHECK := 1
# A user's own "install into my home" setting makes no sense inside an environment.
export PIP_USER := 0

.DEFAULT_GOAL := help
.PHONY: help deps setup run dev test test-all test-cluster test-duckdb2 test-fresh lint mutants bench soak docs lock clean

help: ## List what make can do
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / { printf "  make %-13s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)
	@echo
	@echo '  Try it offline, without a key:   make run FLAGS="--tutorial"'

deps: ## Install system packages with apt (Debian, Ubuntu): Python with venv
	@command -v apt-get >/dev/null || { echo "make deps knows apt only; install Python 3.11 or newer yourself" >&2; exit 1; }
	$(if $(filter 0,$(shell id -u)),,sudo) apt-get update
	$(if $(filter 0,$(shell id -u)),,sudo) apt-get install -y --no-install-recommends python3 python3-venv

setup: $(STAMP) ## Install everything into .venv, at the versions of requirements.lock

$(STAMP): requirements.lock pyproject.toml $(INSTALLERS)
	@echo "Installing into $(VENV) what requirements.lock names: usually 15 seconds, a minute on a slow connection"
	@$(PYTHON) tools/bootstrap_venv.py $(VENV)
	@$(PY) tools/install_lock.py
	@# No run waits for the five seconds that this takes; where it fails, the command tries again.
	@$(PY) -m marketflows_pipeline.report.bundle || true

run: setup ## Run the pipeline once: make run FLAGS="--tutorial"
	$(BIN)/marketflows $(FLAGS)

dev: setup ## Start the Dagster UI and its hourly schedule on http://127.0.0.1:3000
	$(BIN)/marketflows-dev $(FLAGS)

# On all processors; a file's tests stay together, since they share runs of the whole pipeline. Compiled tests are kept,
# also where the environment asks for none: every process would compile all of them anew. Each has one thread of polars,
# and with it of DuckDB: frames are small, and every processor has a process already.
PYTEST = env -u PYTHONDONTWRITEBYTECODE POLARS_MAX_THREADS=1 $(PY) -m pytest $(TESTS) --numprocesses auto --dist loadfile \
	--no-loadscope-reorder

test: setup ## Run the quick tests, a minute and a half: make test FLAGS="-k grid"
	$(PYTEST) -m "not slow and not reference and not real" --hypothesis-profile quick $(FLAGS)

test-all: setup ## Run all tests, 20 minutes: what a change has to pass
	$(PYTEST) $(FLAGS)

CLUSTER := .venv-cluster

test-cluster: $(CLUSTER)/.set-up ## Run the tests of several hosts on real servers (Debian's postgresql, redis-server), 8 minutes
	@# All that the store decides, too: here alone are both kinds of it.
	MARKETFLOWS_CLUSTER=1 env -u PYTHONDONTWRITEBYTECODE $(CLUSTER)/bin/python -m pytest marketflows_pipeline_tests -m "cluster or lake" \
		--numprocesses auto --dist loadfile --no-loadscope-reorder $(FLAGS)

# Apart from .venv, which is no heavier for those who work on one machine.
$(CLUSTER)/.set-up: tools/cluster.lock pyproject.toml $(INSTALLERS)
	@$(PYTHON) tools/bootstrap_venv.py $(CLUSTER)
	@$(CLUSTER)/bin/python tools/install_lock.py tools/cluster.lock

test-duckdb2: setup ## Run the warehouse tests on DuckDB 2
	PYTHONPATH=$$($(PY) -m marketflows_pipeline_tests.warehouse.engines 2.0.0) $(PY) -m pytest marketflows_pipeline_tests/warehouse $(FLAGS)

test-fresh: ## Run tutorial and chart tests on a bare Debian (root, debootstrap); FLAGS=--all runs all tests
	@$(PYTHON) tools/fresh_machine.py $(FLAGS)

lint: setup ## Check style, layout and types
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

MUTANTS := .venv-mutants

mutants: setup $(MUTANTS)/bin/cosmic-ray ## Change the rules of docs/mutants.md one thing at a time (an hour); FLAGS=ingest/market_caps/plan.py for one
	$(PY) tools/mutants.py --with $(MUTANTS)/bin/cosmic-ray $(FLAGS)

# Apart from .venv, which holds what the lock names and nothing else.
$(MUTANTS)/bin/cosmic-ray:
	$(PYTHON) -m venv $(MUTANTS)
	$(MUTANTS)/bin/python -m pip install --quiet "cosmic-ray>=8.4,<9"

bench: setup ## Measure against the published package; writes benchmarks/RESULTS.md
	$(PY) -m benchmarks $(FLAGS)

soak: setup ## Simulate 30 days of hourly runs against fake services
	$(PY) -m benchmarks.soak $(FLAGS)

docs: setup ## Write the data dictionary from the table registry, and the picture of the layers
	$(PY) -m marketflows_pipeline.schema.dictionary
	$(PY) -m marketflows_pipeline_tests.layers

# Hashes come from the main index only: a folder of wheels beside it may hold a build of its own.
LOCK = UV_INDEX= UV_FIND_LINKS= $(PY) tools/uv_runner.py pip compile --universal --python-version 3.11 \
	--generate-hashes --no-emit-index-url --no-header --quiet $(FLAGS)
PROJECT = pyproject.toml --group build

lock: setup ## Write the locks anew for pyproject.toml; FLAGS=--upgrade takes newer versions
	$(LOCK) $(PROJECT) --extra dev --extra deploy --constraint tools/lock-constraints.txt --output-file requirements.lock
	@# The image holds what runs only, at the same versions.
	$(LOCK) $(PROJECT) --extra deploy --constraint requirements.lock --no-annotate --output-file deploy/requirements.lock
	$(LOCK) $(PROJECT) --extra deploy --extra lake --constraint requirements.lock --no-annotate --output-file deploy/cluster.lock
	$(LOCK) deploy/objects.in --no-annotate --output-file deploy/objects.lock
	@# The tests of several hosts have an environment of their own, so that nobody else installs what they need.
	@cp requirements.lock tools/cluster.lock
	$(LOCK) $(PROJECT) --extra cluster --constraint requirements.lock --no-annotate --output-file tools/cluster.lock
	$(LOCK) tools/uv.in --no-annotate --output-file tools/uv.lock

clean: ## Remove the environment and caches; warehouse and charts stay
	rm -rf $(VENV) $(CLUSTER) $(MUTANTS) .mypy_cache .pytest_cache .ruff_cache .hypothesis build *.egg-info
