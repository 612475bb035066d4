# Conveniences over plain `pulumi`, `pytest` and `python -m sandbox`. `make` lists them.
PYTHON ?= python3
STACK ?= dev
VENV := .venv
BIN := $(VENV)/bin
# Images of containers often set this, and then each interpreter compiles every package that it imports.
export PYTHONDONTWRITEBYTECODE :=

.DEFAULT_GOAL := help
.PHONY: help demo test engine delivery mutants policy interruptions e2e conformance tpu-check lint docs bench growth preflight down lock python setup cli tools monitoring clean timeline routing load overhead chaos

help: ## list the targets
	@grep -E '^[a-z0-9-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z0-9-]+):.*## /\1\t/' | expand -t 14

demo: setup ## the life of a stack with no cloud: preview, up, preview, outputs, destroy
	@$(BIN)/python -m sandbox demo --stack $(STACK)

test: setup $(VENV)/requirements-dev.txt ## unit tests, and the life of a stack on the engine; all simulated
	$(BIN)/python -m pytest -n 2 tests/unit tests/engine/test_lifecycle.py

engine: setup $(VENV)/requirements-dev.txt ## what changes, drift, keys and bad input do to a stack, on the engine; all simulated
	$(BIN)/python -m pytest -n 2 tests/engine --ignore tests/engine/delivery --ignore tests/engine/test_lifecycle.py

delivery: setup $(VENV)/requirements-dev.txt policy ## environments, bootstrap, plans, policy, reports, upgrades, teardown on the engine
	$(BIN)/python -m pytest -n 2 tests/engine/delivery

interruptions: setup $(VENV)/requirements-dev.txt ## kill the engine and fail the clouds at every resource, then recover; EACH=type: at one of each type, in one way
	$(BIN)/python -m pytest -n 2 tests/interrupted

mutants: setup $(VENV)/requirements-dev.txt ## change infra/ in one place after the other: do the unit tests notice? FILES=infra/google
	@$(BIN)/python -m tests.support.mutants $(FILES)

policy: policy/.venv/requirements.txt ## the policy pack's own packages, for `pulumi preview --policy-pack policy`

e2e: tools ## the same life with a real API server, KServe, Istio and Envoy; KEEP=1 waits, for you to try the guide; BROKEN=1: a model that fails
	@$(BIN)/python -m sandbox e2e --stack $(STACK) $(if $(KEEP),--keep) $(if $(BROKEN),--broken)

conformance: tools monitoring ## tests on the real control plane; EACH=type: one case of each family, and what is slow left out
	@PYTHON_ROUTING=$(PYTHON_ROUTING) $(BIN)/python -m sandbox.routing.environment
	@$(BIN)/python -m sandbox.build fortio
	@$(BIN)/python -m sandbox.cluster.isolation $(BIN)/python -m pytest tests/cluster

routing: tools ## how the strategies of `routing` compare: cache hits and time to first token, through the real picker, with no TPU
	@PYTHON_ROUTING=$(PYTHON_ROUTING) $(BIN)/python -m sandbox.routing

load: $(if $(SANDBOX),tools,$(VENV)/requirements.txt) ## how much a stack answers, how fast, and whether that can be true; STACK=NAME; MODEL=NAME of several; BASE=FILE compares; OUT=FOLDER; SANDBOX=1: on the real control plane
	@PYTHON_ROUTING=$(PYTHON_ROUTING) $(BIN)/python -m sandbox.routing.environment
	@$(BIN)/python -m $(if $(SANDBOX),sandbox.load,ops) load --stack $(STACK) $(if $(MODEL),--model $(MODEL)) $(if $(BASE),--base $(BASE)) $(if $(OUT),--output $(OUT))

overhead: tools ## what gateway and picker add to a request, on the real control plane; STACK=NAME
	@$(BIN)/python -m sandbox.load overhead --stack $(STACK)

chaos: tools ## how many requests are lost while something fails or is changed, on the real control plane; STACK=prod unless named
	@$(BIN)/python -m sandbox.load chaos --stack $(if $(filter file,$(origin STACK)),prod,$(STACK))

tpu-check: $(VENV)/requirements.txt ## what every stack runs, through the TPU compiler, with no TPU; STACK=NAME; DTYPES=1 compares; ALL=1: every known model
	@PYTHON_TPU=$(PYTHON_TPU) $(BIN)/python -m sandbox.tpu \
	  $(if $(filter file,$(origin STACK)),,--stack $(STACK)) $(if $(DTYPES),--dtypes) $(if $(ALL),--all) $(if $(JSON),--json $(JSON))

