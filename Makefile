# The commands that everyone uses. Each does all of its own set-up in .venv.
#   make demo   make test   make lint   make bench   make load   make gen   make ci   (and: make test-long   make races)

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
# One target directory for the extension, the Rust tests and the generator, so that each crate is built once.
export CARGO_TARGET_DIR := $(CURDIR)/core_rs/target
export PIP_DISABLE_PIP_VERSION_CHECK := 1

PACKAGES := pyproject.toml proto/pyproject.toml clients/pyproject.toml
CORE := $(shell find core_rs proto/descargo/catalogue -path core_rs/target -prune -o -type f \
	\( -name '*.rs' -o -name '*.toml' -o -name '*.sql' -o -name '*.binpb' -o -name 'Cargo.lock' \) -print)

# Rust by rustup finds its toolchain through the home directory; where that is another one than the
# one rustup was installed in, the folder beside cargo's tells.
ifeq ($(RUSTUP_HOME),)
ifeq ($(shell cargo --version >/dev/null 2>&1 || echo lost),lost)
RUSTUP_BESIDE := $(wildcard $(patsubst %/.cargo/bin/cargo,%/.rustup,$(shell command -v cargo 2>/dev/null)))
ifneq ($(RUSTUP_BESIDE),)
export RUSTUP_HOME := $(RUSTUP_BESIDE)
endif
endif
endif

# With cargo the Rust tests run too; without it the wheel's build brings its own Rust and only its
# Python tests can.
CARGO := $(shell command -v cargo 2>/dev/null)

.PHONY: demo test test-long races model-check lint bench gen ci clean prerequisites

demo: $(VENV)/.demo
	@$(BIN)/descargo-server demo $(DEMO)

test: $(VENV)/.dev rust-test
	$(BIN)/python -m pytest $(PYTEST)

.PHONY: rust-test
rust-test: prerequisites
ifneq ($(CARGO),)
	cargo test --quiet --release --locked --manifest-path core_rs/Cargo.toml --workspace --exclude descargo-python
else
	@echo "no cargo on this machine: the core is tested through its Python extension alone"
endif

lint: $(VENV)/.dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/buf lint proto
ifeq ($(CARGO),)
	$(BIN)/python scripts/gen.py --check --python-only
else
	$(BIN)/python scripts/gen.py --check
	cargo fmt --manifest-path core_rs/Cargo.toml --all --check
	cargo clippy --quiet --release --locked --manifest-path core_rs/Cargo.toml --workspace --all-targets -- -D warnings
endif

bench: $(VENV)/.dev
	$(BIN)/python -m loadtests.bench $(BENCH)

# A day at the border in about a minute: locust's callers and the compiled probe beside them.
load: $(VENV)/.dev
	$(BIN)/python -m loadtests.load $(LOAD)

# The same properties as in `make test`, for longer.
test-long: $(VENV)/.dev
	HYPOTHESIS_PROFILE=long $(BIN)/python -m pytest tests/oracle tests/faults --timeout 3600 $(PYTEST)

# 10,000 suspensions at one of two workers, each raced by exercises at both.
races: $(VENV)/.dev
	HYPOTHESIS_PROFILE=long $(BIN)/python -m pytest tests/faults/test_races.py --timeout 3600 $(PYTEST)

# Every order of the events of a small world.
model-check: prerequisites
	cargo run --quiet --release --locked --manifest-path core_rs/Cargo.toml --package descargo-model-check

gen: $(VENV)/.dev
	$(BIN)/python scripts/gen.py

ci:
	@$(MAKE) --no-print-directory lint
	@$(MAKE) --no-print-directory test

clean:
	rm -rf $(VENV) build core_rs/target

prerequisites:
	@PYTHON=$(PYTHON) scripts/prerequisites.sh

$(BIN)/python: | prerequisites
	$(PYTHON) -m venv $(VENV)

# Runtime, client and demo.
$(VENV)/.demo: $(PACKAGES) $(CORE) | $(BIN)/python
	@echo "installing into $(VENV) (the first time the core is compiled: a few minutes)"
	$(BIN)/python -m pip install --quiet --editable proto --editable clients --editable '.[demo]'
	@touch $@

# The same with everything for tests, lint, generation, benches and load tests.
$(VENV)/.dev: $(VENV)/.demo
	$(BIN)/python -m pip install --quiet --editable proto --editable clients --editable '.[demo,dev,load]'
	@touch $@
