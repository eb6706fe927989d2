# Fortress Warehouse. `make` alone lists what there is.
SHELL := /bin/bash
PYTHON ?= python3
BIN := .venv/bin
LOADERS := $(BIN)/python -m loaders
NEEDS_CHROMIUM := command -v chromium chromedriver | wc -l | grep -q 2 || { echo "Chromium and its driver are needed: on Debian, apt-get install chromium chromium-driver"; exit 1; }

# Some containers set it; every command would then compile dbt anew, which takes longer than the work.
unexport PYTHONDONTWRITEBYTECODE

.DEFAULT_GOAL := help
NEEDS_JAVA := command -v java > /dev/null || { echo "Java 17 or newer is needed: on Debian, apt-get install openjdk-17-jre-headless"; exit 1; }

.PHONY: help setup run test browser spark check docs lint query explore property crash bench audit lock clean

help: ## List the commands
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-10s %s\n", $$1, $$2}'

setup: .venv/ready ## Install what the project needs into .venv (run and test do it themselves)

# uv installs in seconds what takes pip a minute; pip brings uv itself. Every package is pinned by hash, and every dependency is in the
# lock: with --no-deps nobody works out once more what they are, for which Spark's 400 MB would be fetched twice.
INSTALL := $(BIN)/uv pip install --quiet --no-deps --require-hashes
.venv/ready: requirements.lock requirements-uv.lock
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Python 3.11 or newer is needed; $$($(PYTHON) --version) found. Name another with: make PYTHON=python3.12 $(MAKECMDGOALS)"; exit 1; }
	@test ! -L .venv || { echo ".venv is a link, and set-up would empty what it leads to: remove the link first"; exit 1; }
	@echo "setting up .venv (once; about half a minute)"
	@$(PYTHON) -m venv --clear .venv
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements-uv.lock
	@$(INSTALL) --python $(BIN)/python -r requirements.lock
	@touch $@

run: .venv/ready ## The main job: sync, build, publish. Without FORTRESS_EXPORTS_URL, a demonstration
	@$(LOADERS) run

# Many tests wait more than they work, so there are more workers than cores. All of them need the project parsed.
PARSE := $(BIN)/python -c "from loaders.manifest import parsed_project; parsed_project()"
TESTS := $(BIN)/python -m pytest -n 3 --dist loadfile

test: .venv/ready ## All tests
	@echo "running all tests: the loader's, dbt's own, and the pipeline against the replay (several minutes)"
	@$(PARSE)
	@$(TESTS)
	@echo "all tests passed. Next: make check (what CI runs), make property FEEDS=2000 (more feeds against the replay)"

browser: .venv/ready ## The docs site in a real browser (needs Chromium and its driver)
	@$(NEEDS_CHROMIUM)
	@$(BIN)/python -m pytest -m browser -q tests/docs
	@echo "screenshots are in target/screenshots"

# Spark is 400 MB: whoever needs it asks for it.
.venv/spark/ready: spark.lock | .venv/ready
	@$(NEEDS_JAVA)
	@echo "setting up Spark (once; about a minute)"
	@$(PYTHON) -m venv --clear .venv/spark
	@$(INSTALL) --python .venv/spark/bin/python -r spark.lock
	@touch $@

spark: .venv/spark/ready ## The models on Apache Spark, compared with DuckDB's (needs Java; docs/scaling.md)
	@$(BIN)/python -m pytest -m spark -q tests/spark

check: .venv/ready lint ## What CI runs: style, all tests, the docs site in a real browser, the models on Spark
	@$(NEEDS_CHROMIUM)
	@$(NEEDS_JAVA)
	@$(MAKE) --no-print-directory --jobs 2 spark but-spark

# Spark's tests take as long as a fifth of the others, on one core: beside them, and from the start.
.PHONY: but-spark
but-spark: .venv/ready
	@$(PARSE)
	@$(TESTS) -m "not spark"

lint: .venv/ready ## Style of the Python code
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .

property: .venv/ready ## Thousands of random feeds against the replay: make property FEEDS=2000 FEED_SEED=1
	@FEEDS=$(or $(FEEDS),2000) FEED_SEED=$(or $(FEED_SEED),0) $(BIN)/python -m pytest tests/pipeline/test_property.py -q -s

crash: .venv/ready ## Kill the real commands again and again: make crash KILLS=600 CRASH_SEED=1
	@KILLS=$(or $(KILLS),600) CRASH_SEED=$(or $(CRASH_SEED),1) $(BIN)/python -m pytest tests/pipeline/test_crash.py -q -s

# What it compares with, and what it draws with, have environments of their own, too.
.venv/bench-%/ready: benchmarks/%.lock | .venv/ready
	@echo "setting up .venv/bench-$* (once; some seconds)"
	@$(PYTHON) -m venv --clear .venv/bench-$*
	@$(INSTALL) --python .venv/bench-$*/bin/python -r $<
	@touch $@

bench: .venv/ready .venv/bench-dlt/ready .venv/bench-plots/ready ## How fast, beside others: make bench SIZE=S ONLY=plain,ours,hour REPEATS=5 FORMAT=csv (benchmarks/README.md)
	@$(BIN)/python -m benchmarks --size $(or $(SIZE),S) --format $(or $(FORMAT),csv) --only "$(ONLY)" --repeats $(or $(REPEATS),5) $(if $(KEEP),--keep)

docs: .venv/ready ## The docs site as one offline HTML file
	@$(LOADERS) docs

query: .venv/ready ## Ask the published tables: make query SQL="from marts.workorders limit 5"
	@$(LOADERS) query "$$SQL"

# Harlequin has an environment of its own: what it needs beside DuckDB is none of the warehouse's business.
.venv/explore/ready: explore.lock | .venv/ready
	@echo "setting up Harlequin (once; some seconds)"
	@$(PYTHON) -m venv --clear .venv/explore
	@$(INSTALL) --python .venv/explore/bin/python -r explore.lock
	@touch $@

explore: .venv/explore/ready ## Look around in the published tables without SQL: Harlequin, in the terminal
	@file="$$($(BIN)/python -c 'from loaders.settings import load_settings; print(load_settings().published)')"; \
	test -f "$$file" || { echo "$$file does not exist yet: make run makes it"; exit 1; }; \
	.venv/explore/bin/harlequin --read-only --no-init --no-write-history "$$file"

# pip-audit has an environment of its own, too. --strict: what could not be asked about is a failure.
.venv/audit/ready: audit.lock | .venv/ready
	@echo "setting up pip-audit (once; some seconds)"
	@$(PYTHON) -m venv --clear .venv/audit
	@$(INSTALL) --python .venv/audit/bin/python -r audit.lock
	@touch $@

audit: .venv/audit/ready ## Is anything known against the packages (asks PyPI; what can be said offline is part of check)
	@$(BIN)/uv pip check --python $(BIN)/python
	@.venv/audit/bin/pip-audit --strict --require-hashes --disable-pip --progress-spinner off -r requirements.lock

# Hashes, and no address of where the packages came from.
COMPILE := $(BIN)/uv pip compile --generate-hashes --universal --python-version 3.11 --custom-compile-command "make lock" --upgrade --quiet

lock: .venv/ready ## Resolve the dependencies anew
	@$(COMPILE) pyproject.toml --group dev -o requirements.lock
	@echo "uv" | $(COMPILE) - -o requirements-uv.lock
	@$(COMPILE) --group explore -o explore.lock
	@$(COMPILE) --group bench-dlt -o benchmarks/dlt.lock
	@$(COMPILE) --group bench-plots -o benchmarks/plots.lock
	@$(COMPILE) --group audit -o audit.lock
	@$(COMPILE) --group spark -o spark.lock
	@$(BIN)/python .ci/licences.py

clean: ## Remove what set-up and builds left (never the warehouse)
	@rm -rf .venv target logs .pytest_cache .ruff_cache .hypothesis
