PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
# npm, and what it installs, start the Node that is on the PATH.
WITH_NODE := PATH="$(abspath $(BIN)):$$PATH"
NPM := $(WITH_NODE) npm --prefix js
NODE_MODULES := js/node_modules/.installed

.PHONY: help demo test quick bench peers js js-check lint types clean

help:
	@echo "make demo    run two shops, a help center and a Pavior emulator on this machine"
	@echo "make test    run all tests; installs the browsers and servers they need"
	@echo "make quick   run the tests that need no browser, no proxy and no patience"
	@echo "make bench   measure what a request costs, beside other ways to put a script into a page"
	@echo "make peers   run the suites of five frameworks and libraries behind the middleware"
	@echo "make js      build the scripts of the package from their sources in js/"
	@echo "make lint    check formatting and lint rules"
	@echo "make types   check types"

demo: $(VENV)/installed
	@$(BIN)/python -m demo

test: $(VENV)/installed $(NODE_MODULES)
	$(BIN)/python -m tests.support.chromium
	$(BIN)/python -m tests.support.programs
	$(NPM) run --silent test
	$(BIN)/python -m pytest --numprocesses 2 --dist loadfile --no-loadscope-reorder

quick: $(VENV)/installed
	$(BIN)/python -m pytest --numprocesses 2 --hypothesis-profile quick -m "not browser and not cache and not slow"

bench: $(VENV)/installed
	@$(BIN)/python -m benchmarks.requests

peers: $(VENV)/installed
	@$(BIN)/python -m peers

js: $(NODE_MODULES)
	$(NPM) run --silent build

js-check: $(NODE_MODULES)
	$(NPM) run --silent lint
	$(NPM) run --silent check
	$(NPM) run --silent types
	$(NPM) run --silent test

lint: $(VENV)/installed $(NODE_MODULES)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/lint-imports --no-cache
	$(NPM) run --silent lint
	$(NPM) run --silent check

types: $(VENV)/installed $(NODE_MODULES)
	$(BIN)/mypy
	$(WITH_NODE) js/node_modules/.bin/pyright --pythonpath $(BIN)/python
	$(NPM) run --silent types

clean:
	rm -rf $(VENV) build *.egg-info .mypy_cache .pytest_cache .ruff_cache .hypothesis .coverage
	rm -rf js/node_modules js/test/*/node_modules

$(VENV)/installed: pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 10) and "pavior-middleware needs Python 3.10 or later, and $(PYTHON) is " + sys.version.split()[0] + ": set PYTHON=python3.10, or later")'
	@echo "Installing into $(VENV); this takes about a minute."
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable ".[dev]"
	@touch $@

$(NODE_MODULES): js/package.json js/package-lock.json js/test/react18/package.json js/.npmrc | $(VENV)/installed
	@echo "Installing into js/node_modules; this takes about half a minute."
	$(NPM) ci
	@touch $@
