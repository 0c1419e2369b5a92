# nodemetrics: `make help` lists what there is to make. It needs Go, and gcc for the race detector.

GO          ?= go
STATICCHECK  = honnef.co/go/tools/cmd/staticcheck@v0.8.2
VARIANTS     = nodemetrics_tdigest nodemetrics_portable nodemetrics_step
PLATFORMS    = linux/386 linux/arm64 linux/s390x windows/amd64 darwin/arm64 js/wasm
# Temporal's server takes minutes to compile, so make conformance alone tests it.
TEMPORAL     = internal/temporalserver
MODULES      = $(filter-out $(TEMPORAL),$(patsubst %/go.mod,%,$(shell git ls-files '*/go.mod')))
ADAPTERS     = $(filter wrap/%,$(MODULES))
FUZZTIME    ?= 2m
SOAK        ?= 2m
JOBS        ?= 3200
TEST         = $(GO) test -timeout 10m

.DEFAULT_GOAL := help
.PHONY: help demo test race variants lint conformance model soak fleet fuzz bench bench-report bench-check check

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

demo: ## run a real pipeline over the Go source tree and show what its nodes did
	@$(GO) run ./internal/demo

test: ## run the tests, on 386 too where this machine can run it
	$(TEST) ./...
	@if [ "$$($(GO) env GOHOSTOS)" = linux ] && GOARCH=386 CGO_ENABLED=0 $(GO) test -run '^$$' errors >/dev/null 2>&1; then \
		echo 'GOARCH=386 CGO_ENABLED=0 $(TEST) ./...'; GOARCH=386 CGO_ENABLED=0 $(TEST) ./...; \
	else echo 'this machine runs no program for linux/386: these tests are left to .ci/platforms'; fi

race: ## run the tests, those of the adapters on a real Redis and PostgreSQL too, under the race detector
	@.ci/redis
	@.ci/postgres
	NODEMETRICS_POSTGRES=required $(TEST) -race ./...
	@set -e; export NODEMETRICS_REDIS=required NODEMETRICS_POSTGRES=required; for module in $(ADAPTERS); do echo "$(TEST) -race in $$module"; (cd $$module && $(TEST) -race ./...); done

variants: ## run the tests in every build variant
	@set -e; for tag in $(VARIANTS); do echo "$(TEST) -tags $$tag ./..."; $(TEST) -tags $$tag ./...; done
	$(TEST) -race -tags nodemetrics_step ./internal/ring
	GOEXPERIMENT=jsonv2 $(TEST) -run 'JSON|Parse|Merge|Since|Sketch|Logs|FirstVersion' ./atomicmetrics

lint: ## gofmt, vet, staticcheck, the listing of the API, and builds for other platforms
	@files=$$(gofmt -l .); if [ -n "$$files" ]; then echo "not gofmt'd:"; echo "$$files"; exit 1; fi
	$(GO) vet ./...
	$(GO) run $(STATICCHECK) ./...
	@set -e; for tag in $(VARIANTS); do echo "$(GO) vet -tags $$tag ./..."; $(GO) vet -tags $$tag ./...; done
	@set -e; for module in $(MODULES); do echo "vet and staticcheck in $$module"; \
		(cd $$module && $(GO) vet ./... && $(GO) run $(STATICCHECK) ./...); done
	cd internal/conformance && $(GO) vet -tags nodemetrics_step ./...
	$(GO) run ./internal/api
	@set -e; for p in $(PLATFORMS); do echo "build for $$p"; \
		GOOS=$${p%/*} GOARCH=$${p#*/} CGO_ENABLED=0 $(GO) build ./...; \
		GOOS=$${p%/*} GOARCH=$${p#*/} CGO_ENABLED=0 $(GO) vet ./...; done

conformance: ## let judges that are not ours look at what the library says
	@.ci/compiler
	@.ci/postgres
	cd internal/conformance && NODEMETRICS_POSTGRES=required $(TEST) ./...
	cd internal/conformance && $(TEST) -tags nodemetrics_step -run 'Linearizable|Window|NoInstant|Checkers' .
	cd $(TEMPORAL) && { $(TEST) ./... || $(TEST) ./...; } # the server was seen to hang once

model: ## let Spin search the models of the lock-free code
	internal/conformance/model/run

soak: ## mix everything at full speed on all cores for SOAK=2m and check all of it
	cd internal/conformance && $(GO) run ./soak -for $(SOAK)

fleet: ## run JOBS=3200 jobs in eight processes on a real PostgreSQL, kill one, and read all by Merge and by SQL
	@.ci/postgres
	@cd wrap/riverwrap && $(GO) run ./internal/fleet -jobs $(JOBS)

fuzz: ## fuzz every target for FUZZTIME=2m
	@GO=$(GO) .ci/fuzz $(FUZZTIME)

bench: ## run each benchmark once, and the tests of the suite that compares with peers
	$(GO) test -run '^$$' -bench . -benchtime 1x ./...
	cd bench && $(TEST) -bench . -benchtime 1x ./...

bench-report: ## run the suite, ten times; write bench/results/<cpu> and the README's table
	cd bench && $(GO) run ./cmd/report

bench-check: ## measure the targets and judge them; SHORT=-short prints times and judges only allocations and bytes
	cd bench && $(GO) run ./cmd/check $(SHORT)

check: ## run what CI runs
	@.ci/run
