# Two commands do everything: `make run` (the main job) and `make test`. Both set up what they need.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
SETUP := $(VENV)/.installed

.PHONY: run test test-all lint bench wheel clean

run: $(SETUP)
	$(BIN)/accelsim warm eie
	$(BIN)/accelsim run digits_cnn --arch eie

# lint and types, the suite, and the kernels with bounds checks on at small sizes
test: lint
	$(BIN)/python -m pytest -n 2 --dist loadfile
	NUMBA_BOUNDSCHECK=1 NUMBA_CACHE_DIR=$(VENV)/numba-bounds ACCELSIM_PROFILE=tiny $(BIN)/python -m pytest \
		-n 2 --dist loadfile -m "small and not slow"

# the same with coverage (without the JIT, at small sizes), the full hypothesis counts, the long runs and the benchmarks
test-all: test
	NUMBA_DISABLE_JIT=1 ACCELSIM_PROFILE=tiny $(BIN)/python -m pytest -n 2 --dist loadfile -m "small and not slow" \
		--cov --cov-report=term:skip-covered
	ACCELSIM_PROFILE=full $(BIN)/python -m pytest -n 2 -m "slow or not slow"
	$(MAKE) bench

lint: $(SETUP)
	$(BIN)/ruff check .
	$(BIN)/lint-imports --config setup.cfg
	$(BIN)/mypy

bench: $(SETUP)
	$(BIN)/python benchmarks/whole_networks.py --write docs/performance.md
	$(BIN)/python -m pytest benchmarks --benchmark-enable --benchmark-columns=min,median,max,rounds -m "slow or not slow"

wheel: $(SETUP)
	$(BIN)/python -m build --wheel

$(SETUP): setup.cfg pyproject.toml
	$(PYTHON) -c 'import sys; assert sys.version_info >= (3, 11), "accelsim needs Python 3.11 or later"'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade "pip>=23.1"
	$(BIN)/python -m pip install --quiet -e ".[dev]"
	touch $@

clean:
	rm -rf $(VENV) build dist *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis .coverage
