# Everything a person or a pipeline does here is one of these targets; `make`
# alone lists them. Only git, make and Go are needed.

SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
MAKEFLAGS += --no-builtin-rules

GO ?= go
GO_VERSION := $(shell sed -n 's/^go //p' go.mod)
VERSION ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo unknown)

OUT ?= out
EXPERIMENTS ?= chaos/experiments
TOOLS := bin/tools
# The cluster of up, down and their like: its name, what it is made of (source or
# kind; what this machine can do when empty), and of which image kind makes nodes
# (the one that it was released with when empty).
NAME ?= sandbox
CLUSTER ?=
NODE_IMAGE ?=
CHARTS := $(addprefix platform/helm/,monitor probe observability chaos)
# Which benchmarks run, how often and how long each.
BENCH ?= .
COUNT ?= 1
BENCHTIME ?= 1s

# Plain builds share Go's cache with the tests and the linters, which saves a
# newcomer minutes; what is released is built static and trimmed elsewhere.
BUILD = $(GO) build

# The race detector needs a C compiler with its headers, on a platform that has
# the detector; building the one package that needs all three tells.
GO_TEST = race=-race; \
	if ! $(GO) build -race -o /dev/null runtime/cgo 2>/dev/null; then \
		race=; export CGO_ENABLED=0; \
		echo "The race detector is off: it needs a C compiler and libc headers (gcc, libc6-dev)."; \
	fi; \
	$(GO) test $$race

.PHONY: help
help: ## List the targets
	@awk -F ':.*## ' '/^[a-z][a-z0-9-]*:.*## / { printf "  %-16s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

