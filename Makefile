# Đạt Chuẩn: everything a developer or an operator runs. `make` alone lists the targets.
# Needs python3 (3.11 or newer, with venv) and make; the rest is installed into .venv from requirements.lock by hash.

SHELL := /bin/bash
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
INSTALLED := $(VENV)/.installed
CODE := services shared datchuan benchmarks tests

# Arguments for `make demo` and `make test`: make demo ARGS="--json", make test ARGS="tests/unit -k gap".
ARGS ?=
WORKLOAD ?=
ONLY ?=
# The processes that share the modules of a whole run of the tests; each has servers of its own. A run of some tests, with
# ARGS, stays in one process: starting others takes longer than a few tests.
WORKERS ?= 2
ALL_TESTS := --numprocesses=$(WORKERS) --dist=loadfile
SCALE ?= province
SECONDS ?= 10

export PIP_DISABLE_PIP_VERSION_CHECK := 1

.PHONY: help
help: ## list the targets
	@awk 'BEGIN {FS = ":.*## "} /^[a-z-]+:.*## / {printf "  make %-14s %s\n", $$1, $$2}' $(firstword $(MAKEFILE_LIST))

.PHONY: setup
setup: $(INSTALLED) ## install everything into .venv, by hash

$(INSTALLED): requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || { \
	  echo "Dat Chuan needs Python 3.11 or newer; '$(PYTHON)' is $$($(PYTHON) --version 2>&1). Try: make PYTHON=python3.12 $(MAKECMDGOALS)" >&2; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || { \
	  echo "'$(PYTHON)' has no venv module. On Debian or Ubuntu: apt-get install python3-venv" >&2; exit 1; }
	@echo "setting up $(VENV) (once; a few minutes on a slow line)"
	@$(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install --quiet --quiet --require-hashes --requirement requirements.lock
	@$(BIN)/python -m pip install --quiet --quiet --no-deps --no-build-isolation --editable .
	@touch $@

.PHONY: demo
demo: $(INSTALLED) ## run the whole product on synthetic reports and tell the story (ARGS="--json")
	@$(BIN)/datchuan demo $(ARGS)

.PHONY: test
test: $(INSTALLED) ## run all tests on WORKERS=2 processes, or some on one (ARGS="tests/unit -k gap")
	@$(BIN)/pytest $(or $(ARGS),$(ALL_TESTS))

.PHONY: check
check: lint types ## run everything that CI runs: lint, types, tests
	@$(BIN)/pytest $(ALL_TESTS)

.PHONY: lint
lint: $(INSTALLED) ## ruff, format check and the import rules
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/lint-imports

.PHONY: types
types: $(INSTALLED) ## mypy --strict
	@$(BIN)/mypy

.PHONY: format
format: $(INSTALLED) ## format the code and mend what ruff can mend
	@$(BIN)/ruff check --fix-only --quiet .
	@$(BIN)/ruff format .

.PHONY: bench
bench: $(INSTALLED) ## measure everything beside the in-memory oracle (ONLY=province,engine; WORKLOAD=FILE SCALE=province; ARGS=--save)
	@$(BIN)/python -m $(if $(WORKLOAD),benchmarks.bench "$(WORKLOAD)" $(SCALE),benchmarks.suite $(if $(ONLY),--only "$(ONLY)")) $(ARGS)

.PHONY: bench-profile
bench-profile: $(INSTALLED) ## show where the CPU time goes: services by function and layer, PostgreSQL by application (SCALE=province)
	@$(BIN)/python -m benchmarks.hot_path --scale $(SCALE) $(ARGS)

.PHONY: chaos
chaos: $(INSTALLED) ## strike the running product with every fault, at most 8 minutes (ONLY=avalanche,poison; ARGS="--keep FOLDER")
	@$(BIN)/python -m tests.chaos $(ONLY) $(ARGS)

.PHONY: fuzz
fuzz: $(INSTALLED) ## give every parser and endpoint what nobody expects (SECONDS=600 for each; ONLY=adx,fhir; ARGS="--keep FOLDER")
	@$(BIN)/python -m tests.fuzz $(ONLY) --seconds $(SECONDS) $(ARGS)

.PHONY: asyncapi
asyncapi: $(INSTALLED) ## write docs/asyncapi.json from the message contracts
	@$(BIN)/python -m shared.contracts.asyncapi > docs/asyncapi.json.new
	@mv docs/asyncapi.json.new docs/asyncapi.json

.PHONY: secrets
secrets: ## make the secret files of docker-compose.yml that do not exist yet
	@deploy/make-secrets deploy/secrets

# Universal: one file for every platform and Python; no index or folder name gets into it. UPGRADE=1 takes newer versions.
.PHONY: lock
lock: ## pin the dependencies of pyproject.toml into requirements.lock (UPGRADE=1 for newer ones)
	@test -x $(BIN)/uv || { $(PYTHON) -m venv $(VENV) && $(BIN)/python -m pip install --quiet uv; }
	@$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-emit-find-links \
	  --custom-compile-command "make lock" $(if $(UPGRADE),--upgrade) --extra dev --extra embedded pyproject.toml --output-file requirements.lock

.PHONY: clean
clean: ## remove the virtual environment, caches and builds
	@rm -rf $(VENV) .bench .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache build dist *.egg-info
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +
