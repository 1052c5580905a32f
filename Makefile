# Two commands on a fresh machine: `make demo`, `make test`. Every target sets up first; a second set-up takes no time.
PYTHON ?= $(shell for p in python3.13 python3.12 python3.11 python3; do $$p -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1 && { echo $$p; break; }; done)
BIN := .venv/bin
INSTALLED := .venv/.installed
unexport PYTHONPATH PYTHONHOME  # the modules of another project would stand before those of .venv

.PHONY: help install demo up test test-real soak check bench lock clean

help: ## what the targets do
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):[^#]*##/\1\t/' | expand -t 12

install: $(INSTALLED) ## a virtual environment in .venv with the project in it

$(INSTALLED): requirements-dev.lock pyproject.toml
	@test -n "$(PYTHON)" || { echo "Python 3.11 or later with the venv module is needed (Debian: apt install python3-venv)" >&2; exit 1; }
	@echo "setting up .venv with $(PYTHON) …"
	@rm -rf .venv && $(PYTHON) -m venv .venv
	@$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes -r requirements-dev.lock
	@$(BIN)/pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@

demo: install ## the main job on an embedded PostgreSQL, a real git repository and a real SSH host
	@$(BIN)/python -m api.demo

up: install ## start the server for use
	@exec $(BIN)/tiangong up

test: install ## the tests
	@$(BIN)/python -m pytest -q

test-real: install ## the long tests, against real parts
	@$(BIN)/python -m pytest -q --timeout 3600 -m "real or not (soak or bench)"

soak: install ## the hours
	@$(BIN)/python -m pytest -q --timeout 14400 -m soak

check: install ## style, types, import contracts, sizes
	@$(BIN)/ruff check --no-cache .
	@$(BIN)/mypy
	@$(BIN)/lint-imports --no-cache
	@$(BIN)/python tests/sizes.py

.venv/.peers: requirements-bench.lock $(INSTALLED)
	@$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes -r requirements-bench.lock
	@touch $@

bench: .venv/.peers ## every benchmark, one JSON line a figure, beside its peer
	@for f in tests/bench/bench_*.py; do PYTHONPATH=. $(BIN)/python $$f || exit 1; done

lock: install ## write the lock files anew from pyproject.toml
	@$(BIN)/pip install --quiet pip-tools
	@for x in "requirements.lock" "requirements-dev.lock --extra dev" "requirements-bench.lock --extra dev --extra bench"; do \
	  $(BIN)/pip-compile -q --generate-hashes --no-header --no-emit-index-url --no-emit-find-links --no-emit-trusted-host --strip-extras --allow-unsafe -o $$x pyproject.toml || exit 1; done

clean: ## remove what set-up and tests made
	@rm -rf .venv .pytest_cache .mypy_cache .ruff_cache .hypothesis *.egg-info
