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
EXPERIMENTS ?= chaos/experiments $(if $(filter cluster,$(TARGET)),chaos/cluster-experiments)
# Every experiment of this repository, whatever it runs on.
CATALOGUE_DIRS := chaos/experiments chaos/cluster-experiments chaos/local-experiments
# Where experiments run: local or cluster. On a cluster, CONTEXT names it by a context of
# the kubeconfig; without one it is the cluster NAME that `make up` made.
TARGET ?= local
CONTEXT ?=
TOOLS := bin/tools
# The cluster of up, down and their like: its name, what it is made of (source or
# kind; what this machine can do when empty), and of which image kind makes nodes
# (the one that it was released with when empty). INSTALL=1 lets up fetch the Debian
# packages that this machine lacks: they stay, and none is removed.
NAME ?= sandbox
CLUSTER ?=
NODE_IMAGE ?=
INSTALL ?=
CHARTS := $(addprefix platform/helm/,monitor probe observability chaos experiments)
# Which benchmarks run, how often and how long each.
BENCH ?= .
COUNT ?= 1
BENCHTIME ?= 1s

# Plain builds share Go's cache with the tests and the linters, which saves a
# newcomer minutes; what is released is built static and trimmed elsewhere.
BUILD = $(GO) build

# Where ONCE names a file, tests are run by tests/fit, which measures beside them whether
# the machine was fit. One test that failed while it was starved is run once more, unless
# the file is there already: CI has one such file for all its checks.
ONCE ?=

# With ONCE, a file that gets the events of `go test -json`; `make junit` reads it.
EVENTS ?=

# $(call go-test,PACKAGES,FLAGS,FIRST). The packages FIRST are compiled before any test
# runs: tests that measure would compete with the compiler. The race detector needs a C
# compiler with its headers, on a platform that has the detector; building the one package
# that needs all three tells.
go-test = race=-race; \
	if ! $(GO) build -race -o /dev/null runtime/cgo 2>/dev/null; then \
		race=; export CGO_ENABLED=0; \
		echo "The race detector is off: it needs a C compiler and libc headers (gcc, libc6-dev)."; \
	fi; \
	$(if $(3),$(GO) build $$race $(3) || exit; )\
	$(if $(EVENTS),mkdir -p "$(dir $(EVENTS))";) \
	$(if $(ONCE),bin/fit test --go=$(GO) --once=$(ONCE) $(if $(EVENTS),--events="$(EVENTS)") --packages="$(1)" -- $$race $(2),$(GO) test $$race $(2) $(1))

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

# Tests that compute much and start no goroutine of ours run without the race detector,
# which makes them five times as slow. The engine runs with it at one scrape interval, and
# without it at all of them.
UNRACED = ./chaos/runner/internal/judge ./dashboards ./internal/rules ./internal/rules/ruletest ./platform/helm

.PHONY: test
test: $(if $(ONCE),fit,go-version) ## Run the tests, with the race detector where it can run
	@$(call go-test,$$($(GO) list ./... | grep -vxF "$$($(GO) list $(UNRACED))"),-timeout 10m,./...)
	@BALLAST_BROWSER=1 $(GO) test -timeout 10m ./chaos/runner/internal/engine $(UNRACED)
	@BALLAST_BROWSER=1 $(GO) test -timeout 10m -run TestPagesFitEveryWindow ./chaos/runner/internal/report
	@BALLAST_BROWSER=1 $(GO) test -timeout 10m -run TestThePageInABrowser ./src/monitor

.PHONY: integration
integration: $(if $(ONCE),fit,go-version) ## Run the tests of the built binaries, which take minutes
	@$(call go-test,./tests/integration/...,-count=1 -timeout 20m -tags integration)

.PHONY: predictions
predictions: go-version ## Count how often alerts fire when they are predicted, idle and with every core busy; RUNS=20, an hour
	BALLAST_PREDICTIONS=$(or $(RUNS),20) $(GO) test -count=1 -timeout 3h -tags integration -run TestPredictionsHold -v ./tests/integration

.PHONY: fit
fit: go-version
	$(BUILD) -o bin/fit ./tests/fit

.PHONY: helm-test
helm-test: go-version $(TOOLS)/helm-unittest ## Test the charts: every rendered variant, and helm-unittest's suites
	@$(GO) test -count=1 ./platform/helm
	$(TOOLS)/helm-unittest --strict $(CHARTS)

