# Every target builds .venv in this folder by itself; `make help` lists them.
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
MAKEFLAGS += --no-builtin-rules

VENV := .venv
BIN := $(VENV)/bin
VENV_PYTHON := $(BIN)/python
KERNELS := $(shell find streamgmm -name '*.pyx' -o -name '*.pxd' -o -name '*.h' -o -name '*.c')

# ---------------------------------------------------------------- environment

.PHONY: help
help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-17s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

.PHONY: venv
venv: $(VENV)/.package $(VENV)/.kernels ## build .venv with the pinned requirements and the package, editable

$(VENV)/.requirements: requirements/dev.txt tools/find_python.sh
	@[ -x $(VENV_PYTHON) ] || { python="$$(tools/find_python.sh)" && "$$python" -m venv $(VENV); }
	@echo 'installing the pinned requirements into $(VENV): some minutes, once'
	$(VENV_PYTHON) -m pip install --quiet --disable-pip-version-check --no-compile --require-hashes -r requirements/dev.txt
	@touch $@

# In place, and only what changed.
$(VENV)/.kernels: $(VENV)/.requirements setup.py $(KERNELS)
	$(VENV_PYTHON) setup.py --quiet build_ext --inplace --parallel 2
	@touch $@

$(VENV)/.package: $(VENV)/.requirements pyproject.toml setup.py | $(VENV)/.kernels
	STREAMGMM_KERNELS=built $(VENV_PYTHON) -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@touch $@

.PHONY: lock
lock: $(VENV)/.requirements ## resolve the requirements again (new versions: make lock UPGRADE=--upgrade)
	$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header --no-emit-index-url \
	    $(UPGRADE) pyproject.toml --output-file requirements/runtime.txt
	$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header --no-emit-index-url \
	    $(UPGRADE) pyproject.toml --extra dev --constraint requirements/runtime.txt --output-file requirements/dev.txt
	$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header --no-emit-index-url \
	    pyproject.toml --extra avro --extra confluent --extra otel --extra protobuf --constraint requirements/dev.txt --output-file requirements/image.txt
	$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header --no-emit-index-url \
	    requirements/build.in --constraint requirements/dev.txt --output-file requirements/build.txt
	$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header --no-emit-index-url \
	    requirements/release.in --constraint requirements/dev.txt --output-file requirements/release.txt
	$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header --no-emit-index-url \
	    $(UPGRADE) requirements/peers.in --constraint requirements/dev.txt --output-file requirements/peers.txt

# dSalmon comes as source alone and looks for NumPy's headers where NumPy 1 had them: the compiler is
# told where they are. Where it does not build the benchmark runs without it and says so.
$(VENV)/.peers: requirements/peers.txt requirements/dsalmon.txt | $(VENV)/.package
	$(VENV_PYTHON) -m pip install --quiet --disable-pip-version-check --no-compile --require-hashes -r requirements/peers.txt
	-CPATH="$$($(VENV_PYTHON) -c 'import numpy; print(numpy.get_include())')" $(VENV_PYTHON) -m pip install --quiet \
	    --disable-pip-version-check --no-deps --no-build-isolation --require-hashes -r requirements/dsalmon.txt
	@touch $@

# ---------------------------------------------------------------- use

.PHONY: demo
demo: venv ## stream the shipped network connections through the whole pipeline (under a minute)
	$(BIN)/streamgmm demo

.PHONY: demo-live
demo-live: venv ## generated flows with attacks, for the live page; ends at Ctrl-C (ATTACK=burst, slow or new-behaviour)
	$(BIN)/streamgmm demo --live $(if $(ATTACK),--attack $(ATTACK))

# ---------------------------------------------------------------- checks

.PHONY: test
test: venv servers ## everything that must hold: format, lint, types, imports, doctests, tests with real servers
	$(MAKE) --no-print-directory format-check lint types
	$(BIN)/pytest --numprocesses 3 \
	    --doctest-modules streamgmm tests

.PHONY: doc-blocks
doc-blocks: venv servers ## execute the code blocks of README and docs, and list them in build/doc-blocks.md
	$(BIN)/pytest --numprocesses 3 tests/docs --doc-blocks build/doc-blocks.md

.PHONY: quick
quick: venv ## the tests that need no server and build no package
	$(BIN)/pytest -m 'not kafka and not slow' tests

.PHONY: servers
servers: venv ## find or install what the real test servers need (Java, Maven, kcat, Chromium, Prometheus, Kafka's jars)
	@tests/brokers/ensure_servers.sh
	@$(VENV_PYTHON) -m tests.brokers.kafka_jars >/dev/null

