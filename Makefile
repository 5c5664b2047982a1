# Needs Python 3.11 or newer, git and make; everything else is installed into .venv at tested versions.
PYTHON ?= python3
BIN = .venv/bin
GAME ?= gomoku9

.PHONY: selfplay play test test-slow check

selfplay: .venv/ready
	$(BIN)/python -m alphamini.selfplay --game $(GAME) $(ARGS)

play: .venv/ready
	$(BIN)/python -m alphamini.play --game $(GAME) $(ARGS)

test: .venv/ready-dev
	$(BIN)/python -m pytest -n 2 --dist loadfile

test-slow: .venv/ready-dev
	$(BIN)/python -m pytest -m slow

check: .venv/ready-dev
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy

.venv/ready: pyproject.toml constraints.txt
	$(PYTHON) -m venv .venv
	$(BIN)/pip install --quiet --disable-pip-version-check -c constraints.txt -e .
	touch $@

.venv/ready-dev: .venv/ready
	$(BIN)/pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[dev]'
	touch $@