.PHONY: e2e
e2e: cluster fit $(TOOLS)/gotestsum ## Run the tests on a cluster of their own, as root; KUBECONFIG_E2E=FILE takes one that is there, FAST=1 adds loads of 1,000/s, CATALOGUE=all every experiment, REPEAT=N some of them again
	@mkdir -p $(OUT)/e2e
	@status=0; bin/fit test --verbose --go=$(GO) $(if $(ONCE),--once=$(ONCE)) --events=$(OUT)/e2e/events.jsonl --packages=./tests/e2e -- \
		-count=1 -timeout $(if $(REPEAT),240,$(if $(CATALOGUE),150,60))m -tags e2e -args $(if $(filter 1,$(FAST)),-fast) $(if $(CATALOGUE),-catalogue=$(CATALOGUE)) $(if $(REPEAT),-repeat=$(REPEAT)) -cluster=$(abspath bin/cluster) -out=$(abspath $(OUT)/e2e) \
		$(if $(CLUSTER),-provider=$(CLUSTER)) $(if $(NODE_IMAGE),-node-image=$(NODE_IMAGE)) $(if $(KUBECONFIG_E2E),-kubeconfig=$(KUBECONFIG_E2E)) || status=$$?; \
	$(TOOLS)/gotestsum --format=none --junitfile=$(OUT)/e2e/junit.xml --raw-command -- cat $(OUT)/e2e/events.jsonl || true; \
	exit $$status

.PHONY: drill
drill: cluster ## Bring a page and a ticket to a receiver through the whole chain of a cluster that is up, and measure each hop
	$(GO) test -count=1 -v -timeout 20m -tags e2e -run '^TestDrill$$' ./tests/e2e -args -attach -cluster=$(abspath bin/cluster) -name=$(NAME) $(if $(CLUSTER),-provider=$(CLUSTER))

.PHONY: cluster
cluster: go-version
	$(BUILD) -o bin/cluster ./platform/cluster

CLUSTER_FLAGS = --name=$(NAME) $(if $(CLUSTER),--provider=$(CLUSTER))

.PHONY: up
up: cluster ## Bring up a Kubernetes cluster with the whole platform, or repair it; CLUSTER=source|kind NAME=name INSTALL=1
	bin/cluster up $(CLUSTER_FLAGS) $(if $(NODE_IMAGE),--node-image=$(NODE_IMAGE)) $(if $(filter 1,$(INSTALL)),--install)

.PHONY: changes
changes: go-version ## Build bin/changes, which says what a promotion changes in an environment
	$(BUILD) -o bin/changes ./platform/changes

# The flags are in PROMOTE: make promote PROMOTE="--from staging --to prod --registry registry.example"
.PHONY: promote
promote: build changes ## Bring what one environment runs to the next; PROMOTE="--from staging --to prod --registry registry.example [--push origin]" [RESULT=file]
	@$(if $(RESULT),mkdir -p "$(dir $(RESULT))";) $(call coded,bin/ballast promote $(PROMOTE) $(if $(RESULT),>"$(RESULT)"))

# Plain git, so that going back needs nothing that could be broken. Squashing adds the number
# of the pull request to a title; `ballast rollback` knows the same forms, and tests hold both
# to one list of titles.
.PHONY: rollback
rollback: ## Take the last promotion of an environment back, in one commit; ENV=prod
	@if [ -z "$(ENV)" ]; then echo "ENV is missing: make rollback ENV=prod" >&2; exit 1; fi; \
	file=platform/argocd/environments/$(ENV)/pair.yaml; \
	commit=$$(git log -1 --format=%H -- "$$file"); \
	if [ -z "$$commit" ]; then echo "Nothing was ever promoted to $(ENV): no commit changed $$file." >&2; exit 1; fi; \
	subject=$$(git log -1 --format=%s "$$commit"); \
	case "$$(sed -E 's/^Merged PR [0-9]+: //; s/ \(#[0-9]+\)$$//' <<<"$$subject")" in \
	"Promote "*" to $(ENV)") ;; \
	*) echo "The last change of $$file is not a promotion but \"$$subject\" ($$commit). To undo another commit: git revert COMMIT." >&2; exit 1;; \
	esac; \
	git revert --no-edit "$$commit"

