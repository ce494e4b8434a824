# Each target does its own set-up. `make demo` and `make test` share one release build.

# The build fails on an import that Package.swift does not declare.
IMPORTS = --explicit-target-dependency-import-check error
SWIFT_BUILD = swift build -c release --build-tests $(IMPORTS)
RELEASE = .build/release

.PHONY: help demo test soak lint build bench micro clean setup

help: ## this list
	@sed -n 's/^\([a-z]*\):.*## /  make \1\t/p' Makefile | expand -t 16

demo: build ## PostgreSQL, MongoDB and Wherry under load, every row compared (KEEP=1 leaves the servers up)
	@$(RELEASE)/wherry-dev demo $(if $(KEEP),--keep)

test: lint build ## lint, what a row costs, then all tests against real servers
	@scripts/check-instructions
	@scripts/run-tests

soak: build ## thousands of random backfills under load, compared (WHERRY_SOAK_SEEDS, 2000; SEED=n repeats one)
	@WHERRY_SOAK_SEEDS=$${WHERRY_SOAK_SEEDS:-2000} $(if $(SEED),WHERRY_SEED=$(SEED)) \
	    scripts/run-tests --filter BackfillOracleTests

lint: setup ## formatting, import boundaries, docker-compose.yml
	@swift format lint --strict -r Sources Tests Benchmarks/HotPath Benchmarks/Micro Benchmarks/Samples
	@scripts/check-boundaries
	@scripts/check-compose

build: setup ## the release build that demo and tests share
	@$(SWIFT_BUILD)

bench: build ## other replicators and the servers' own limits beside Wherry (WORKLOADS, CONTENDERS, N, M, C, T, RUNS)
	@Benchmarks/run

micro: setup ## micro-benchmarks of decoding and encoding, one part of a row's way each
	@cd Benchmarks && swift package --disable-sandbox benchmark

clean: ## stops what runs and deletes all that was built or started here
	@if [ -x $(RELEASE)/wherry-dev ]; then $(RELEASE)/wherry-dev down; fi
	@rm -rf .build .dev

setup:
	@scripts/setup
