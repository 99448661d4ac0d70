# make build and make test need Python 3.11+ and a package index, nothing else.
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
SPARK_VENV := .venv-spark
DUCKDB15_VENV := .venv-duckdb15
export PATH := $(CURDIR)/$(BIN):$(PATH)
# DuckDB plans with the allocator that its process has: docs/operating.md.
export LD_PRELOAD ?= $(firstword $(wildcard /usr/lib/*/libjemalloc.so.2 /usr/lib64/libjemalloc.so.2))

.PHONY: build house test test-long test-duckdb15 test-slow test-spark lint lint-python lint-project lint-database conventions lint-sql format hooks production slim slim-rows bench docs report lock clean

build: $(VENV)/.installed ## Install, land the sample, build, test, audit, publish
	@ingest init
	@ingest land ticks sample/binance_spot_btcusdt_ws.ndjson.gz sample/aig_trades.parquet
	@ingest land corrections sample/aig_corrections.csv
	@ingest land cash sample/cash.csv
	@ingest land orders sample/orders.ndjson
	@ingest land metrics sample/metrics.ndjson.gz
	@ingest land logs sample/logs.ndjson
	@ingest cycle --as-of "2024-08-09 00:00:00"

# Tests wait for the disk's fsync a quarter of their time: where 8 GB of memory are free they write there.
test test-long test-duckdb15: export TMPDIR := $(shell \
  [ "$$(df -k --output=avail /dev/shm 2>/dev/null | tail -1)" -gt 8000000 ] 2>/dev/null \
  && echo /dev/shm || echo "$${TMPDIR:-/tmp}")
# Each of some hundred processes compiles our modules anew where Python may not keep what it compiled.
test test-long test-duckdb15: export PYTHONDONTWRITEBYTECODE :=
PYTEST := pytest --numprocesses 2 --dist loadfile --no-loadscope-reorder
test: lint ## Lint, build on fixtures, each capability's tests (5 to 8 minutes on two cores)
	$(PYTEST)

test-long: test-duckdb15 ## Walks, kills, months of time, builds by the dozen: half an hour, in CI too
	$(PYTEST) -m "long and not slow"

# Bars, positions and cold files: 70 s of CPU.
test-duckdb15: $(DUCKDB15_VENV)/.installed ## What must be right on DuckDB 1.5 too
	$(DUCKDB15_VENV)/bin/python -m pytest --numprocesses 2 --dist loadfile -m "not slow and not spark" $(addprefix tests/python/, \
	  market/test_recorded_data.py trading/test_scenarios.py \
	  lifecycle/test_cold_on_s3.py lifecycle/test_export.py)

test-slow: $(VENV)/.installed ## The long kill and scale tests
	pytest -m slow

test-spark: $(SPARK_VENV)/.installed ## Bars on a Spark cluster of local processes equal DuckDB's (needs Java 17)
	$(SPARK_VENV)/bin/pytest -m spark tests/python/spark

# What reads Python and what reads dbt's project need nothing of each other.
lint: ## Everything a reviewer should not have to say
	@$(MAKE) --no-print-directory --jobs 2 --output-sync lint-python lint-project

lint-project: conventions
	@$(MAKE) --no-print-directory lint-sql

lint-python: $(VENV)/.installed
	ruff format --check
	ruff check
	mypy
	lint-imports
	deptry .

# What SQL a model compiles to depends on what is built already, so lint has an empty database of its own.
# The migration models are linted too; lint asks TimescaleDB nothing, so any text switches them on.
LINTED := DATA_DIR=target/lint TIMESCALE_DSN=none
lint-database: $(VENV)/.installed
	@mkdir -p target
	@$(LINTED) ingest init > target/lint.log

conventions: lint-database
	$(LINTED) dbt parse --quiet --show-all-deprecations
	dbt-bouncer run --show-all-failures > target/bouncer.log || { cat target/bouncer.log; exit 1; }

# A file is linted anew when it changed, or what all of them depend on.
SQL := $(shell find models macros tests analyses -name '*.sql')
lint-sql: target/linted-sql
target/linted-sql: $(SQL) .sqlfluff dbt_project.yml requirements.lock | lint-database
	$(LINTED) sqlfluff lint --processes 2 $(if $(filter-out models/% tests/% analyses/%,$?),models macros tests analyses,$?)
	@touch $@

format: $(VENV)/.installed ## What tools can mend by themselves
	ruff format
	ruff check --fix
	$(LINTED) sqlfluff fix models tests analyses

hooks: $(VENV)/.installed ## Check what is committed before it is committed
	pre-commit install

# dbt for one who waits: Ctrl-C, which it would answer with a traceback, kills it, and loses nothing.
dbt = dbt --quiet $(1) & trap 'kill -KILL $$!; exit 130' INT; wait $$!

# What a branch is compared with: production's database as its last cycle left it, and what dbt says of it.
PRODUCTION ?= data/production
production: $(VENV)/.installed ## Keep a copy of what is built now, for `make slim` to compare with
	@test ! -e data/trading.duckdb.wal || { echo "data/trading.duckdb is being written: try again"; exit 1; }
	@test -e data/dbt/run_results.json || { echo "the last build did not end: make build"; exit 1; }
	@mkdir -p $(PRODUCTION) && rm -f $(PRODUCTION)/run_results.json
	cp data/trading.duckdb data/dbt/manifest.json $(PRODUCTION)/
	@cp data/dbt/run_results.json $(PRODUCTION)/

# Built again in a copy of that copy, with what that build was told (`--vars`). Rows are compared before tests
# run: a test that fails would leave what is below it unbuilt.
slim slim-rows: export DATABASE_PATH := target/slim/trading.duckdb
slim: slim-rows ## Build and test what this branch changed in that copy, and print which rows changed
	@echo "testing what was built"
	@$(call dbt,test --selector changed --state $(PRODUCTION) --target-path target/slim $(SLIM_VARS) $(DBT))
	@echo "all tests of it pass"

SLIM_VARS = --vars "$$(python -c 'import json, sys; print(json.dumps(json.load(sys.stdin)["args"]["vars"]))' \
  < $(PRODUCTION)/run_results.json)"
slim-rows: $(VENV)/.installed
	@test -e $(PRODUCTION)/run_results.json || { echo "nothing to compare with: make production"; exit 1; }
	@rm -rf target/slim && mkdir -p target/slim && cp $(PRODUCTION)/trading.duckdb target/slim/
	@ingest init > target/slim/init.log
	@echo "building in target/slim what changed since $(PRODUCTION), and what reads it: minutes where that is bars"
	@$(call dbt,build --full-refresh --selector changed --exclude-resource-type test unit_test \
	  --state $(PRODUCTION) --target-path target/slim $(SLIM_VARS) $(DBT)); built=$$?; \
	  ingest compare $(PRODUCTION)/trading.duckdb target/slim/trading.duckdb --built target/slim; exit $$built

SCALE ?= 20m
bench: $(VENV)/.installed ## SCALE=small|20m|100m: ratios against bare DuckDB and others, benchmarks/README.md
	python benchmarks/run.py $(SCALE)

house: $(VENV)/.installed ## How much of the SQL is mechanism, and what a build with no news costs
	python benchmarks/house.py --check

# Lineage is that of a full refresh: what an increment reads besides is what it restates.
docs: $(VENV)/.installed ## The dbt docs site and column lineage, one file each: target/docs/
	@python -m tools.lineage
	@echo "describing each relation and following each column to where it comes from: a minute or two"
	@$(call dbt,docs generate --static --target-path target/docs)
	@$(call dbt,compile --full-refresh --target-path target/lineage)
	@python -m tools.lineage target/lineage/manifest.json target/docs/lineage.html
	@echo "open target/docs/static_index.html, and target/docs/lineage.html for columns"

report: $(VENV)/.installed ## One HTML page of what is published: data/report.html
	ingest report

lock: ## Resolve requirements.lock again (needs uv)
	uv pip compile --universal --python-version 3.11 --generate-hashes --no-strip-extras \
	  --no-header --extra all --extra dev pyproject.toml -o requirements.lock
	uv pip compile --universal --python-version 3.11 --generate-hashes --no-strip-extras \
	  --no-header --extra all --extra dev --extra spark pyproject.toml -c requirements.lock -o requirements-spark.lock
	echo "duckdb==1.5.5" | uv pip compile --no-config --universal --python-version 3.11 --generate-hashes \
	  --no-header --no-annotate - -o requirements-duckdb15.lock

clean: ## Remove what was built, never what was landed
	rm -rf target logs $(VENV) $(DUCKDB15_VENV) $(SPARK_VENV)

$(VENV)/.installed: requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
	  || { echo "Python 3.11 or newer is needed: make build PYTHON=python3.11"; exit 1; }
	@echo "installing $$(grep -c == requirements.lock) packages into $(VENV): minutes, where none of them was downloaded before"
	@$(PYTHON) -m venv $(VENV)
	@$(BIN)/pip install --quiet --disable-pip-version-check --no-deps --require-hashes -r requirements.lock
	@$(BIN)/pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@touch $@

SITE := python -c 'import sysconfig; print(sysconfig.get_path("purelib"))'
# Reads the packages of the other one, and has DuckDB 1.5.5 before its engine: analysts' tools are that old.
$(DUCKDB15_VENV)/.installed: $(VENV)/.installed requirements-duckdb15.lock
	$(PYTHON) -m venv --clear $(DUCKDB15_VENV)
	$(DUCKDB15_VENV)/bin/pip install --quiet --disable-pip-version-check --no-deps --require-hashes -r requirements-duckdb15.lock
	@echo "import site; site.addsitedir('$$($(BIN)/$(SITE))')" > "$$($(DUCKDB15_VENV)/bin/$(SITE))/others.pth"
	@touch $@

# All of them, and Spark: an environment of its own, so that the other stays light.
$(SPARK_VENV)/.installed: requirements-spark.lock pyproject.toml
	$(PYTHON) -m venv $(SPARK_VENV)
	$(SPARK_VENV)/bin/pip install --quiet --disable-pip-version-check --no-deps --require-hashes -r requirements-spark.lock
	$(SPARK_VENV)/bin/pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@touch $@
