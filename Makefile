# What people and CI call. `make` alone sets up and runs the study on the registry named in config/sites.tsv.
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := run

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/ready

# Empty means "write bytecode": every job starts a Python, and uncompiled imports take two to three times as long.
export PYTHONDONTWRITEBYTECODE :=

.PHONY: run snakemake-report verify test slow browser bench attack endurance slurm wheelhouse offline container check \
  format lock docs site referee calibrate setup clean help

help: ## this list
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*##/\t/' | expand -t 18

setup: $(READY) ## create .venv from requirements.lock (without internet: make setup WHEELHOUSE=wheelhouse)

# Wheels are taken from this folder alone, where it is given.
WHEELHOUSE ?=
FROM = $(if $(WHEELHOUSE),--no-index --find-links "$(WHEELHOUSE)")

$(READY): requirements.lock
	@[[ "$(CURDIR)" != *[[:space:]]* ]] || { echo "ConfigurationError: the path of this folder, $(CURDIR), has a blank," \
	  "with which Snakemake cannot start a step: move it. A study's own path may have one."; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
	  || { echo "gravida needs Python 3.11 or newer, and '$(PYTHON)' is not. Name another: make PYTHON=python3.12"; exit 1; }
	@rm -f $@
	@if command -v uv > /dev/null; then \
	  uv venv --quiet --clear --python "$$(command -v $(PYTHON))" $(VENV); \
	  VIRTUAL_ENV=$(VENV) uv pip sync --quiet --compile-bytecode --require-hashes $(FROM) requirements.lock; \
	else \
	  $(PYTHON) -m venv --clear $(VENV); \
	  $(BIN)/$(PIP) install --quiet --require-hashes $(FROM) --requirement requirements.lock; \
	fi
	@printf '%s\n' "$(CURDIR)/workflow/lib" "$(CURDIR)" > "$$($(BIN)/python -c 'import sysconfig; print(sysconfig.get_path("purelib"))')/gravida.pth"
	@touch $@

PIP = python -m pip --disable-pip-version-check
PLUGIN := $(VENV)/slurm

$(PLUGIN): requirements-slurm.lock $(READY)
	@if command -v uv > /dev/null; then \
	  VIRTUAL_ENV=$(VENV) uv pip install --quiet --compile-bytecode --no-deps --require-hashes $(FROM) --requirement $<; \
	else \
	  $(BIN)/$(PIP) install --quiet --no-deps --require-hashes $(FROM) --requirement $<; \
	fi
	@touch $@

# A study in a folder of its own: make STUDY=FOLDER, with its config.yaml in it.
STUDY ?= .
OWN = $(if $(filter-out .,$(STUDY)),--directory "$(STUDY)" --configfile "$(STUDY)/config.yaml")
PLAN = $(if $(OWN),$(STUDY)/config.yaml,config/config.yaml)

# How and where the steps run: profiles/slurm sends those that cost to a cluster. CORES=2 is for this machine.
PROFILE ?= profiles/default
ON_SLURM = $(if $(findstring slurm,$(PROFILE)),$(PLUGIN))

# What is made, if not everything: evidence, site_summary (at a centre that keeps its rows), ask_centres.
TARGET ?=

# One run at a time in a folder. A lock of Snakemake's that is left while nobody holds ours is from a run that was
# killed. A step may outlive its run: the second lock is held by every step while it works.
run: $(READY) $(ON_SLURM) ## run the study (your own: make STUDY=FOLDER; a part: TARGET=evidence; on a cluster: PROFILE=profiles/slurm)
	@$(BIN)/python -m gravida check-plan "$(PLAN)"
	@umask 077; results="$(STUDY)/results"; export GRAVIDA_RUN="$$$$ $$(date +%s.%N)"; \
	unwritten() { echo "ConfigurationError: $$results cannot be written: it must be a folder, on a disk with room," \
	  "that you may write to."; exit 1; }; \
	{ mkdir -p -m 755 "$$results" && test -w "$(STUDY)" \
	  && exec 9>> "$$results/.run.lock" 8>> "$$results/.steps.lock"; } 2> /dev/null || unwritten; \
	flock --nonblock 9 \
	  || { echo "ConfigurationError: another run is at work in $(STUDY); wait for it to end."; exit 1; }; \
	flock --nonblock 8 || { echo "Waiting for a step of the last run to end."; flock 8; }; \
	{ echo "$$GRAVIDA_RUN" > "$$results/.run.lock"; } 2> /dev/null || unwritten; exec 8>&-; \
	if compgen -G "$(STUDY)/.snakemake/locks/*" > /dev/null; then $(BIN)/snakemake --unlock --quiet all $(OWN); fi; \
	$(BIN)/python workflow/run.py --workflow-profile $(PROFILE) $(if $(CORES),--cores $(CORES)) $(TARGET) $(OWN)

snakemake-report: $(READY) ## Snakemake's report of a finished study: all that is released, by question, with captions; steps and times
	@test -e "$(STUDY)/results/release/report.html" \
	  || { echo "ConfigurationError: there is no finished run in $(STUDY): run make first."; exit 1; }
	@umask 077; report="$$(cd "$(STUDY)" && pwd)/results/snakemake_report.zip"; \
	$(BIN)/snakemake --report "$$report" $(OWN); echo "Unpack, and open report.html: $$report"

verify: $(READY) ## compare a study's files with what its last run read and left (your own: make verify STUDY=FOLDER)
	@$(BIN)/python -m gravida verify "$(STUDY)"

PYTEST = $(BIN)/python -m pytest --numprocesses 2

test: $(READY) ## run the tests, but for the slow ones
	@$(PYTEST) --dist loadfile --no-loadscope-reorder -m "not slow"

slow: $(READY) ## run the slow tests: those that simulate, draw or impute at length
	@$(PYTEST) --dist load -m slow

browser: $(READY) ## open the report in a browser, Debian's chromium; fails where that or poppler-utils is not installed
	@$(BIN)/python -m pytest tests/browser

check: $(READY) ## formatters and linters
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/snakefmt --check Snakefile workflow/rules
	$(BIN)/snakemake --lint

format: $(READY) ## apply the formatters
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .
	$(BIN)/snakefmt Snakefile workflow/rules

docs: $(READY) ## regenerate the data dictionary, the guide to the configuration and the list of tables
	$(BIN)/python -m gravida document

# Not --quiet: then nothing is strict.
site: $(READY) ## build the documentation into results/site; a link or an anchor that leads nowhere fails
	@NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict
	@echo "Site: results/site/index.html"

referee: $(READY) ## hold the reference numbers in tests/golden against R (tests/golden/README.md names its packages)
	@$(BIN)/python -m pytest tests/golden/referee.py

# A run that was stopped goes on where it stopped. Its files are in results/calibration.
REPLICATES ?= 2000
calibrate: $(READY) ## simulate studies of known truth: type I error, coverage, power (REPLICATES=2000 of each)
	@$(BIN)/python -m gravida calibrate --replicates $(REPLICATES)

# All sizes take hours and room for 20 GB. QUICK=yes is for CI: two sizes, and no page is written.
SIZES ?=
QUICK ?=
BENCH ?=
bench: $(READY) ## measure gravida against R, and whole studies; writes benchmarks/results.md (SIZES=132,100000)
	@$(BIN)/python benchmarks/bench.py $(if $(SIZES),--sizes $(SIZES)) $(if $(QUICK),--quick) $(BENCH)

ATTACKED ?= 200
attack: $(READY) ## work out what the release gate withheld, on random registries; nothing may be found (ATTACKED=200)
	@ATTACKED=$(ATTACKED) $(PYTEST) --dist load tests/disclosure/test_attack.py

RUNS ?= 50
endurance: $(READY) ## kill a small study at random moments and resume it; nothing may be lost (RUNS=50)
	@$(BIN)/python tests/endurance/endure.py --runs $(RUNS)

slurm: $(READY) $(PLUGIN) ## run the shipped study on a Slurm of one node on this machine; fails where Slurm is not installed
	@$(BIN)/python -m pytest tests/cluster/test_on_slurm.py

# For a machine of the same kind (Linux, processor, Python 3.x). What comes as source is built there, with setuptools.
wheelhouse: $(READY) ## download all that is installed, for centres without internet
	@$(BIN)/python -m ensurepip > /dev/null
	@rm -rf wheelhouse
	@for lock in requirements.lock requirements-slurm.lock; do \
	  $(BIN)/$(PIP) download --quiet --no-deps --require-hashes --requirement $$lock --dest wheelhouse; done
	@$(BIN)/$(PIP) download --quiet --dest wheelhouse setuptools wheel
	@du -sh wheelhouse

offline: wheelhouse ## install from wheelhouse/ and run the study with the network off
	@$(BIN)/python -m pytest tests/cluster/test_without_internet.py

# A conda that answers only what Snakemake asks of it; what is in a recipe comes from environment.yml.
container: $(READY) ## write the recipes of a container with `snakemake --containerize`
	@for kind in dockerfile apptainer; do \
	  PATH="$(CURDIR)/container:$$PATH" $(BIN)/snakemake --quiet all --containerize $$kind > container/$$kind; done

COMPILE = UV_CUSTOM_COMPILE_COMMAND="make lock" uv pip compile pyproject.toml --quiet --universal \
  --python-version 3.11 --generate-hashes

lock: ## pin the dependencies of pyproject.toml
	$(COMPILE) --extra dev --output-file requirements.lock
	$(COMPILE) --extra slurm --constraint requirements.lock --output-file requirements-slurm.lock \
	  $$(sed -nE 's/^([a-z0-9._-]+)==.*/--no-emit-package \1/p' requirements.lock | sort -u)

clean: ## remove results and Snakemake's memory of them
	rm -rf .snakemake results/restricted results/internal results/release results/logs results/site \
	  results/snakemake_report.zip
