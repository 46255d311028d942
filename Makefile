# Everything by one command. `make demo` and `make test` work on a fresh machine with Python 3.10+ and git.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin

.PHONY: demo test check check-all lock clean

$(VENV)/ready: requirements.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 10))' || { echo "Python 3.10 or newer is needed: make PYTHON=python3.12 $(MAKECMDGOALS)"; exit 1; }
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements.txt
	@touch $@

$(VENV)/ready-dev: requirements-dev.lock $(VENV)/ready
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements-dev.lock
	@touch $@

demo: $(VENV)/ready          ## the whole program on sample tickets; results in output/demo/
	$(BIN)/python -m main --demo

test check: $(VENV)/ready-dev ## what CI runs: lint, types, tests
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy .
	$(BIN)/pytest -m "not thirdparty and not browser"

check-all: $(VENV)/ready-dev  ## the same, and tests against other people's servers, clients and a browser
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy .
	$(BIN)/pytest

lock: $(VENV)/ready           ## the exact test set, with hashes, from requirements-dev.txt
	$(BIN)/python -m pip install --quiet --disable-pip-version-check uv
	{ echo "# The exact set for the checks, with hashes, for Python 3.10 and newer on every platform. Made from requirements-dev.txt by \`make lock\`."; \
	  $(BIN)/uv pip compile --universal --generate-hashes --python-version 3.10 --no-emit-index-url --no-header --quiet requirements-dev.txt; } > requirements-dev.lock.part
	mv requirements-dev.lock.part requirements-dev.lock

clean:
	rm -rf $(VENV) output/demo .mypy_cache .ruff_cache .pytest_cache