timeline: setup ## how long a stack would take to its first token, and what holds it up; STACK=NAME; CHECK=FILE of tpu-check; SVG=FILE
	@$(BIN)/python -m sandbox.timeline --stack $(STACK) $(if $(CHECK),--tpu-check $(CHECK)) $(if $(SVG),--svg $(SVG)) $(if $(PAGE),--page $(PAGE))

lint: $(VENV)/requirements-dev.txt ## ruff, pyright, actionlint and zizmor
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/pyright
	@$(BIN)/python -m sandbox.build actionlint
	.sandbox/bin/actionlint -shellcheck $(BIN)/shellcheck
	$(BIN)/zizmor --offline --no-progress --quiet .github

docs: $(VENV)/requirements-dev.txt ## write the tables of settings into docs/, from what the program reads
	@$(BIN)/python -m docs.generate

bench: setup ## the program's own share of a preview, beside an empty program and a plain one of as many resources
	$(BIN)/python -m sandbox.bench

growth: setup ## preview, up, refresh and destroy of a stack with 1, 10, 50 and 200 models, on simulated clouds
	@$(BIN)/python -m sandbox.growth

preflight: $(VENV)/requirements.txt ## will a stack come up? Asked of Google Cloud before anything is created: STACK=NAME; PROBE=1 asks for a TPU machine
	@$(BIN)/python -m ops preflight --stack $(STACK) $(if $(PROBE),--probe)

down: $(VENV)/requirements.txt ## destroy a stack, and look for what Google Cloud left behind: STACK=NAME; REMOVE=DIGEST,... removes what it has listed
	@$(BIN)/python -m ops teardown --stack $(STACK) $(if $(REMOVE),--remove $(REMOVE))

lock: $(VENV)/requirements.txt ## compile the requirements from pyproject.toml; UPGRADE=1 takes the newest that it allows
	$(BIN)/python -m pip install --quiet --disable-pip-version-check uv==0.13.9
	$(BIN)/uv pip compile $(UV) pyproject.toml -o requirements.txt
	$(BIN)/uv pip compile $(UV) pyproject.toml --group dev -c requirements.txt -o requirements-dev.txt
	$(BIN)/uv pip compile $(UV) --group policy --prerelease disallow -o policy/requirements.txt
	$(BIN)/uv pip compile $(subst 3.11,3.12,$(UV)) --group routing -o sandbox/routing/requirements.txt
	$(BIN)/uv pip compile $(subst 3.11,3.12,$(UV)) --group tpu --no-deps -o sandbox/tpu/requirements.txt
UV := $(if $(UPGRADE),--upgrade) --quiet --universal --generate-hashes --python-version 3.11 --no-emit-index-url --custom-compile-command "make lock"

# The packages (network and disk) and the engine (processor) come side by side.
setup: python
	@$(MAKE) --no-print-directory -j2 $(VENV)/requirements.txt cli

cli:
	@$(PYTHON) -m sandbox.engine.pulumi_cli

tools: setup $(VENV)/requirements-dev.txt ## what a real control plane takes, built once: programs, charts, CRDs
	@$(PYTHON) -m sandbox.build

monitoring: setup ## Prometheus and KEDA for the real control plane, built once: what tests of metrics and of scaling take
	@$(PYTHON) -m sandbox.build prometheus
	@$(PYTHON) -m sandbox.build keda

python:
	@$(PYTHON) -c 'import sys; sys.exit(None if (3, 11) <= sys.version_info < (3, 15) else \
	  "Python 3.11 to 3.14 is needed, this is " + sys.version.split()[0] + ": run make with PYTHON=/path/to/python3.x")'

# Each stamp is a copy of the file it was installed from.
$(VENV)/requirements.txt: requirements.txt | python
	@$(PYTHON) -m sandbox.build.packages $(VENV) $<

$(VENV)/requirements-dev.txt: requirements-dev.txt $(VENV)/requirements.txt
	@$(PYTHON) -m sandbox.build.packages $(VENV) requirements.txt $<

policy/.venv/requirements.txt: policy/requirements.txt | python
	@$(PYTHON) -m sandbox.build.packages policy/.venv $<

clean: ## remove everything that is not in the repository
	rm -rf $(VENV) policy/.venv sandbox/routing/.venv sandbox/tpu/.venv .sandbox .pytest_cache .ruff_cache .hypothesis
