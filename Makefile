PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin

.PHONY: help demo test lint types clean

help:
	@echo "make demo    run two shops, a help center and a Pavior emulator on this machine"
	@echo "make test    run all tests; installs the browsers and servers they need"
	@echo "make lint    check formatting and lint rules"
	@echo "make types   check types"

demo: $(VENV)/installed
	@$(BIN)/python -m demo

test: $(VENV)/installed
	$(BIN)/python -m tests.chromium
	$(BIN)/python -m tests.programs
	$(BIN)/python -m pytest --numprocesses 2 --dist loadfile

lint: $(VENV)/installed
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(VENV)/installed
	$(BIN)/mypy

clean:
	rm -rf $(VENV) build *.egg-info .mypy_cache .pytest_cache .ruff_cache .hypothesis .coverage

$(VENV)/installed: pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 10) and "pavior-middleware needs Python 3.10 or later, and $(PYTHON) is " + sys.version.split()[0] + ": set PYTHON=python3.10, or later")'
	@echo "Installing into $(VENV); this takes about a minute."
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable ".[dev]"
	@touch $@