# The experiments that a pair has to pass on ENV before it is promoted to the next environment.
.PHONY: promotion-experiments
promotion-experiments: ## List the experiments that have to pass on ENV before a promotion from it; ENV=staging
	@if [ -z "$(ENV)" ]; then echo "ENV is missing: make promotion-experiments ENV=staging" >&2; exit 1; fi; \
	files=$$(grep -lx '  from: $(ENV)' platform/argocd/environments/*/promotion.yaml) || { echo "No environment takes pairs from $(ENV)." >&2; exit 1; }; \
	sed -n 's/^ *- \(chaos\/[a-z/-]*\.yaml\)$$/\1/p' $$files | sort -u | tr '\n' ' '

.PHONY: attest
attest: build ## Attach the verdicts of out/chaos to the image that ENV runs; ENV=staging REGISTRY=registry.example [AUTH=file]
	@pair=platform/argocd/environments/$(ENV)/pair.yaml; \
	if [ -z "$(ENV)" ] || [ ! -f "$$pair" ]; then echo "ENV \"$(ENV)\": the file $$pair does not exist; run, for example: make attest ENV=staging REGISTRY=registry.example" >&2; exit 1; fi; \
	field() { sed -n "s/^ *$$1: \"\(.*\)\"$$/\1/p" "$$pair"; }; \
	bin/ballast attest --image "$(REGISTRY)/$(PREFIX)/monitor@$$(field monitor)" --revision "$$(field revision)" --environment "$(ENV)" \
		--auth "$(or $(AUTH),$(HOME)/.docker/config.json)" $(OUT)/chaos/report.json

# A release: images from source to a registry. RELEASED are the images that promotion.yaml
# of the first environment names. KEY is a file, made when it is not there, or a key in a
# Key Vault: azurekms://VAULT.vault.azure.net/KEY. UNSCANNED=1 goes on without a database
# of vulnerabilities, and the provenance says so.
RELEASED ?= monitor ballast
ARCHES ?= amd64 arm64
REGISTRY ?= 127.0.0.1:5000
PREFIX ?= ballast
KEY ?= $(OUT)/keys/release.key
AUTH ?=
BUILDER ?=
SCAN_DATABASE ?= https://vuln.go.dev
UNSCANNED ?=
RELEASE = bin/release --dir=$(OUT)/release

.PHONY: release-program
release-program: go-version
	$(BUILD) -o bin/release ./platform/release

$(OUT)/keys/release.key: | release-program
	bin/release key --out=$@

.PHONY: release
release: ## Build, scan, sign and publish the images; REGISTRY=127.0.0.1:5000 [KEY=file|azurekms://…] [SCAN_DATABASE=url] [UNSCANNED=1]
	@$(MAKE) --no-print-directory release-build
	@$(MAKE) --no-print-directory release-scan EXIT=$(or $(EXIT),$(OUT)/release/scan.exit) || [ "$(UNSCANNED)/$$(cat $(or $(EXIT),$(OUT)/release/scan.exit))" = 1/3 ]
	@$(MAKE) --no-print-directory release-sign
	@$(MAKE) --no-print-directory release-publish

.PHONY: release-build
release-build: release-program ## Build the images for every architecture, with bills of materials; RELEASED="monitor ballast" ARCHES="amd64 arm64" [REVISION=commit]
	$(RELEASE) build $(addprefix --image=,$(RELEASED)) $(addprefix --arch=,$(ARCHES)) $(if $(REVISION),--revision=$(REVISION))

.PHONY: release-scan
release-scan: release-program $(TOOLS)/govulncheck ## Scan the images of the release; exit code 1: something was found, 3: it could not be scanned. EXIT=file keeps it
	@$(call coded,$(RELEASE) scan --scanner=$(abspath $(TOOLS)/govulncheck) --database="$(SCAN_DATABASE)")

.PHONY: release-sign
release-sign: release-program $(if $(filter azurekms://%,$(KEY)),,$(KEY)) ## Sign the images of the release; KEY=file|azurekms://VAULT.vault.azure.net/KEY
	$(RELEASE) sign --key="$(KEY)" --registry="$(REGISTRY)" --prefix="$(PREFIX)" $(if $(BUILDER),--builder="$(BUILDER)") $(if $(filter 1,$(UNSCANNED)),--unscanned)

.PHONY: release-publish
release-publish: release-program ## Publish the signed images by digest; REGISTRY=registry.example [AUTH=file]
	$(RELEASE) publish --registry="$(REGISTRY)" --prefix="$(PREFIX)" $(if $(AUTH),--auth="$(AUTH)") $(if $(filter 1,$(UNSCANNED)),--unscanned)

.PHONY: release-check
release-check: release-program $(TOOLS)/govulncheck ## Prove the gate: scan this repository's own image with the real scanner and databases made for the test; RECORD=1 keeps what the scanner says for the tests
	$(GO) -C tools/govulncheck test -count=1 -v . -args -release=$(abspath bin/release) -scanner=$(abspath $(TOOLS)/govulncheck) $(if $(filter 1,$(RECORD)),-record=$(abspath platform/release/testdata))

.PHONY: registry
registry: release-program ## Serve a registry on this machine for trying a release, until Ctrl-C; REGISTRY=127.0.0.1:5000
	bin/release registry --listen="$(REGISTRY)"

.PHONY: pull-request
pull-request: release-program ## Open the pull request of a promotion or a rollback in Azure DevOps, with az; RESULT=out/promotion.json
	bin/release pull-request --of="$(RESULT)"

# The three below need the Azure CLI, logged in with `az login`.
.PHONY: registry-login
registry-login: ## Log in to an Azure registry; REGISTRY=NAME.azurecr.io
	az acr login --name "$(REGISTRY)"

.PHONY: aks-login
aks-login: ## Log in to the AKS cluster of ENV, as the context ballast-ENV
	@if [ -z "$(ENV)" ]; then echo "ENV is missing: make aks-login ENV=staging" >&2; exit 1; fi
	az aks get-credentials --resource-group "rg-ballast-$(ENV)" --name "aks-ballast-$(ENV)" --context "ballast-$(ENV)" --overwrite-existing
	kubelogin convert-kubeconfig --login azurecli

# The token is good for an hour or so. The scope is that of queries in the public cloud.
.PHONY: prometheus-login
prometheus-login: ## Log in to Azure's managed Prometheus: writes out/prometheus/http.yaml, for --prometheus-http-config
	@umask 077; rm -rf $(OUT)/prometheus; mkdir -p $(OUT)/prometheus; \
	az account get-access-token --scope https://prometheus.monitor.azure.com/.default --query accessToken --output tsv >$(OUT)/prometheus/token; \
	echo 'authorization: {credentials_file: token}' >$(OUT)/prometheus/http.yaml

.PHONY: rollback-on-page
rollback-on-page: build ## Propose the revert of a promotion, as a branch, when a budget began to burn after it; ENV=prod PROMETHEUS=URL [PROMETHEUS_HTTP=file] [PUSH=origin] [RESULT=file]
	@$(if $(RESULT),mkdir -p "$(dir $(RESULT))";) $(call coded,bin/ballast rollback --environment "$(ENV)" --prometheus-url "$(PROMETHEUS)" $(if $(PROMETHEUS_HTTP),--prometheus-http-config "$(PROMETHEUS_HTTP)") $(if $(PUSH),--push "$(PUSH)") $(if $(RESULT),--format json >"$(RESULT)"))
	@$(if $(RESULT),cat "$(RESULT)",:)

.PHONY: down
down: cluster ## Remove the cluster; built components and installed packages stay
	bin/cluster down $(CLUSTER_FLAGS)

.PHONY: status
status: cluster ## Show the applications: revision, images, distance from git, last operation, verdicts; FORMAT=json CONTEXT=context
	@bin/cluster status $(CLUSTER_FLAGS) $(if $(FORMAT),--format=$(FORMAT)) $(if $(CONTEXT),--context=$(CONTEXT))

.PHONY: memory
memory: cluster ## Show how much memory the programs of the cluster take
	@bin/cluster memory $(CLUSTER_FLAGS)

.PHONY: logs
logs: cluster ## Copy the logs of the node and its pods to out/logs
	bin/cluster logs $(CLUSTER_FLAGS) $(OUT)/logs

.PHONY: validate-app
validate-app: cluster ## Check the file of an application and its chart before it is pushed; FILE=docs/tenant/phonebook.yaml [CHART=dir]
	@if [ -z "$(FILE)" ]; then echo "FILE is missing: make validate-app FILE=docs/tenant/phonebook.yaml" >&2; exit 1; fi
	@bin/cluster validate-app "$(FILE)" $(if $(CHART),--chart="$(CHART)")

# What Argo CD would apply on the clusters that Terraform makes. Chaos Mesh's own chart is
# checked too where its module is at hand, as it is after `make up`.
.PHONY: validate-environments
validate-environments: go-version ## Render every environment with the outputs of a mocked plan and check each object as the API server would; [ENVIRONMENTS="staging prod"]
	$(BUILD) -o bin/environments ./platform/environments
	@mesh=$$($(GO) -C platform/cluster/components/chaos-mesh list -m -f '{{.Dir}}' github.com/chaos-mesh/chaos-mesh 2>/dev/null || true); \
	bin/environments $${mesh:+--dependency=chaos-mesh="$$mesh/helm/chaos-mesh"} $(ENVIRONMENTS)

.PHONY: load-image
load-image: cluster ## Build an image and put it into the cluster: make load-image IMAGE=monitor [TAG=dev]
	@if [ -z "$(IMAGE)" ]; then echo "IMAGE is missing: make load-image IMAGE=monitor" >&2; exit 1; fi
	$(GO) run ./platform/image --layout=$(OUT)/images/$(IMAGE) $(IMAGE)
	bin/cluster load-image $(CLUSTER_FLAGS) $(OUT)/images/$(IMAGE) ballast/$(IMAGE):$(or $(TAG),dev)

# Says where the report of $(OUT)/NAME is, if there is one.
say-report = if [ -f $(OUT)/$(1)/report.html ]; then echo "Report: file://$(abspath $(OUT))/$(1)/report.html"; fi

# $(call coded,COMMAND) ends with the exit code of the command, and writes it to the file EXIT
# if one is given: make itself ends with 2 after every failure, and a pipeline has to tell
# "failed" from "could not be judged".
EXIT ?=
coded = status=0; $(1) || status=$$?; $(leave-exit)
leave-exit = $(if $(EXIT),mkdir -p "$(dir $(EXIT))"; echo $$status >"$(EXIT)";) exit $$status

.PHONY: chaos
chaos: build $(if $(filter cluster,$(TARGET)),cluster) ## Run every experiment on this machine and write the report; TARGET=cluster NAME=name|CONTEXT=context on a cluster
	@status=0; $(if $(filter cluster,$(TARGET)),$(if $(CONTEXT),,eval "$$(bin/cluster env $(CLUSTER_FLAGS))";)) \
	bin/ballast run --out $(OUT)/chaos $(if $(filter cluster,$(TARGET)),--target=cluster --context=$(or $(CONTEXT),ballast-$(NAME))) $(EXPERIMENTS) || status=$$?; \
	$(call say-report,chaos); \
	$(leave-exit)

# More arguments of `ballast load-test`, such as LOAD_TEST="--max 1000 --prices prices.yaml".
LOAD_TEST ?=

.PHONY: load-test
load-test: build $(if $(filter cluster,$(TARGET)),cluster) ## Raise the rate on this machine until an SLO breaks, at most 2 minutes; TARGET=cluster NAME=name|CONTEXT=context on a cluster; LOAD_TEST=arguments
	@status=0; $(if $(filter cluster,$(TARGET)),$(if $(CONTEXT),,eval "$$(bin/cluster env $(CLUSTER_FLAGS))";)) \
	bin/ballast load-test --out $(OUT)/load-test/report.json $(if $(filter cluster,$(TARGET)),--target=cluster --context=$(or $(CONTEXT),ballast-$(NAME))) $(LOAD_TEST) || status=$$?; \
	$(leave-exit)

.PHONY: mutants
mutants: ## Take each rule of the judge away and see a test fail, and test the rules of SLOs of any period; minutes
	BALLAST_MUTANTS=1 $(GO) test -count=1 -timeout 20m -run TestEveryRuleIsHeldByATest ./chaos/runner/internal/judge
	BALLAST_MUTANTS=1 $(GO) test -count=1 -timeout 20m ./internal/rules/ruletest

.PHONY: chaos-judge
chaos-judge: build ## Compute the verdicts of the last `make chaos` again, from its report alone
	bin/ballast report --judge $(OUT)/chaos/report.json

.PHONY: chaos-red
chaos-red: build ## Run the experiment whose SLO must break; anything but "fail" is an error
	@status=0; bin/ballast run --out $(OUT)/chaos-red docs/examples/all-replicas-fail.yaml || status=$$?; \
	$(call say-report,chaos-red); \
	if [ $$status -ne 1 ]; then echo "Expected the verdict fail (exit code 1), got exit code $$status." >&2; exit 1; fi; \
	echo "Red as expected: the verdict is fail, exit code 1."

# Most of the latency budget counts as spent before the run: spending it would take six minutes.
# With ENDS=1 the run waits until the slowest tier has ended, whose window is five minutes here.
ALERT_FLAGS = --budget-spent monitor-latency=90% $(if $(filter 1,$(ENDS)),,--leave-firing)

.PHONY: chaos-alerts
chaos-alerts: build ## Fire every alert on SLOs and replicas on this machine, two minutes; ENDS=1 sees them end too, seven
	@status=0; bin/ballast run --out $(OUT)/chaos-alerts $(ALERT_FLAGS) chaos/local-experiments || status=$$?; \
	$(call say-report,chaos-alerts); \
	exit $$status

.PHONY: validate
validate: build ## Check every experiment document without running it
	bin/ballast validate $(CATALOGUE_DIRS) docs/examples

.PHONY: lint
lint: go-version $(TOOLS)/golangci-lint ## Lint the code, its imports between rooms and go.mod
	$(TOOLS)/golangci-lint run
	$(GO) mod tidy -diff

.PHONY: lint-rules
lint-rules: build $(TOOLS)/promtool ## Lint the SLOs, the rules with Prometheus' own tool, the routes with Alertmanager's code, and the Dockerfile with BuildKit's
	bin/ballast slo lint
	$(TOOLS)/promtool check rules $(wildcard alerts/rules/prometheus/*.yaml alerts/resource/*.yaml)
	$(TOOLS)/promtool test rules alerts/tests/*.yaml
	$(GO) -C tools/alertmanager test ./...
	$(GO) -C tools/dockerfile test ./...

# Terraform, with the real providers. Building that of Azure takes a quarter of an hour and 4 GB
# of memory once, that of Helm two minutes, so no other check needs these targets: the others
# read platform/terraform/schema.json, which terraform-schema records.
TERRAFORM ?= terraform
AZURERM := 5.2.0
AZURERM_PROGRAM ?= $(TOOLS)/terraform-provider-azurerm
HELM_PROVIDER := 3.2.0
HELM_PROGRAM ?= $(TOOLS)/terraform-provider-helm
WITH_HELM = BALLAST_TERRAFORM="$(TERRAFORM)" BALLAST_HELM="$(abspath $(HELM_PROGRAM))" BALLAST_HELM_VERSION=$(HELM_PROVIDER)
WITH_AZURERM = $(WITH_HELM) BALLAST_AZURERM="$(abspath $(AZURERM_PROGRAM))" BALLAST_AZURERM_VERSION=$(AZURERM)
WITH_PROVIDERS := TestTheProviderAcceptsEverything|TestEveryProperty.*IsHeldByATest

.PHONY: terraform-check
terraform-check: terraform-lint $(AZURERM_PROGRAM) $(HELM_PROGRAM) ## Lint, validate and test the modules with the real providers, and take each property away; needs terraform, and a quarter of an hour the first time
	$(TERRAFORM) fmt -check -recursive platform/terraform
	$(WITH_AZURERM) $(GO) test -count=1 -v -timeout 60m -run '$(WITH_PROVIDERS)' ./platform/terraform

.PHONY: terraform-check-argocd
terraform-check-argocd: go-version $(HELM_PROGRAM) ## The part of terraform-check that is about Argo CD and does without the provider of Azure; needs terraform
	$(WITH_HELM) $(GO) test -count=1 -v -timeout 20m -run '$(WITH_PROVIDERS)' ./platform/terraform

# tflint and the rule set of azurerm are one module, so that both speak the same protocol.
.PHONY: terraform-lint
terraform-lint: go-version $(TOOLS)/tflint ## Lint the modules and environments with tflint and its rules for azurerm; downloads nothing but Go modules
	BALLAST_TFLINT="$(abspath $(TOOLS)/tflint)" TFLINT_PLUGIN_DIR="$(abspath $(TOOLS))" \
		$(GO) test -count=1 -v -run 'TestTheLinter' ./platform/terraform

# Trivy reads JSON with a package that Go has as an experiment.
$(TOOLS)/trivy: export GOEXPERIMENT := jsonv2

.PHONY: terraform-scan
terraform-scan: go-version $(TOOLS)/trivy ## Scan the modules and environments for misconfigurations with trivy, and compare with findings.json; RECORD=1 records them. Ten minutes to build trivy
	BALLAST_TRIVY="$(abspath $(TOOLS)/trivy)" BALLAST_RECORD=$(filter 1,$(RECORD)) \
		$(GO) test -count=1 -v -run 'TestTheScan' ./platform/terraform

.PHONY: terraform-schema
terraform-schema: go-version $(AZURERM_PROGRAM) $(HELM_PROGRAM) ## Record the providers' schemas of the resources in use, after a change of a version or of what is used
	BALLAST_RECORD=1 $(WITH_AZURERM) $(GO) test -count=1 -timeout 10m -run 'TestRecordTheSchema' ./platform/terraform

.PHONY: pipeline-schema
pipeline-schema: go-version ## Record what the pipelines use of Azure Pipelines' schema; SCHEMA=service-schema.json of microsoft/azure-pipelines-vscode
	BALLAST_PIPELINE_SCHEMA="$(abspath $(SCHEMA))" $(GO) test -count=1 -run TestRecordTheSchema ./platform/pipelines

.PHONY: dashboards-check
dashboards-check: go-version ## Check the dashboards: what Grafana would accept, and every query against a Prometheus with and without trouble
	BALLAST_BROWSER=1 $(GO) test -count=1 ./dashboards/...

.PHONY: dashboards-figures
dashboards-figures: go-version ## Measure what the rules and panels of 50 SLOs take, a preview of a day, and the check; minutes
	@BALLAST_FIGURES=1 $(GO) test -count=1 -timeout 30m -run Figures -v ./dashboards
	@SECONDS=0; $(MAKE) --no-print-directory dashboards-check; echo "dashboards-check took $$SECONDS s, with compiling (at most 120 s)"

# Where the preview's data come from: any Prometheus, the directory of a finished run, the
# samples that one kept, or else a run on this machine. FROM is the beginning of the range,
# VAR values of variables.
PROMETHEUS_URL ?=
RUN ?=
SAMPLES ?=
FROM ?=
VAR ?=

.PHONY: dashboards-preview
dashboards-preview: $(if $(RUN),build,go-version) ## Draw the dashboards as one page; PROMETHEUS_URL=url|RUN=out/chaos|SAMPLES=file FROM=now-15m VAR="slo=name tier=page"
	@mkdir -p $(OUT)/dashboards
	@$(if $(RUN),bin/ballast ledger --format prom $(RUN) >$(OUT)/dashboards/run.prom;) \
	PROMETHEUS_URL='$(if $(RUN)$(SAMPLES),,$(PROMETHEUS_URL))' $(GO) run ./dashboards preview --dir dashboards --out $(OUT)/dashboards/preview.html \
		$(if $(RUN),--exposition $(OUT)/dashboards/run.prom) $(if $(SAMPLES),--samples '$(SAMPLES)') $(if $(FROM),--from '$(FROM)') $(foreach v,$(VAR),--var '$(v)')

# The token is in the environment, as GRAFANA_TOKEN, or in the file GRAFANA_TOKEN_FILE.
GRAFANA_URL ?=
OVERWRITE ?=

.PHONY: dashboards-push
dashboards-push: go-version ## Push the dashboards to a Grafana; GRAFANA_URL=url [OVERWRITE=1], the token in GRAFANA_TOKEN or the file GRAFANA_TOKEN_FILE
	@GRAFANA_URL='$(GRAFANA_URL)' $(GO) run ./dashboards push --dir dashboards --message 'ballast $(VERSION)' $(if $(filter 1,$(OVERWRITE)),--overwrite)

.PHONY: cross-check
cross-check: go-version $(TOOLS)/promtool $(TOOLS)/pint ## Compare an SLO's rules with those that Sloth generates for it, and run the offline checks of promtool and pint; minutes
	$(TOOLS)/promtool check rules $(wildcard alerts/rules/prometheus/*.yaml)
	$(TOOLS)/pint --offline --no-color lint --min-severity=warning alerts/rules/prometheus
	$(GO) -C tools/sloth test -count=1 -timeout 30m -v ./...

.PHONY: node-exporter
node-exporter: build $(TOOLS)/node_exporter ## Compare the monitor's metrics by node_exporter's names with node_exporter's; UPDATE=1 writes the page with the differences
	$(GO) -C tools/node_exporter test -count=1 -v . -args -monitor=$(abspath bin/monitor) -node-exporter=$(abspath $(TOOLS)/node_exporter) $(if $(filter 1,$(UPDATE)),-update)

.PHONY: fmt
fmt: go-version $(TOOLS)/golangci-lint ## Format the Go code
	$(TOOLS)/golangci-lint fmt

.PHONY: crd-schema
crd-schema: ## Write the schema of Chaos Mesh's kinds again, after a change of its version
	$(GO) -C tools/crd-schema run . > $(abspath chaos/runner/internal/fault)/schema.json.new
	mv chaos/runner/internal/fault/schema.json.new chaos/runner/internal/fault/schema.json

# Golden files belong to the packages whose tests declare -update. Tests that write
# one have Golden in their names, and no other test runs here. The modules under
# tools/ keep what they compare with themselves: this module cannot run their tests.
.PHONY: generate
generate: build ## Write every generated file again: rules, dashboards, golden files, schema
	bin/ballast slo generate
	bin/ballast slo matrix $(CATALOGUE_DIRS) > docs/reference/alert-matrix.md.new
	mv docs/reference/alert-matrix.md.new docs/reference/alert-matrix.md
	@packages=$$(grep -rl --include='*_test.go' --exclude-dir=tools 'flag\.Bool.*"update"' . | xargs -n1 dirname | sort -u); \
	if ! out=$$($(GO) test -count=1 -run Golden $$packages -update 2>&1); then echo "$$out"; exit 1; fi; \
	echo "$$out"; \
	if grep 'no tests to run' <<<"$$out" >&2; then \
		echo "These packages have golden files and no test with Golden in its name." >&2; exit 1; \
	fi

.PHONY: generated
generated: generate ## Write every generated file again, and fail when one was not current
	git diff --exit-code
	@if [ -n "$$(git status --porcelain)" ]; then git status --short; exit 1; fi

.PHONY: starved
starved: ## Print which test was repeated because the machine was too busy; ONCE=file
	@if [ -s "$(ONCE)" ]; then cat "$(ONCE)"; else echo "No starved test was repeated."; fi

.PHONY: junit
junit: $(TOOLS)/gotestsum ## Write the results of tests as JUnit; EVENTS=file JUNIT=file
	@$(TOOLS)/gotestsum --format=none --junitfile="$(JUNIT)" --raw-command -- cat "$(EVENTS)" || true
	@test -s "$(JUNIT)"

.PHONY: coverage
coverage: go-version $(TOOLS)/gocover-cobertura ## Measure which statements the tests reach: out/coverage/cover.out and cobertura.xml
	@mkdir -p $(OUT)/coverage
	$(GO) test -timeout 20m -coverprofile=$(OUT)/coverage/cover.out ./...
	$(TOOLS)/gocover-cobertura <$(OUT)/coverage/cover.out >$(OUT)/coverage/cobertura.xml

.PHONY: bench
bench: go-version ## Run the benchmarks; BENCH=regexp COUNT=n BENCHTIME=d choose
	@mkdir -p $(OUT)
	$(GO) test -run '^$$' -bench '$(BENCH)' -benchmem -benchtime $(BENCHTIME) -count $(COUNT) -p 1 -timeout 30m ./... | tee $(OUT)/bench.txt.new | grep -v '\[no test files\]'
	@mv $(OUT)/bench.txt.new $(OUT)/bench.txt; echo "Written: $(OUT)/bench.txt"

# For make bench-peers: the number of rounds, the length of each part of a round (1: 15 minutes
# in all), and the page for the results.
ROUNDS ?= 10
LENGTH ?= 1
PAGE ?= docs/reference/peers.md

.PHONY: bench-peers
bench-peers: go-version $(TOOLS)/node_exporter ## Measure the monitor beside node_exporter and others, as root on a quiet machine, and write the page with the table; ROUNDS=n LENGTH=x PAGE=file, 15 minutes
	@mkdir -p $(OUT)/peers
	$(GO) run ./platform/image --bin-dir=$(OUT)/peers --layout=$(OUT)/peers/image monitor
	$(BUILD) -o bin/peers ./tests/peers
	bin/peers --monitor=$(OUT)/peers/monitor-$$($(GO) env GOARCH) --image=$(OUT)/peers/image --node-exporter=$(TOOLS)/node_exporter --rounds=$(ROUNDS) --length=$(LENGTH) --out=$(PAGE)

.PHONY: bench-compare
bench-compare: $(TOOLS)/benchstat ## Compare two results: make bench-compare OLD=old.txt [NEW=out/bench.txt]
	@if [ -z "$(OLD)" ]; then echo "OLD is missing: make bench-compare OLD=old.txt" >&2; exit 1; fi
	$(TOOLS)/benchstat "$(OLD)" "$(or $(NEW),$(OUT)/bench.txt)"

.PHONY: tools
tools: $(addprefix $(TOOLS)/,golangci-lint promtool benchstat helm-unittest gotestsum pint) ## Build the pinned developer tools into bin/tools

# Each tool has a module of its own, so that what it needs never decides what
# the product is built with.
$(TOOLS)/%: tools/%/go.mod tools/%/go.sum | go-version
	GOBIN=$(abspath $(TOOLS)) $(GO) -C tools/$* install tool
	@touch $@

.PHONY: clean
clean: ## Remove what the other targets wrote
	rm -rf bin $(OUT)
