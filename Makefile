# Entry point for every task: `make` lists all targets. The logic is in scripts/.
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help install lock protos fmt lint check test test-unit test-contract test-integration test-postgres test-e2e chaos \
        chaos-short fuzz histories drill clients bench screenshots up demo manifests image docs examples clean

VERSION   := $(shell git describe --tags --always 2>/dev/null)
IMAGE     ?= letterhead:$(or $(VERSION),dev)
PROTOS    := $(shell find protos/letterhead -name '*.proto')
# Stamps of the packages that `up` and `demo` need, and of those that development needs too.
RUNNABLE  := .venv/.runnable
INSTALLED := .venv/.installed
# In a checkout that was moved or copied, the commands in .venv still point to the old directory.
$(shell grep -qsF "$(CURDIR)/.venv/" .venv/bin/letterhead || rm -f $(RUNNABLE) $(INSTALLED))
GENERATED := gen/letterhead.binpb
# Some environments turn Python's bytecode cache off; then each of the many processes compiles everything again.
export PYTHONDONTWRITEBYTECODE :=

help:
	@awk 'BEGIN { FS = ":.*## " } \
	    /^##@/ { print "\n" substr($$0, 5) } \
	    /^[a-z0-9-]+:.*## / { printf "  make %-17s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)
	@printf '\nNeeds git, make and Python 3.11 or newer with venv; every target installs what it needs.\n'

##@ Try it
demo: $(RUNNABLE) $(GENERATED) ## Show in this terminal how a domain is verified and an email is delivered from it
	@.venv/bin/letterhead demo

up: $(RUNNABLE) $(GENERATED) ## Run everything on this machine, in the foreground, until Ctrl-C
	@.venv/bin/letterhead up

##@ Set up
install: $(INSTALLED) ## Create .venv from the pinned requirements

$(RUNNABLE): requirements/embedded.txt scripts/install scripts/python
	@scripts/install embedded
	@touch $@

$(INSTALLED): $(RUNNABLE) requirements/dev.txt
	@scripts/install dev
	@touch $@

lock: ## Compile requirements/*.in to pins (LOCK=--upgrade for the newest versions)
	@scripts/lock $(LOCK)

protos: $(GENERATED) ## Generate gen/ from protos/

$(GENERATED): $(PROTOS) scripts/protos $(RUNNABLE)
	@scripts/protos

##@ Develop
fmt: $(INSTALLED) ## Format the code and apply automatic fixes
	@.venv/bin/ruff format --quiet .
	@.venv/bin/ruff check --quiet --fix .

lint: $(INSTALLED) $(GENERATED) ## Check style, types, imports and protos; changes nothing
	@scripts/lint

check: lint test-contract manifests ## Run all quick checks: lint, contract tests, manifests

##@ Test (T='path or pytest options' selects tests; REPLICAS=2 runs two processes of each service in e2e)
test: $(INSTALLED) $(GENERATED) ## Run every tier but the drill, with a summary of each; fuzz, chaos, histories and clients as a sample
	@scripts/test unit contract fuzz integration clients e2e chaos histories

test-unit: $(INSTALLED) $(GENERATED) ## Test pure functions, without I/O
	@scripts/test unit

test-contract: $(INSTALLED) $(GENERATED) ## Test the invariants of the repository: protos, imports, grants, manifests
	@scripts/test contract

test-integration: $(INSTALLED) $(GENERATED) ## Test each service with real Postgres, NATS and the sandbox
	@scripts/test integration

test-postgres: $(INSTALLED) $(GENERATED) ## Test migrations, database and queues with the oldest Postgres (POSTGRES=15)
	@OPTIONS="--postgres=$(or $(POSTGRES),15)" scripts/test postgres

test-e2e: $(INSTALLED) $(GENERATED) ## Test all services together, one scenario per file
	@scripts/test e2e

chaos: $(INSTALLED) $(GENERATED) ## Inject crashes, network failures and data loss for up to 2.5 hours on two cores (T='--seed 7')
	@OPTIONS="--long --numprocesses 2 --dist worksteal" scripts/test chaos

chaos-short: $(INSTALLED) $(GENERATED) ## Run the two-minute version that `make test` includes: fewer kills, each kill point once
	@scripts/test chaos

histories: $(INSTALLED) $(GENERATED) ## Test random histories of domain ownership changes (HISTORIES=2000; T='--seed 7')
	@PROCESSES=0 OPTIONS="--spoilt --histories=$(or $(HISTORIES),2000)" scripts/test histories

drill: $(INSTALLED) $(GENERATED) ## Drill every fault: doctor and Prometheus must see it, and it must heal (T='-k NATS')
	@PROCESSES=2 OPTIONS="--all-faults --table=$(or $(TABLE),output/drill.md)" scripts/test drill

fuzz: $(INSTALLED) $(GENERATED) ## Fuzz From addresses, headers and bodies (CASES=1000000; SEED=... repeats a run)
	@OPTIONS="--cases=$(or $(CASES),100000) --seed=$(or $(SEED),$(shell date +%s))" scripts/test fuzz

clients: $(INSTALLED) $(GENERATED) ## Replay the requests of Resend's clients, and run those that npm and PyPI have, unmodified
	@OPTIONS="--real" scripts/test clients

screenshots: $(INSTALLED) $(GENERATED) ## Save screenshots of a domain's page in each situation: light, dark and phone
	@.venv/bin/pytest tests/e2e/test_situations_are_shown.py

bench: $(INSTALLED) $(GENERATED) ## Measure the CPU cost of each hot step per email (ARGS='--emails 500')
	@.venv/bin/python -m bench $(ARGS)

##@ Ship
manifests: $(INSTALLED) ## Build and validate every overlay of deploy/
	@scripts/manifests

image: ## Build the image of all services (IMAGE=name:tag)
	docker build --tag $(IMAGE) .

docs: $(INSTALLED) $(GENERATED) ## Generate the pages of errors, events (also as AsyncAPI), settings, processes, NATS permissions, dashboards
	@.venv/bin/python scripts/document_errors.py > docs/errors.md
	@.venv/bin/python scripts/document_events.py > docs/events.md
	@.venv/bin/python scripts/document_asyncapi.py > docs/asyncapi.yaml
	@.venv/bin/python scripts/document_settings.py > docs/settings.md
	@.venv/bin/python scripts/document_processes.py > docs/processes.md
	@.venv/bin/python scripts/nats_authorization.py > deploy/components/nats/authorization.conf
	@.venv/bin/python scripts/prometheus_rule.py > deploy/components/prometheus-operator/rules.yaml
	@.venv/bin/python scripts/dashboards.py

examples: $(INSTALLED) $(GENERATED) ## Record an example of each event from a run of all services, and generate the pages again
	@.venv/bin/python scripts/record_events.py
	@$(MAKE) --silent docs

clean: ## Remove generated files, .venv and the state of `make up`
	rm -rf .venv gen .letterhead output .mypy_cache .ruff_cache .import_linter_cache .hypothesis
