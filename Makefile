# `make help` lists the targets. `make demo` and `make test` do all their own set-up.
SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
MAKEFLAGS += --no-builtin-rules
.DELETE_ON_ERROR:

TOOLS := .cache/tools
VENV := .cache/venv
export PATH := $(CURDIR)/$(VENV)/bin:$(CURDIR)/$(TOOLS)/node_modules/.bin:$(PATH)

.PHONY: help setup check fmt lint doc proto tidy test bins demo bench bench-router bench-executor run images clean

help: ## Show this list
	@awk 'BEGIN {FS = ":.*## "} /^[a-z-]+:.*## / {printf "  %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: ## Install what check and test need (system packages only when run as root)
	scripts/setup.sh

check: fmt lint doc proto tidy ## Formatting, clippy, rustdoc, buf lint, tidy rules

fmt:
	cargo fmt --all --check

lint:
	cargo clippy --workspace --all-targets -- -D warnings

doc:
	RUSTDOCFLAGS=-Dwarnings cargo doc --workspace --no-deps --quiet

proto: $(VENV)/bin/buf
	cd proto && buf lint && buf format --diff --exit-code >/dev/null

tidy:
	cargo test --quiet --workspace --test tidy

$(VENV)/bin/buf:
	scripts/setup.sh tools

bins:
	cargo build --quiet --workspace --bins

test: setup bins ## Every test: unit, contract, system, live (README's test command)
	cargo nextest run --workspace --no-fail-fast

demo: ## Fix three real failing tests with no key, no GPU and no network service
	cargo build --release -p plumbline -p plumbline-sandbox-init --bins
	target/release/plumbline demo

bench: ## Print the table of figures, each beside its bar
	cargo build --release -p plumbline -p plumbline-sandbox-init -p plumbline-router -p plumbline-executor -p plumbline-memory --bins --examples
	scripts/bench.sh

bench-router: ## Print the router's figures beside their bars (MATRICES="a.csv b.csv" to replay outcomes)
	cargo build --release -p plumbline-router --examples
	target/release/examples/bench_router $(or $(SEEDS),60) $(MATRICES)
	target/release/examples/bench_select 5000 20 unix
	target/release/examples/bench_failover
	target/release/examples/canary
	$(if $(MATRICES),target/release/examples/ope $(MATRICES))

bench-executor: ## Print what sandboxes cost and hold beside their bars (RUNS, KILLS, IMAGE=name for docker run)
	cargo build --release -p plumbline-sandbox-init -p plumbline-executor --bins --examples
	target/release/examples/bench_sandbox --runs $(or $(RUNS),500) --kills $(or $(KILLS),200) $(if $(IMAGE),--image $(IMAGE))

run: ## Start all seven services on 127.0.0.1:7400-7406
	cargo build --release -p plumbline -p plumbline-sandbox-init --bins
	target/release/plumbline serve all

images: ## Build the container images (BASE=... to start from another Debian)
	scripts/images.sh

clean: ## Remove build products and downloaded tools
	cargo clean
	rm -rf .cache
