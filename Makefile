# Two commands do everything on a fresh machine: `make run` and `make test`.
PYTHON ?= python3
VENV := .venv
PEERS := .venv-counterparty
BIN := $(VENV)/bin
READY := $(VENV)/.ready
PRECOMPILED := $(VENV)/.precompiled

# Without bytecode on disk, each of the hundreds of processes that tests start compiles a hundred modules first.
unexport PYTHONDONTWRITEBYTECODE

.DEFAULT_GOAL := help
.PHONY: help run test torture fuzz worlds citrineos load audit release scenarios lint check lock clean bench client screenshots

help: ## List the targets
	@grep -E '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*## /\t/'

# The lock is complete. Without --no-deps, older pips look for a newer release of what is required with an extra.
$(READY): requirements-dev.txt pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(None if sys.version_info >= (3, 11) else "agr needs Python 3.11 or newer; name one with make PYTHON=python3.12")'
	@echo "setting up $(VENV) (once)" >&2
	@$(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes --no-deps -r requirements-dev.txt >&2
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e . >&2
	@touch $@

$(PEERS)/requirements.sha256: agr/demo/requirements.txt | $(READY)
	@echo "setting up $(PEERS) (once)" >&2
	@$(BIN)/python -m agr.demo.environment $(PEERS) >&2
	@touch $@

# Kept beside the modules; without this, every process of the tests would compile for a minute at the same time.
$(PRECOMPILED): $(shell find models -name '*.py') | $(READY)
	@echo "compiling the numerical functions (once)" >&2
	@$(BIN)/python -m agr.planning.kernels
	@touch $@

run: $(READY) $(PEERS)/requirements.sha256 $(PRECOMPILED) ## Run a whole market day (ARGS="--once --json" for one JSON line)
	@$(BIN)/agr demo $(ARGS)

test: $(READY) $(PEERS)/requirements.sha256 $(PRECOMPILED) ## Run all tests
	@.ci/tools
	@$(BIN)/python -m pytest -n auto --maxprocesses 4 --dist loadfile --no-loadscope-reorder $(ARGS)

scenarios: $(READY) ## Run every shipped scenario and check it against its expected.yaml (minutes)
	@for folder in scenarios/*/; do $(BIN)/agr scenario run $$folder --out runs/$$(basename $$folder) || exit 1; done

bench: $(READY) ## Measure against peers on the same instances (ARGS="--sizes 1000,10000 --json"; ARGS=forecasts or promises)
	@case "$(ARGS)" in forecasts*|promises*) ;; *) $(BIN)/python -m benchmarks.environment ;; esac
	@$(BIN)/python -m benchmarks $(ARGS)

client: $(READY) ## Write the typed client of the JSON API anew from its description
	$(BIN)/python -m agr.web.client_source | $(BIN)/ruff format --stdin-filename generated.py - > build-client.py
	mv build-client.py agr/client/generated.py

screenshots: $(READY) $(PEERS)/requirements.sha256 ## Picture every page of the operators' side into build/screenshots
	@AGR_SCREENSHOTS=build/screenshots $(BIN)/python -m pytest tests/web/test_page.py -q

torture: $(READY) $(PEERS)/requirements.sha256 ## Kill the daemon at least 220 times, with a scoreboard (ARGS="--minutes 4": a part; the next call goes on)
	@$(BIN)/python -m tests.torture $(ARGS)

fuzz: $(READY) build/fuzz/atheris ## Ten million hostile inputs on the receive path (ARGS="--minutes 4": a part; the next call goes on)
	@PYTHONPATH=build/fuzz/atheris $(BIN)/python -m tests.fuzz $(ARGS)

worlds: $(READY) ## Plan random small worlds and hold each plan against an independent model (ARGS="--first 1000 --minutes 4")
	@$(BIN)/python -m tests.scenario.monolith $(ARGS)

build/fuzz/atheris: tests/fuzz/requirements.txt | $(READY)
	@mkdir -p build/fuzz
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes --no-deps --target $@ -r $< >&2
	@touch $@

citrineos: $(READY) ## The adapter of charge points against a CitrineOS that somebody has started (URL=… STATION=…)
	@$(BIN)/python -m tests.citrineos --url "$(URL)" --station "$(STATION)" --protocol "$(or $(PROTOCOL),2.0.1)" --unit "$(or $(UNIT),A)" $(if $(TOKEN_ENV),--token-env $(TOKEN_ENV)) $(ARGS)

load: $(READY) ## Load: a million connections in, 20,000 prognoses out, 5,000 updates (ARGS="--scale 0.1")
	@$(BIN)/python -m benchmarks.load $(ARGS)

lint: $(READY) ## Style, types, import rules, spelling
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/codespell
	$(BIN)/bandit -q -c pyproject.toml -r agr models -ll

audit: $(READY) ## Look every locked package up among known vulnerabilities (says NOT AUDITED where it cannot)
	@$(BIN)/python .ci/audit

release: $(READY) ## Build the wheel and the bill of materials (CycloneDX) into dist/
	@$(BIN)/python -m pip wheel --quiet --disable-pip-version-check --no-deps --no-build-isolation -w dist .
	@$(BIN)/cyclonedx-py requirements requirements-dev.txt --pyproject pyproject.toml --output-reproducible -o dist/sbom.json
	@ls dist

lock: $(READY) ## Resolve and lock the versions for development again (needs uv)
	uv pip compile pyproject.toml --extra dev --extra build --generate-hashes --universal --python-version 3.11 \
		--quiet --no-emit-package agr-optimizer --custom-compile-command "make lock" -o requirements-dev.txt
	for file in agr/demo/requirements benchmarks/requirements benchmarks/requirements-flexmeasures; do \
		uv pip compile $$file.in --generate-hashes --universal --python-version 3.11 \
			--quiet --custom-compile-command "make lock" -o $$file.txt || exit 1; done

clean: ## Remove what make made
	rm -rf $(VENV) $(PEERS) .venv-bench build *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis .coverage*
