# The only entry to everything: `make` lists what there is. Logic lives in scripts/.
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help install lock protos fmt lint check test test-unit test-contract test-integration test-e2e chaos chaos-short fuzz \
        histories bench up demo manifests image docs clean

VERSION   := $(shell git describe --tags --always 2>/dev/null)
IMAGE     ?= letterhead:$(or $(VERSION),dev)
PROTOS    := $(shell find protos/letterhead -name '*.proto')
# What `up` and `demo` need, and what writing and testing adds.
RUNNABLE  := .venv/.runnable
INSTALLED := .venv/.installed
# In a checkout that was moved or copied, .venv still leads to where it was made.
$(shell grep -qsF "$(CURDIR)/.venv/" .venv/bin/letterhead || rm -f $(RUNNABLE) $(INSTALLED))
GENERATED := gen/letterhead.binpb

help:
	@awk 'BEGIN { FS = ":.*## " } \
	    /^##@/ { print "\n" substr($$0, 5) } \
	    /^[a-z0-9-]+:.*## / { printf "  make %-17s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)
	@printf '\nNeeds git, make and Python 3.11 or newer with venv; every target sets up what it needs.\n'

##@ See it
demo: $(RUNNABLE) $(GENERATED) ## The whole story in this terminal: a domain turns green, an email arrives as itself
	@.venv/bin/letterhead demo

up: $(RUNNABLE) $(GENERATED) ## Everything on this machine, in the foreground, until Ctrl-C
	@.venv/bin/letterhead up

##@ Set up
install: $(INSTALLED) ## Make .venv from the pinned requirements

$(RUNNABLE): requirements/embedded.txt scripts/install scripts/python
	@scripts/install embedded
	@touch $@

$(INSTALLED): $(RUNNABLE) requirements/dev.txt
	@scripts/install dev
	@touch $@

lock: ## Compile requirements/*.in to pins (LOCK=--upgrade takes what is newest)
	@scripts/lock $(LOCK)

protos: $(GENERATED) ## Turn protos/ into gen/

$(GENERATED): $(PROTOS) scripts/protos $(RUNNABLE)
	@scripts/protos

##@ Write
fmt: $(INSTALLED) ## Format the code, mend what can be mended
	@.venv/bin/ruff format --quiet .
	@.venv/bin/ruff check --quiet --fix .

lint: $(INSTALLED) $(GENERATED) ## Style, types, imports and contract; changes nothing
	@scripts/lint

check: lint test-contract manifests ## All that takes seconds: lint, contract tests, manifests

##@ Test (T='path or pytest options' chooses; REPLICAS=2 doubles every service in e2e)
test: $(INSTALLED) $(GENERATED) ## Every tier, with a count of each
	@scripts/test unit contract fuzz integration e2e chaos

test-unit: $(INSTALLED) $(GENERATED) ## Pure rules, no input or output
	@scripts/test unit

test-contract: $(INSTALLED) $(GENERATED) ## What the tree promises: protos, imports, grants, manifests
	@scripts/test contract

test-integration: $(INSTALLED) $(GENERATED) ## One service against real Postgres, NATS and the sandbox
	@scripts/test integration

test-e2e: $(INSTALLED) $(GENERATED) ## All services, one story per file
	@scripts/test e2e

chaos: $(INSTALLED) $(GENERATED) ## Kills, cuts and wipes for up to 50 minutes (T='--seed 7' draws otherwise)
	@OPTIONS="--long --numprocesses 2 --dist worksteal" scripts/test chaos

chaos-short: $(INSTALLED) $(GENERATED) ## The same in two minutes, as `make test` has it: fewer kills, each named point once
	@scripts/test chaos

histories: $(INSTALLED) $(GENERATED) ## Names change hands as their DNS owners intend (HISTORIES=2000; T='--seed 7' begins elsewhere)
	@PROCESSES=0 OPTIONS="--histories=$(or $(HISTORIES),2000)" scripts/test histories

fuzz: $(INSTALLED) $(GENERATED) ## Hostile Froms, headers and bodies (CASES=1000000; SEED=... makes the same again)
	@OPTIONS="--cases=$(or $(CASES),100000) --seed=$(or $(SEED),$(shell date +%s))" scripts/test fuzz

bench: $(INSTALLED) $(GENERATED) ## CPU per email of each hot step against its floor (ARGS='--emails 500')
	@.venv/bin/python -m bench $(ARGS)

##@ Ship
manifests: $(INSTALLED) ## Build and validate every overlay of deploy/
	@scripts/manifests

image: ## Build the one image of all services (IMAGE=name:tag)
	docker build --tag $(IMAGE) .

docs: $(INSTALLED) $(GENERATED) ## Write what is made from the contract and the settings: pages, and NATS's permissions
	@.venv/bin/python scripts/document_errors.py > docs/errors.md
	@.venv/bin/python scripts/document_events.py > docs/events.md
	@.venv/bin/python scripts/document_settings.py > docs/settings.md
	@.venv/bin/python scripts/nats_authorization.py > deploy/components/nats/authorization.conf

clean: ## Remove what was made, .venv and the state of `make up` included
	rm -rf .venv gen .letterhead output .mypy_cache .ruff_cache .import_linter_cache .hypothesis
