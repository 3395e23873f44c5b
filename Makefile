# The front door. Plain `make` lists the targets. Needs make, npm and Node 20 or newer; npm brings the Node that is used.
BIN := node_modules/.bin
export PATH := $(CURDIR)/$(BIN):$(PATH)
STAMP := node_modules/.installed
SOURCES := $(shell find src scripts -name '*.ts' 2>/dev/null) package.json

.DEFAULT_GOAL := help
.PHONY: help setup build demo test check lint format typecheck boundaries unused docs-check generate interop monitoring bench clean

help: ## List the targets
	@echo "baton-cursor: the Cursor connector for ConductorOne"
	@echo
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sort | awk -F ':.*## ' '{ printf "  make %-12s %s\n", $$1, $$2 }'

setup: $(STAMP) ## Install exactly what the lock file says

$(STAMP): package.json package-lock.json
	@echo "Installing dependencies (once)..."
	@npm ci --loglevel=error
	@touch $@

build: dist/baton-cursor ## Bundle the daemon into dist/

dist/baton-cursor: $(STAMP) $(SOURCES)
	@node scripts/build.ts

demo: dist/baton-cursor ## Run the connector against stand-ins of C1 and Cursor (ONCE=1 ends by itself)
	@node test/demo/demo.ts $(if $(ONCE),--once)

test: dist/baton-cursor ## Run every test that needs nothing but Node
	@node --test --test-concurrency=3 'src/**/*.test.ts' 'test/**/*.test.ts'

check: lint typecheck boundaries unused docs-check ## Everything that reads the sources without running them

lint: $(STAMP) ## Lint and formatting, warnings are errors
	@biome check --error-on-warnings .

format: $(STAMP) ## Write the formatting
	@biome check --write .

typecheck: $(STAMP) ## Types of sources and tests
	@tsc --noEmit

boundaries: $(STAMP) ## Import boundaries, cycles, and what the linter cannot say
	@node --test 'test/house/*.test.ts'

unused: $(STAMP) ## Dead files, exports and dependencies
	@knip

docs-check: $(STAMP) ## Generated documents are current
	@node scripts/generate-docs.ts --check

generate: $(STAMP) ## Make the wire code and the generated documents anew
	@buf generate
	@node scripts/generate-docs.ts

interop: dist/baton-cursor ## Against the official Go SDK, generated stubs and baton CLI (needs Go)
	@node --test --test-concurrency=1 test/interop/interop.ts

monitoring: $(STAMP) ## The metrics page against promtool (Debian package prometheus)
	@node --test test/monitoring/promtool.ts

bench: dist/baton-cursor ## Time and memory against the Go SDK's writers and sqlite3 + zstd (needs Go for those)
	@node test/bench/bench.ts $(BENCH_ARGS)

clean: ## Remove everything that was made
	@rm -rf dist node_modules coverage build bench-out test/interop/bin
