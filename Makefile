# nodemetrics: `make help` lists what there is to make. It needs Go, and gcc for the race detector.

GO          ?= go
STATICCHECK  = honnef.co/go/tools/cmd/staticcheck@v0.8.2
MIN_COVER    = 90
VARIANTS     = nodemetrics_tdigest nodemetrics_portable nodemetrics_step
PLATFORMS    = linux/386 linux/arm64 linux/s390x windows/amd64 darwin/arm64 js/wasm
MODULES      = $(patsubst %/go.mod,%,$(shell git ls-files '*/go.mod'))
ADAPTERS     = $(filter wrap/%,$(MODULES))
FUZZTIME    ?= 2m
SOAK        ?= 2m
TEST         = $(GO) test -timeout 10m

.DEFAULT_GOAL := help
.PHONY: help demo test race variants lint cover build api api-update adapters conformance soak fuzz fuzz-smoke model platforms mutation bench bench-smoke bench-report bench-check check

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

demo: ## run a real pipeline over the Go source tree and show what its nodes did
	@$(GO) run ./internal/demo

test: ## run the tests, on 386 too where this machine can run it
	$(TEST) ./...
	@if [ "$$($(GO) env GOHOSTOS)" = linux ] && GOARCH=386 CGO_ENABLED=0 $(GO) test -run '^$$' errors >/dev/null 2>&1; then \
		echo 'GOARCH=386 CGO_ENABLED=0 $(TEST) ./...'; GOARCH=386 CGO_ENABLED=0 $(TEST) ./...; \
	else echo 'this machine runs no program for linux/386: these tests are left to make platforms'; fi

race: ## run the tests under the race detector
	$(TEST) -race ./...

variants: ## run the tests in every build variant
	@set -e; for tag in $(VARIANTS); do echo "$(TEST) -tags $$tag ./..."; $(TEST) -tags $$tag ./...; done
	$(TEST) -race -tags nodemetrics_step ./internal/ring

lint: ## gofmt, vet and staticcheck
	@files=$$(gofmt -l .); if [ -n "$$files" ]; then echo "not gofmt'd:"; echo "$$files"; exit 1; fi
	$(GO) vet ./...
	$(GO) run $(STATICCHECK) ./...
	@set -e; for tag in $(VARIANTS); do echo "$(GO) vet -tags $$tag ./..."; $(GO) vet -tags $$tag ./...; done
	@set -e; for module in $(MODULES); do echo "vet and staticcheck in $$module"; \
		(cd $$module && $(GO) vet ./... && $(GO) run $(STATICCHECK) ./...); done
	cd internal/conformance && $(GO) vet -tags nodemetrics_step ./...

cover: ## fail where a public package's tests cover less than $(MIN_COVER) % of its statements
	@$(GO) test -cover ./atomicmetrics ./digest ./wrap ./internal/ring ./internal/history ./internal/helper ./internal/sketch | awk -v min=$(MIN_COVER) ' \
		{ print } /^FAIL|no test files/ { bad = 1 } \
		match($$0, /coverage: [0-9.]+%/) { n++; if (substr($$0, RSTART + 10, RLENGTH - 11) + 0 < min) bad = 1 } \
		END { if (bad || n < 6) { print "coverage: something is below " min " %, or failed"; exit 1 } }'

build: ## build for other platforms
	@set -e; for p in $(PLATFORMS); do echo "build for $$p"; \
		GOOS=$${p%/*} GOARCH=$${p#*/} CGO_ENABLED=0 $(GO) build ./...; \
		GOOS=$${p%/*} GOARCH=$${p#*/} CGO_ENABLED=0 $(GO) vet ./...; done

api: ## compare the exported declarations with the committed listing of them
	$(GO) run ./internal/api

api-update: ## write that listing anew, when a change of it is meant
	$(GO) run ./internal/api -update

adapters: ## run the tests of the adapters that are modules of their own, under the race detector
	@set -e; for module in $(ADAPTERS); do echo "$(TEST) -race in $$module"; (cd $$module && $(TEST) -race ./...); done

conformance: ## let judges that are not ours look at what the library says
	cd internal/conformance && $(TEST) ./...
	cd internal/conformance && $(TEST) -tags nodemetrics_step -run 'Linearizable|Window|NoInstant|Checkers' .

soak: ## mix everything at full speed on all cores for SOAK=2m and check all of it
	cd internal/conformance && $(GO) run ./soak -for $(SOAK)

model: ## let Spin search the models of records, reads, resets, looks, large windows and the helper
	internal/conformance/model/run

fuzz: ## fuzz every target for FUZZTIME=2m
	@GO=$(GO) .ci/fuzz $(FUZZTIME)

fuzz-smoke: ## fuzz every target for some seconds
	@GO=$(GO) .ci/fuzz 5s

platforms: ## run the tests on emulated 386, arm64 and s390x, as far as qemu-user can be had
	@GO=$(GO) .ci/platforms $(SHORT)

mutation: ## fail where the tests kill less than 85 % of the mutants that they cover; takes hours, or PACKAGES=./digest
	@GO=$(GO) .ci/mutation $(PACKAGES)

bench: ## run the suite, the peers in it, ten times: tables of medians
	cd bench && $(GO) run ./cmd/report -raw bench.out && $(GO) tool benchstat bench.out

bench-smoke: ## run the suite's own tests, and each benchmark once
	cd bench && $(TEST) -bench . -benchtime 1x ./...

bench-report: ## run the suite, and write bench/results/<date>-<cpu>
	cd bench && $(GO) run ./cmd/report

bench-check: ## measure the targets and judge them; SHORT=-short prints times and judges only allocations and bytes
	cd bench && $(GO) run ./cmd/check $(SHORT)

check: lint api build test race variants adapters conformance cover bench-smoke fuzz-smoke ## all of it, but for what takes long
