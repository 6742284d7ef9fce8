# Two commands: `make demo` and `make test`. Each makes .venv the first time and does its job.
PYTHON ?= python3
BIN := .venv/bin

.PHONY: demo test check bench clean

demo: .venv/installed
	$(BIN)/residuum demo

test: .venv/installed-dev
	$(BIN)/python -m pytest --numprocesses auto

check: .venv/installed-dev
	$(BIN)/ruff check . && $(BIN)/ruff format --check . && $(BIN)/pyright

bench: .venv/installed-dev
	$(BIN)/python benchmarks/train_throughput.py

.venv/installed: pyproject.toml constraints.txt setup.py src/residuum/nn/tail.c
	test -x $(BIN)/python || $(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable .
	touch $@

.venv/installed-dev: .venv/installed
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable '.[dev,peers]'
	touch $@

clean:
	rm -rf .venv build dist src/*.egg-info
