# `make demo` and `make test` set up all they need. PYTHON chooses the interpreter (3.11 to 3.14).
PYTHON ?= python3
VENV   ?= .venv
BIN    := $(VENV)/bin

.PHONY: help demo test lint type unit e2e bench size deep tools clean

help:
	@echo "make demo    open the demo site on loopback"
	@echo "make test    install what is needed and run every check and test"
	@echo "make bench   measure the budgets beside their baselines"
	@echo "make size    bytes of the banner on the wire"
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
	$(BIN)/python -m pytest -m "not deep"

lint: $(VENV)/.dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

type: $(VENV)/.dev
	$(BIN)/mypy

unit: $(VENV)/.dev
	$(BIN)/python -m pytest -m "not deep and not e2e"

e2e: $(VENV)/.dev tools
	$(BIN)/python -m pytest -m e2e

bench: $(VENV)/.dev
	$(BIN)/python -m benchmarks

size: $(VENV)/.dev
	$(BIN)/python -m benchmarks.size

deep: $(VENV)/.dev tools
	$(BIN)/python -m pytest -m deep

clean:
	rm -rf $(VENV) dist .mypy_cache .pytest_cache .ruff_cache .hypothesis