.PHONY: format
format: venv ## format the code and sort the imports
	$(BIN)/ruff format .
	$(BIN)/ruff check --select I --fix .

.PHONY: format-check
format-check: venv ## fail where `make format` would change something
	$(BIN)/ruff format --check .

.PHONY: lint
lint: venv ## rules of style, and who may import whom
	$(BIN)/ruff check .
	$(BIN)/lint-imports --no-logo

.PHONY: types
types: venv ## mypy --strict over the package
	$(BIN)/mypy

.PHONY: bench
bench: venv ## detection quality on the labelled sets in DATA (a folder)
	$(VENV_PYTHON) benchmarks/quality.py --data $(or $(DATA),$(error name the folder of the labelled sets: make bench DATA=...))

.PHONY: bench-peers
bench-peers: venv $(VENV)/.peers ## the same beside other detectors, and each rule off in turn; tables and picture in OUT
	OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1 $(VENV_PYTHON) benchmarks/quality.py --peers --ablation \
	    --data $(or $(DATA),$(error name the folder of the labelled sets: make bench-peers DATA=...)) \
	    --out $(or $(OUT),build/quality) $(OPTIONS)

.PHONY: docs
docs: venv ## the documentation site, in build/docs/html; a warning is an error
	@rm -rf build/docs/html build/docs/doctrees
	@$(VENV_PYTHON) -m sphinx --builder html --doctree-dir build/docs/doctrees --fail-on-warning --nitpicky \
	    --keep-going --quiet docs build/docs/html
	@echo 'the site: build/docs/html/index.html'

.PHONY: docs-screenshots
docs-screenshots: docs servers ## photograph pages of the site, into build/docs/screenshots (PAGES="index records")
	$(VENV_PYTHON) -m tools.site.screenshots $(PAGES)

.PHONY: references
references: venv ## write what docs/ takes from the code: keys, metrics, commands, records
	$(VENV_PYTHON) -m tools.references

.PHONY: screenshots
screenshots: servers ## photograph the live page for README and docs, into docs/images/
	$(VENV_PYTHON) -m tools.screenshots

.PHONY: pictures
pictures: venv ## draw the pictures of docs/plots.md and docs/concepts.md, into docs/images/
	$(VENV_PYTHON) -m tools.pictures

# Helm is built from its module, with Go; the build is kept in build/.
HELM_VERSION := v3.22.0
build/helm-$(HELM_VERSION)/helm:
	@command -v go >/dev/null || { echo 'make helm: Go is missing, which builds Helm (https://go.dev/dl)' >&2; exit 1; }
	@echo 'building Helm $(HELM_VERSION): some minutes, once'
	GOBIN='$(CURDIR)/$(@D)' go install helm.sh/helm/v3/cmd/helm@$(HELM_VERSION)

.PHONY: helm
helm: venv build/helm-$(HELM_VERSION)/helm ## lint and render the chart; the plain manifests anew: make helm OPTIONS=--write
	$(BIN)/pytest tests/deploy/check_helm.py --helm build/helm-$(HELM_VERSION)/helm $(OPTIONS)

.PHONY: soak
soak: servers ## the faults of `make test` with full counts, into docs/reliability.md; then MINUTES (5) of calm and crashes
	$(BIN)/pytest tests/faults --all-counts --outcomes docs/reliability.md
	$(VENV_PYTHON) -m benchmarks.soak --minutes $(or $(MINUTES),5)

# Zig comes from PyPI and is as large as all other tools together: not part of .venv's requirements.
ZIG_VERSION := 0.17.0
.PHONY: cross
cross: venv ## compile the kernels for the other platforms (TARGET=... for one of them), with Zig
	$(VENV_PYTHON) -m pip install --quiet --disable-pip-version-check ziglang==$(ZIG_VERSION)
	$(VENV_PYTHON) tools/cross_compile.py $(TARGET)

# Dated as the commit, so that whoever builds the wheel has the same bytes.
.PHONY: wheel
wheel: venv ## sdist and wheel in dist/, looked at
	rm -rf dist build/lib.* build/bdist.*
	SOURCE_DATE_EPOCH="$${SOURCE_DATE_EPOCH:-$$(git log -1 --format=%ct)}" $(VENV_PYTHON) -m build --no-isolation
	$(BIN)/twine check --strict dist/*
	$(BIN)/check-wheel-contents dist/*.whl

.PHONY: release-fixture
release-fixture: venv ## keep what this version writes, in tests/releases/ (docs/releasing.md)
	$(VENV_PYTHON) -m tools.release_fixture

.PHONY: clean
clean: ## remove .venv, builds and caches of this folder
	rm -rf $(VENV) build dist *.egg-info .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis
	find streamgmm -name '*.so' -delete
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
