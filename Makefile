# Samotop's commands. `make` alone lists them.
#
# Everything is installed into .venv, from locks with hashes, by the interpreter's own venv and pip. A stamp in .venv
# remembers what was done; its name holds a sum of this folder's path, because a .venv does not survive a move.

SHELL  := /bin/sh
HERE   := $(shell pwd | cksum | cut -d' ' -f1)
BIN    := .venv/bin
PIP    := $(BIN)/python -m pip --disable-pip-version-check -qq
MADE   := .venv/.made-$(HERE)
USERS  := .venv/.installed-$(HERE)
DEVS   := .venv/.developers-$(HERE)
DEMO   ?= demo-home
SECONDS_EACH ?= 10

.DEFAULT_GOAL := help
.PHONY: help serve test install check format bench fuzz lock clean

help: ## this list
	@echo "Samotop: a mail server and an SMTP library. Type one of"
	@echo
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-9s %s\n", $$1, $$2 }' $(firstword $(MAKEFILE_LIST))
	@echo
	@echo "serve and test do their own set-up; all they ask for is Python 3.11 or newer."

serve: $(USERS) ## try it: a mail server with a demo account, on this machine alone
	@exec $(BIN)/samotop serve --demo --home "$(DEMO)"

test: $(DEVS) ## every test; as root on Debian the programs they use are installed first
	@tools/apt-packages.sh
	@tools/peers.sh
	@tools/companions.sh
	@$(BIN)/python -m pytest -n 2 $(ARGS)

install: $(USERS) ## only the .venv, with Samotop in it as it stands in this folder
	@echo "Samotop is installed; next:  $(BIN)/samotop --help"

check: $(DEVS) ## format, lint, types, layers, RFC index and unit tests, in under a minute
	@$(BIN)/ruff format --check --quiet . || { echo "check: some files want 'make format'" >&2; exit 1; }
	@$(BIN)/ruff check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports --no-logo --cache-dir .cache/import-linter
	@$(BIN)/python tools/rfc_index.py --check
	@$(PIP) check
	@HYPOTHESIS_PROFILE=quick $(BIN)/python -m pytest -q -n auto --maxprocesses=4 -m "not slow" $(wildcard tests/unit tests/dialogs)

format: $(DEVS) ## put the sources into their one format, mend what the linter can, fill in the RFC index
	@$(BIN)/ruff check --fix-only --quiet . && $(BIN)/ruff format .
	@$(BIN)/python tools/rfc_index.py --write

bench: $(DEVS) ## side by side with other servers, as ratios (docs/benchmarks.md)
	@tools/apt-packages.sh
	@tools/peers.sh
	@$(BIN)/python bench/run.py $(ARGS)

fuzz: $(DEVS) ## each fuzz target for a moment; longer with SECONDS_EACH=600
	@tools/fuzz.sh $(SECONDS_EACH)

lock: ## for maintainers: write the locks anew from pyproject.toml (needs uv)
	@tools/lock.sh $(ARGS)

clean: ## remove what make made, but not the demo's home and its mail
	@rm -rf .venv .cache .hypothesis build dist src/*.egg-info
	@find src tests tools bench examples -name __pycache__ -type d -prune -exec rm -rf {} + 2>/dev/null || true
	@if [ -d "$(DEMO)" ]; then echo "clean: $(DEMO) stays, there is mail in it; remove it yourself if you like"; fi

# ---------------------------------------------------------------------------- the stamps

$(MADE): tools/make-venv.sh
	@tools/make-venv.sh .venv
	@touch $@

$(USERS): $(MADE) requirements.lock pyproject.toml
	@echo "Installing Samotop into .venv; the first time this takes about half a minute."
	@$(PIP) install --require-hashes --no-deps -r requirements.lock
	@$(PIP) install --no-deps --no-build-isolation --editable .
	@touch $@

$(DEVS): $(USERS) requirements-dev.lock
	@echo "Installing what tests and checks need into .venv; the first time this takes about half a minute."
	@$(PIP) install --require-hashes --no-deps -r requirements-dev.lock
	@touch $@
