# lbctl: everything that a person or CI runs. `make help` lists it.
SHELL := /bin/bash
.ONESHELL:
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory

PY      := .venv/bin/python
PYTEST  := $(PY) -m pytest
BASE    ?= localhost/lbctl-base:trixie
IMAGE   := build/lbctl-image.tar
NODES   ?= 3
PROXY   ?= nftables
WORKERS ?= 2

# What mostly waits for an API server has two of them, side by side; WORKERS=1 for one. Not so whole
# clusters: two of them on two cores starve each other's speakers, and requests are lost by that.
BESIDE  := -n $(WORKERS) --dist loadfile
SPHINX  := $(PY) -m sphinx -q -W --keep-going -E -c tests/site build/pages build/site
PAGE_TESTS := tests/unit/test_pages.py tests/unit/test_manifests.py tests/unit/test_quotes.py tests/unit/site

# step N, of M, what, how long: one progress line for each stage of a long target.
step = @printf '\n\033[1m[%s of %s] %s\033[0m  (%s)\n' '$(1)' '$(2)' '$(3)' '$(4)'

.PHONY: help
help: ## Show this list
	@grep -hE '^[a-z0-9-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  %-14s %s\n", $$1, $$2}'

# ---------------------------------------------------------------- set-up

.venv/ready: requirements-dev.txt pyproject.toml
	@bash tests/bootstrap.sh
	touch $@

.PHONY: venv binaries metallb
venv: .venv/ready ## The Python environment, in .venv

binaries: .venv/ready ## Debian packages, the cluster's programs and base images, built once into the cache
	@$(PY) -m tests.lab build

metallb: .venv/ready ## MetalLB itself, for the test that takes over from it
	@$(PY) -m tests.lab build --metallb

.PHONY: lock
lock: .venv/ready ## Pin the dependencies of pyproject.toml, with hashes
	@pin="$(PY) -m uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header"
	$$pin pyproject.toml -o requirements.txt
	$$pin --group dev pyproject.toml -o requirements-dev.txt

# ---------------------------------------------------------------- checks and tests

.PHONY: check format crds golden
check: .venv/ready ## Format, lint, types, layers, generated files, pages
	@$(PY) -m ruff format --check .
	$(PY) -m ruff check .
	$(PY) -m mypy
	.venv/bin/lint-imports --no-logo
	$(PY) -m lbctl crds --check charts/lbctl/files/crds
	$(PY) -m tests.site --check
	$(PYTEST) -q $(PAGE_TESTS)
	$(SPHINX)

format: .venv/ready ## Format the code and mend what the linter can
	@$(PY) -m ruff format .
	$(PY) -m ruff check --fix .

crds: .venv/ready ## Write the CRDs of lbctl/api into the chart
	@$(PY) -m lbctl crds --output charts/lbctl/files/crds

golden: binaries ## Write the chart's golden files and docs/values.md anew; read the diff
	@$(PY) -m tests.chart

.PHONY: test test-unit test-wire test-chart test-cluster test-lab test-e2e
test-unit: .venv/ready ## Unit and property tests
	@$(PYTEST) tests/unit tests/property
test-wire: binaries ## Real packets, in network namespaces
	@$(PYTEST) tests/wire
test-chart: binaries ## The chart: lint, golden files, schema
	@$(PYTEST) tests/chart
test-cluster: binaries ## The operator on a real API server
	@$(PYTEST) $(BESIDE) tests/cluster
test-lab: binaries ## The lab itself: nodes and faults
	@$(PYTEST) tests/labtest
test-e2e: metallb image ## A real cluster, installed by Helm
	@$(PYTEST) tests/e2e

