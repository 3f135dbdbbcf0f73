# The two commands of the README are `make run` and `make test`; the rest is for those who build.

PY ?= python3
VENV := .venv
BIN := $(VENV)/bin
DATA ?= var/demo
ARGS ?= # more arguments for `make run`, such as --port-offset 100

# Tests start hundreds of processes, and each would compile every module again.
test proof soak: export PYTHONDONTWRITEBYTECODE :=

.PHONY: run setup dev quickfix test lint proof soak bench clean

run: setup ## the demo venue, with two bots that trade
	$(BIN)/fixgate run --config config/demo.yaml --data $(DATA) $(ARGS)

setup: $(VENV)/.runtime ## what it takes to run the venue

dev: $(VENV)/.dev ## what it takes to test it too

$(VENV)/.python:
	@$(PY) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
	  || { echo "Python 3.11 or newer is needed; name it with: make PY=/path/to/python3.11 $(MAKECMDGOALS)"; exit 1; }
	@$(PY) -c 'import ensurepip, venv' 2>/dev/null \
	  || { echo "Python's venv module is missing; on Debian: apt-get install python3-venv"; exit 1; }
	$(PY) -m venv $(VENV)
	$(BIN)/python -m pip install -q --upgrade 'pip>=25.1'
	@touch $@

$(VENV)/.runtime: pyproject.toml $(VENV)/.python
	$(BIN)/python -m pip install -q -e '.[custody,compliance]'
	@touch $@

$(VENV)/.dev: pyproject.toml $(VENV)/.runtime
	$(BIN)/python -m pip install -q --group dev
	@touch $@

lint: dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

test: dev ## everything that takes less than five minutes on two cores
	@# While mypy has one processor, the other compiles the tests, once for all workers.
	@$(BIN)/pytest -q --collect-only >/dev/null 2>&1 & $(MAKE) --no-print-directory lint; \
	  passed=$$?; wait; exit $$passed
	$(BIN)/pytest -q -n 4 --dist worksteal -m 'not proof and not soak'

quickfix: dev ## QuickFIX for Python, compiled once into .cache/wheels
	@$(BIN)/python -m tests.support.build_quickfix

$(VENV)/.components: pyproject.toml $(VENV)/.dev
	$(BIN)/python -m pip install -q --group components
	@touch $@

EVM := tests/support/evm
$(EVM)/node_modules/.package-lock.json: $(EVM)/package-lock.json
	@command -v npm >/dev/null || { echo "npm is missing; on Debian: apt-get install npm"; exit 1; }
	npm ci --prefix $(EVM) --ignore-scripts --no-audit --no-fund
	@touch $@

proof: quickfix $(VENV)/.components $(EVM)/node_modules/.package-lock.json ## heavy counts and real components, 30 minutes at most
	$(BIN)/pytest -q -n 4 --dist worksteal -m 'proof and not alone'
	$(BIN)/pytest -q -m 'proof and alone'

soak: dev ## the long runs, one after the other, with their progress
	$(BIN)/pytest -q -s -m soak

bench: dev ## loads over TCP; run it alone on the machine
	$(BIN)/python -m benchmarks.run

clean:
	rm -rf $(VENV) var build dist
