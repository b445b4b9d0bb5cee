PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
# npm, and what it installs, start the Node that is on the PATH.
WITH_NODE := PATH="$(abspath $(BIN)):$$PATH"
NPM := $(WITH_NODE) npm --prefix js
NODE_MODULES := js/node_modules/.installed
PIP_INSTALL := $(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt
# A worker waits for a browser now and then, so there are more of them than cores; each collects all.
WORKERS ?= 3
PYTEST := $(BIN)/python -m pytest --numprocesses $(WORKERS) --dist loadfile --no-loadscope-reorder
# Each worker, and each server that a test starts, would compile all that it imports.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: help demo test thorough exhaustive quick bench docs first-steps peers js js-check lint types package clean

help:
	@echo "make demo         run two shops, a help center and a Pavior emulator on this machine"
	@echo "make test         run the tests; installs the browsers and servers they need"
	@echo "make thorough     run what make test leaves out: more examples, values and browsers"
	@echo "make exhaustive   run every other combination of values and browsers"
	@echo "make quick        run the tests of the middleware that need no browser, no proxy and no patience"
	@echo "make bench        measure what a request costs, beside other ways to put a script into a page"
	@echo "make docs         build the documentation's site into site/"
	@echo "make first-steps  follow the frameworks' documents from the built wheel, in empty environments"
	@echo "make peers        run the suites of six frameworks and libraries behind the middleware"
	@echo "make js           build the scripts of the package from their sources in js/"
	@echo "make lint         check formatting and lint rules"
	@echo "make types        check types"
	@echo "make package      build the wheel and the source distribution of the last commit into dist/, and check them"

demo: $(VENV)/installed-demo
	@$(BIN)/python -m demo

test: $(VENV)/installed $(NODE_MODULES)
	$(BIN)/python -m tests.support.chromium
	$(BIN)/python -m tests.support.programs
	$(NPM) run --silent test
	$(PYTEST) -m "not thorough"

thorough: $(VENV)/installed $(NODE_MODULES)
	$(BIN)/python -m tests.support.chromium
	$(BIN)/python -m tests.support.programs
	$(PYTEST) -m "(thorough or hypothesis) and not exhaustive" --hypothesis-profile thorough

exhaustive: $(VENV)/installed $(NODE_MODULES)
	$(BIN)/python -m tests.support.chromium
	$(BIN)/python -m tests.support.programs
	$(PYTEST) -m exhaustive

quick: $(VENV)/installed
	$(BIN)/python -m pytest --numprocesses 2 --hypothesis-profile quick \
		-m "not browser and not cache and not slow and not thorough and not not_quick" \
		tests/unit tests/http tests/sharing tests/frameworks

bench: $(VENV)/installed
	@$(BIN)/python -m benchmarks.requests

# The variable keeps a notice of the theme's authors about other programs out of the output.
docs: $(VENV)/installed
	NO_MKDOCS_2_WARNING=1 $(BIN)/python -m mkdocs build
	@echo "Read it: $(BIN)/python -m http.server --directory site"

first-steps: $(VENV)/installed
	$(BIN)/python -m tests.support.chromium
	@$(BIN)/python -m first_steps

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
	$(BIN)/hadolint Dockerfile
	$(BIN)/check-jsonschema --quiet --builtin-schema vendor.compose-spec compose.yaml
	$(BIN)/check-jsonschema --quiet --builtin-schema vendor.github-workflows .github/workflows/*.yml
	$(BIN)/check-jsonschema --quiet --builtin-schema vendor.github-issue-config .github/ISSUE_TEMPLATE/config.yml
	$(BIN)/check-jsonschema --quiet --builtin-schema vendor.github-issue-forms .github/ISSUE_TEMPLATE/bug.yml
	$(BIN)/pre-commit validate-config
	$(NPM) run --silent lint
	$(NPM) run --silent check

types: $(VENV)/installed $(NODE_MODULES)
	$(BIN)/mypy
	$(WITH_NODE) js/node_modules/.bin/pyright --pythonpath $(BIN)/python
	$(NPM) run --silent types

# Files that are not committed must not get into what is published.
package: $(VENV)/installed-package
	$(BIN)/validate-pyproject pyproject.toml
	rm -rf build/package dist
	mkdir -p build/package
	git archive HEAD | tar -x -C build/package
	SOURCE_DATE_EPOCH=$$(git log -1 --format=%ct) $(BIN)/python -m build --no-isolation --outdir dist build/package
	$(BIN)/twine check --strict dist/*
	$(BIN)/check-wheel-contents dist/*.whl

clean:
	rm -rf $(VENV) build dist site *.egg-info .mypy_cache .pytest_cache .ruff_cache .hypothesis .coverage
	rm -rf js/node_modules js/test/*/node_modules

$(VENV)/installed: $(VENV)/pip
	@echo "Installing into $(VENV); this takes about a minute."
	$(PIP_INSTALL) --editable . --group dev
	@touch $@ $(VENV)/installed-demo

# What one of pyproject.toml's dependency groups needs, and no more.
$(VENV)/installed-%: $(VENV)/pip
	@echo "Installing what \"$*\" needs into $(VENV)."
	$(PIP_INSTALL) --editable . --group $*
	@touch $@

# The pip that comes with Python may be too old for dependency groups.
$(VENV)/pip: pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 10) and "pavior-middleware needs Python 3.10 or later, and $(PYTHON) is " + sys.version.split()[0] + ": set PYTHON=python3.10, or later")'
	$(PYTHON) -m venv $(VENV)
	$(PIP_INSTALL) --upgrade pip
	@touch $@

$(NODE_MODULES): js/package.json js/package-lock.json js/test/react18/package.json js/.npmrc | $(VENV)/installed
	@echo "Installing into js/node_modules; this takes about half a minute."
	$(NPM) ci
	@touch $@
