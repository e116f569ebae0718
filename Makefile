# Everything here needs Python 3.11 or later and make, nothing else. `make help` lists the targets.
#
# Set-up happens once, in .venv, and again when pyproject.toml changes: the stamps below remember it.

VENV := .venv
BIN  := $(VENV)/bin
RUN  := $(VENV)/.installed
DEV  := $(VENV)/.installed-dev
LINK := .typing/tieline

# The first of these that is Python 3.11 or later and can make a virtual environment; PYTHON=... overrides.
PYTHON ?= $(shell for p in python3 python3.13 python3.12 python3.11 python3.14 python; do \
	"$$p" -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))' 2>/dev/null \
	&& { echo "$$p"; break; }; done)

DEMO  ?=
BENCH ?=
TESTS ?= tests
JOBS  ?= 5
SEEDS ?= 1000
INCIDENTS ?= 2000
LOGS  ?= 20
SEED  ?=
KILLS ?= 200
TALKS ?= 20
LIVE  ?=
TALK  ?= 300

.DEFAULT_GOAL := help
.PHONY: help demo test laws soak model-check kill-loop soak-hostile soak-conversation conformance-live check contract large-file bench format setup docs clean

help:  ## show this list
	@grep -E '^[a-z-]+:.*##' $(firstword $(MAKEFILE_LIST)) | sed -E 's/^([a-z-]+):.*## */  make \1\t/' | expand -t 16

demo: $(RUN)  ## two stand-in systems, people at work on both, and Tieline between them (DEMO="--seed 7" for options)
	$(BIN)/tieline demo $(DEMO)

test: $(DEV)  ## the whole test suite (TESTS=tests/unit for a part, JOBS=2 for fewer processes)
	$(BIN)/pytest -n $(JOBS) $(TESTS)

laws: $(DEV)  ## every test that states a law, on examples that nobody has tried yet
	$(BIN)/pytest -q -n $(JOBS) -m hypothesis --hypothesis-profile=laws

conformance-live: $(DEV)  ## the connectors' suite on live systems (TIELINE_CONFORMANCE=config.toml; never in CI)
	@test -n "$$TIELINE_CONFORMANCE" || { echo "name a configuration: make conformance-live" \
		"TIELINE_CONFORMANCE=config.toml (docs/sandbox.md)" >&2; exit 2; }
	$(BIN)/pytest -n 0 -o timeout=1800 tests/conformance/test_live.py $(LIVE)

soak: $(DEV)  ## the simulator: SEEDS=10000 for a long run, SEED=17 to show one again (MODE=lanes: run so)
	$(BIN)/python -m tests.simulation.soak --seeds $(SEEDS) --jobs $(JOBS) \
		$(if $(MODE),--mode $(MODE)) $(if $(SEED),--seed $(SEED))

model-check: $(DEV)  ## every order of edits, deaths and lost answers of one pair, within bounds
	$(BIN)/python -m tests.simulation.model_check

kill-loop: $(DEV)  ## `tieline sync` killed at KILLS=200 random instants, then compared
	$(BIN)/python -m tests.simulation.kill_loop --kills $(KILLS)

check: $(DEV) $(LINK)  ## format, lint, types, import layers, and that the wheel holds every module
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy -m tieline -m tieline.cli -p tieline.connectors -p tieline.sync
	$(BIN)/mypy tests docs $(sort $(dir $(wildcard benchmarks/*.py)))
	$(BIN)/lint-imports
	$(BIN)/pytest -q -n 0 tests/packaging

format: $(DEV)  ## put the code into the project's format and mend what ruff can mend
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

docs: $(DEV)  ## write the parts of docs/ that are generated from the program
	$(BIN)/python docs/generate_commands.py
	$(BIN)/python docs/generate.py
	$(BIN)/python docs/generate_policy.py
	$(BIN)/python docs/generate_findings.py
	$(BIN)/python docs/generate_sandbox.py
	$(BIN)/python docs/generate_rich_text.py

soak-hostile: $(DEV)  ## every fault of both sides at 2 %: twenty seeds, and the log (LOGS=20 INCIDENTS=2000) where ../shared is
	TIELINE_STORM_SEEDS=20 TIELINE_SOAK_SEEDS=20 TIELINE_SOAK_LOGS=$(LOGS) TIELINE_SOAK_INCIDENTS=$(INCIDENTS) $(BIN)/pytest -n $(JOBS) \
		-rP --show-capture=stdout tests/hostile/test_soak.py tests/hostile/test_storm.py tests/hostile/test_jira_storm.py

soak-conversation: $(DEV)  ## 5,000 comments on 500 pairs, every fault of both sides: TALKS=20 seeds from TALK=300 on
	TIELINE_TALK_SEEDS=$(TALKS) TIELINE_TALK_FIRST=$(TALK) TIELINE_TALK_PAIRS=500 TIELINE_TALK_ENTRIES=5000 \
		$(BIN)/pytest -n $(JOBS) -rP --show-capture=stdout tests/hostile/test_talk.py

contract: $(DEV)  ## all that the suite sends and gets, against the vendors' own documents (where ../shared is)
	$(BIN)/python -W ignore -m tests.contract

setup: $(DEV)  ## the virtual environment with all that development needs

clean:  ## remove what was built or cached, and the virtual environment
	rm -rf $(VENV) .typing build dist *.egg-info .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# mypy cannot see through an editable install, so the repository also stands under the name it is imported by.
$(LINK):
	mkdir -p $(@D)
	ln -sfn .. $@

$(BIN)/python:
	@test -n "$(PYTHON)" || { echo "Tieline needs Python 3.11 or later with venv (on Debian and Ubuntu:" \
		"apt install python3-venv). If it has another name: make PYTHON=/path/to/python3" >&2; exit 2; }
	"$(PYTHON)" -m venv $(VENV)

$(RUN): pyproject.toml | $(BIN)/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -e .
	@touch $@

$(DEV): pyproject.toml | $(BIN)/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -e '.[dev]'
	@touch $(RUN) $@

large-file: $(DEV)  ## how much memory a file of MB=500 takes on its way across, both ways
	$(BIN)/python -m benchmarks.large_file --mb $(or $(MB),500)

bench: $(RUN)  ## what Tieline costs, beside a bare client and a simple script (BENCH="--incidents 200" for less)
	$(BIN)/python -m benchmarks.bench $(BENCH)
