# make demo, make test: each sets up everything that is not there yet. `make help` lists the rest.
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
.PHONY: help setup demo seeds ladder readme test test-slow test-server lint

VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed

help: ## this list
	@sed -nE 's/^([a-z-]+):.*## (.*)/  make \1\t\2/p' Makefile | expand -t 16

setup: $(STAMP) ## .venv with all packages, and the embedded benchmark in the user's cache
	@$(BIN)/python -m edt.pocket.setup

# Python 3.11 or newer: $PYTHON where it is set, else the first of these that will do.
$(STAMP): pyproject.toml constraints.txt
	@found=; for candidate in $${PYTHON:-python3 python3.11 python3.12 python3.13 python3.14}; do \
	  if "$$candidate" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then found=$$candidate; break; fi; \
	done; \
	if [ -z "$$found" ]; then \
	  echo "error: edt needs Python 3.11 or newer$${PYTHON:+, and PYTHON=$$PYTHON is not}; install it (Debian: apt install python3 python3-venv), or name one: make $(or $(MAKECMDGOALS),setup) PYTHON=/path/to/python3" >&2; exit 1; \
	fi; \
	if ! $(BIN)/python -m pip --version >/dev/null 2>&1; then \
	  "$$found" -m venv --clear $(VENV) || { echo "error: $$found cannot make a virtual environment; install its venv module (Debian: apt install python3-venv) and run make again" >&2; exit 1; }; \
	fi
	@echo "installing packages into $(VENV) (about 1.7 GB, a few minutes)"
	@$(BIN)/python -m pip install -qq --disable-pip-version-check -c constraints.txt -e '.[dev]' \
	  || { echo "error: the packages could not be installed (see above); with the network back, the same command goes on" >&2; exit 1; }
	@touch $@

demo: setup ## one error-driven run on the embedded benchmark, beside Random: three to five minutes
	@$(BIN)/python experiments/demo.py

seeds: setup ## the demo's three methods over three seeds, with intervals
	@$(BIN)/python experiments/demo_seeds.py scale=264

ladder: setup ## every rung from the untuned student to Full Data, on validation data: hours
	@$(BIN)/python sweep.py table=ladder

readme: $(STAMP) ## README's tables, out of the result files
	@$(BIN)/python experiments/readme.py

test: setup ## the tests
	@$(BIN)/python -m pytest

test-slow: setup ## the tests that take minutes each, such as ten kills in one run
	@$(BIN)/python -m pytest -m slow

test-server: setup ## the teacher tests against llama.cpp's server: compiles it first, 10 to 20 minutes
	@echo "installing llama.cpp's server: where it is not there yet, it is compiled, for 10 to 20 minutes"
	@CMAKE_ARGS="-DGGML_NATIVE=ON -DLLAVA_BUILD=OFF -DMTMD_BUILD=OFF" \
	  $(BIN)/python -m pip install -qq --disable-pip-version-check -c constraints.txt -e '.[dev,server]' \
	  || { echo "error: llama.cpp's server could not be installed (see above); it needs a C++ compiler and cmake" >&2; exit 1; }
	@$(BIN)/python -m pytest -m server

lint: $(STAMP) ## ruff and pyright
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/pyright
