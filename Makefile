# `make demo` and `make test` set up all they need. PYTHON chooses the interpreter (3.11 to 3.14).
PYTHON ?= python3
VENV   ?= .venv
BIN    := $(VENV)/bin
# A file of tests stays in one process. Chromium alone can keep two cores busy, so its tests run one after the other.
TWO_AT_ONCE := --numprocesses 2 --dist loadfile

.PHONY: help demo test lint type unit e2e bench size assets deep tools clean

help:
	@echo "make demo    open the demo site on loopback"
	@echo "make test    install what is needed and run every check and test"
	@echo "make bench   measure the budgets beside their baselines"
	@echo "make size    bytes of the banner on the wire"
	@echo "make assets  make the scripts that are served from their sources"
	@echo "make deep    the long fuzz and crash runs"

$(VENV)/.demo: pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade "pip>=25.1"
	$(BIN)/python -m pip install --quiet --editable . --group demo
	@touch $@

$(VENV)/.dev: $(VENV)/.demo
	$(BIN)/python -m pip install --quiet --editable '.[all]' --group dev
	@touch $@

tools:
	@sh scripts/install-tools

demo: $(VENV)/.demo
	$(BIN)/python -m examples.demo

test: $(VENV)/.dev tools lint type
	$(BIN)/python -m pytest -m "not deep and not e2e" $(TWO_AT_ONCE) --timeout 300 # a test that hangs fails
	$(BIN)/python -m pytest -m e2e --timeout 300

lint: $(VENV)/.dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

type: $(VENV)/.dev node_modules
	$(BIN)/mypy
	$(BIN)/node node_modules/typescript/bin/tsc -p static/banner

unit: $(VENV)/.dev
	$(BIN)/python -m pytest -m "not deep and not e2e" $(TWO_AT_ONCE)

e2e: $(VENV)/.dev tools
	$(BIN)/python -m pytest -m e2e

bench: $(VENV)/.dev
	@sh scripts/install-tools wrk
	$(BIN)/python -m benchmarks

size: $(VENV)/.dev
	$(BIN)/python -m benchmarks.size

node_modules: $(VENV)/.dev package.json package-lock.json
	PATH="$(abspath $(BIN)):$$PATH" npm ci --silent --ignore-scripts
	@touch $@

assets: type
	PATH="$(abspath $(BIN)):$$PATH" $(BIN)/python scripts/minify.py

deep: $(VENV)/.dev tools
	$(BIN)/python -m pytest -m deep

clean:
	rm -rf $(VENV) dist .mypy_cache .pytest_cache .ruff_cache .hypothesis