.PHONY: go-version
go-version:
	@if ! command -v $(GO) >/dev/null; then \
		echo "Go is missing: install Go $(GO_VERSION) or newer from https://go.dev/dl/ and put it on the PATH." >&2; exit 1; \
	fi; \
	have=$$($(GO) version); have=$${have#go version go}; have=$${have%% *}; \
	if [ "$$(printf '%s\n' "$(GO_VERSION)" "$$have" | sort -V | head -n 1)" != "$(GO_VERSION)" ]; then \
		echo "Go $$have is too old: install Go $(GO_VERSION) or newer from https://go.dev/dl/." >&2; exit 1; \
	fi

.PHONY: build
build: go-version ## Build bin/ballast and bin/monitor
	$(BUILD) -ldflags '-X github.com/ballast-sre/ballast/chaos/runner/internal/cli.version=$(VERSION)' -o bin/ballast ./chaos/runner
	$(BUILD) -o bin/monitor ./src/monitor

.PHONY: test
test: go-version ## Run the tests, with the race detector where it can run
	@$(GO_TEST) -timeout 5m ./...

.PHONY: integration
integration: go-version ## Run the tests of the built binaries, which take minutes
	@$(GO_TEST) -count=1 -timeout 20m -tags integration ./tests/integration/...

.PHONY: helm-test
helm-test: go-version $(TOOLS)/helm-unittest ## Test the charts: every rendered variant, and helm-unittest's suites
	@$(GO) test -count=1 ./platform/helm
	$(TOOLS)/helm-unittest --strict $(CHARTS)

# RERUN=1 gives a test that failed one more chance, on a new cluster, and tells both:
# on a machine that others use, too, time passes in which nothing here runs.
.PHONY: e2e
e2e: cluster $(TOOLS)/gotestsum ## Run the tests on a cluster of their own, as root; KUBECONFIG_E2E=FILE takes one that is there
	@mkdir -p $(OUT)/e2e
	$(TOOLS)/gotestsum --format=standard-verbose --junitfile=$(OUT)/e2e/junit.xml --packages=./tests/e2e/... \
		$(if $(RERUN),--rerun-fails=$(RERUN) --rerun-fails-max-failures=10 --rerun-fails-run-root-test) \
		-- -count=1 -timeout 60m -tags e2e -args -cluster=$(abspath bin/cluster) -out=$(abspath $(OUT)/e2e) \
		$(if $(CLUSTER),-provider=$(CLUSTER)) $(if $(NODE_IMAGE),-node-image=$(NODE_IMAGE)) $(if $(KUBECONFIG_E2E),-kubeconfig=$(KUBECONFIG_E2E))

.PHONY: cluster
cluster: go-version
	$(BUILD) -o bin/cluster ./platform/cluster

CLUSTER_FLAGS = --name=$(NAME) $(if $(CLUSTER),--provider=$(CLUSTER))

.PHONY: up
up: cluster ## Bring up a Kubernetes cluster with the whole platform, or repair it; CLUSTER=source|kind NAME=name
	bin/cluster up $(CLUSTER_FLAGS) $(if $(NODE_IMAGE),--node-image=$(NODE_IMAGE))

.PHONY: down
down: cluster ## Remove the cluster and everything of it
	bin/cluster down $(CLUSTER_FLAGS)

.PHONY: status
status: cluster ## Show what of the cluster runs, and how much memory it takes
	@bin/cluster status $(CLUSTER_FLAGS)

.PHONY: logs
logs: cluster ## Copy the logs of the node and its pods to out/logs
	bin/cluster logs $(CLUSTER_FLAGS) $(OUT)/logs

.PHONY: load-image
load-image: cluster ## Build an image and put it into the cluster: make load-image IMAGE=monitor [TAG=dev]
	@if [ -z "$(IMAGE)" ]; then echo "IMAGE is missing: make load-image IMAGE=monitor" >&2; exit 1; fi
	$(GO) run ./platform/image --layout=$(OUT)/images/$(IMAGE) $(IMAGE)
	bin/cluster load-image $(CLUSTER_FLAGS) $(OUT)/images/$(IMAGE) ballast/$(IMAGE):$(or $(TAG),dev)

.PHONY: chaos
chaos: build ## Run every experiment on this machine and write the report
	@status=0; bin/ballast run --out $(OUT)/chaos $(EXPERIMENTS) || status=$$?; \
	if [ -f $(OUT)/chaos/report.html ]; then echo "Report: file://$(abspath $(OUT))/chaos/report.html"; fi; \
	exit $$status

.PHONY: chaos-red
chaos-red: build ## Run the experiment whose SLO must break; anything but "fail" is an error
	@status=0; bin/ballast run --out $(OUT)/chaos-red docs/examples/all-replicas-fail.yaml || status=$$?; \
	if [ -f $(OUT)/chaos-red/report.html ]; then echo "Report: file://$(abspath $(OUT))/chaos-red/report.html"; fi; \
	if [ $$status -ne 1 ]; then echo "Expected the verdict fail (exit code 1), got exit code $$status." >&2; exit 1; fi; \
	echo "Red as expected: the verdict is fail, exit code 1."

.PHONY: validate
validate: build ## Check every experiment document without running it
	bin/ballast validate chaos/experiments docs/examples

.PHONY: lint
lint: go-version $(TOOLS)/golangci-lint ## Lint the code, its imports between rooms and go.mod
	$(TOOLS)/golangci-lint run
	$(GO) mod tidy -diff

.PHONY: lint-rules
lint-rules: build $(TOOLS)/promtool ## Lint the SLOs, and the rules with Prometheus' own tool
	bin/ballast slo lint
	$(TOOLS)/promtool check rules $(wildcard alerts/rules/prometheus/*.yaml alerts/resource/*.yaml)

.PHONY: fmt
fmt: go-version $(TOOLS)/golangci-lint ## Format the Go code
	$(TOOLS)/golangci-lint fmt

# Golden files belong to the packages whose tests declare -update. The tests
# that rewrite them run once without it, so that what was written is also true.
.PHONY: generate
generate: build ## Write every generated file again: rules, golden files, schema
	bin/ballast slo generate
	@packages=$$(grep -rl --include='*_test.go' 'flag\.Bool.*"update"' . | xargs -n1 dirname | sort -u); \
	for package in $$packages; do $(GO) test -count=1 "$$package" -update; done

.PHONY: bench
bench: go-version ## Run the benchmarks; BENCH=regexp COUNT=n BENCHTIME=d choose
	@mkdir -p $(OUT)
	$(GO) test -run '^$$' -bench '$(BENCH)' -benchmem -benchtime $(BENCHTIME) -count $(COUNT) -p 1 -timeout 30m ./... | tee $(OUT)/bench.txt.new | grep -v '\[no test files\]'
	@mv $(OUT)/bench.txt.new $(OUT)/bench.txt; echo "Written: $(OUT)/bench.txt"

.PHONY: bench-compare
bench-compare: $(TOOLS)/benchstat ## Compare two results: make bench-compare OLD=old.txt [NEW=out/bench.txt]
	@if [ -z "$(OLD)" ]; then echo "OLD is missing: make bench-compare OLD=old.txt" >&2; exit 1; fi
	$(TOOLS)/benchstat "$(OLD)" "$(or $(NEW),$(OUT)/bench.txt)"

.PHONY: tools
tools: $(addprefix $(TOOLS)/,golangci-lint promtool benchstat helm-unittest gotestsum) ## Build the pinned developer tools into bin/tools

# Each tool has a module of its own, so that what it needs never decides what
# the product is built with.
$(TOOLS)/%: tools/%/go.mod tools/%/go.sum | go-version
	GOBIN=$(abspath $(TOOLS)) $(GO) -C tools/$* install tool
	@touch $@

.PHONY: clean
clean: ## Remove what the other targets wrote
	rm -rf bin $(OUT)