test: ## Everything: check, unit, wire, chart, cluster, lab, e2e
	$(call step,1,9,the Python environment,cold 1 min)
	@$(MAKE) venv
	$(call step,2,9,format lint types layers,1 min)
	@$(MAKE) check
	$(call step,3,9,unit and property tests,3 min)
	@$(MAKE) test-unit
	$(call step,4,9,packages and the programs of the cluster,cold 15 min; else seconds)
	@$(MAKE) binaries
	$(call step,5,9,real packets in network namespaces,7 min)
	@$(MAKE) test-wire
	$(call step,6,9,the chart,1 min)
	@$(MAKE) test-chart
	$(call step,7,9,the operator on a real API server,6 min)
	@$(MAKE) test-cluster
	$(call step,8,9,the lab: nodes and faults,2 min)
	@$(MAKE) test-lab
	$(call step,9,9,real clusters: Helm install and faults,28 min; cold image and MetalLB 5 more)
	@$(MAKE) test-e2e

# ---------------------------------------------------------------- image, cluster, demo

.PHONY: image lab lab-down demo demo-down
image: binaries ## The container image, as $(IMAGE); BASE=python:3.13-slim where a registry is at hand
	@$(PY) -m tests.lab.lbctl_image --base $(BASE) --output $(IMAGE)

lab: binaries image ## A cluster to play with: NODES=3 PROXY=nftables
	@$(PY) -m tests.lab up --nodes $(NODES) --proxy $(PROXY)
	$(PY) -m tests.lab load-image $(IMAGE)

lab-down: .venv/ready ## End it
	@$(PY) -m tests.lab down

demo: ## From nothing to an EXTERNAL-IP that survives its node; KEEP=1 leaves the cluster; PROXY=iptables
	$(call step,1,4,the Python environment,cold 1 min)
	@$(MAKE) venv
	$(call step,2,4,packages and the programs of the cluster,cold 15 min; else seconds)
	@$(MAKE) binaries
	$(call step,3,4,the image,cold 2 min; else seconds)
	@$(MAKE) image
	$(call step,4,4,the tour,4 min)
	@$(PY) -m tests.tour --proxy $(PROXY) $(if $(KEEP),--keep)

demo-down: .venv/ready ## End a cluster that KEEP=1 left
	@$(PY) -m tests.lab down --name demo

TRIALS  ?=
FAULTS  ?=
VALUES  ?=
MINUTES ?= 60
.PHONY: bench-failover bench-handoff bench-soak
bench-failover: binaries image ## Faults of a real cluster, as a client sees them: docs/performance.md
	@$(PY) -m tests.bench.outage $(if $(WRITE),--write) $(if $(FAULTS),--faults "$(FAULTS)") $(if $(TRIALS),--trials $(TRIALS)) \
	  $(if $(FRESH),--fresh) $(if $(LAB),--lab $(LAB)) $(foreach value,$(VALUES),--set $(value))

bench-handoff: .venv/ready ## Handing on: the proxy at the address, and NodePorts, side by side
	@$(PY) -m tests.bench.handoff

bench-soak: .venv/ready ## Is anybody taken for dead while all cores are busy? MINUTES=60
	@$(PY) -m tests.bench.soak --minutes $(MINUTES)

.PHONY: bench
bench: binaries ## Figures: allocator, operator with 5,000 Services, planner, wire, speaker
	@$(PY) -m tests.bench.allocator
	$(PY) -m tests.bench.operator
	$(PY) -m tests.bench.scale
	$(PY) -m tests.bench.wire
	$(PY) -m tests.bench.speaker

.PHONY: docs picture
docs: .venv/ready ## The pages as a site, in build/site; a link or anchor that leads nowhere is an error
	@$(PY) -m tests.site
	$(PYTEST) -q $(PAGE_TESTS)
	$(SPHINX)

picture: .venv/ready ## docs/images/demo.svg from docs/images/demo.txt, which make demo printed
	@mkdir -p build
	$(PY) -m tests.tour.picture docs/images/demo.txt > build/demo.svg
	mv build/demo.svg docs/images/demo.svg

.PHONY: clean
clean: ## Remove what was built here (the cache outside the checkout stays)
	@rm -rf .venv build .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
