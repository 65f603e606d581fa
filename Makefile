# Every task runs in a virtual environment of its own, .venv, made from python3; nothing else has to be installed but a C
# compiler. Paths are relative, so that the checkout may lie anywhere.

PYTHON ?= python3
PYTEST_ARGS ?= -n 2

VENV := .venv
BIN := $(VENV)/bin
# What the benchmarks compare with has needs of its own, NumPy 1 among them.
PEERS := .venv-peers
PEERS_NEED := benchmarks/requirements-peers.txt
PEERS_PIP := $(PEERS)/bin/python -m pip --disable-pip-version-check install --quiet
PIP := $(BIN)/python -m pip --disable-pip-version-check install --quiet
KERNELS := $(shell find fastreg -name '*.pyx' -o -name '*.pxd' -o -name '*.h')
# Prints requirements out of pyproject.toml: those of the build, or those of one extra.
REQUIREMENTS := $(BIN)/python -c "import sys, tomllib; p = tomllib.load(open('pyproject.toml', 'rb')); \
	print(*(p['build-system']['requires'] if sys.argv[1] == 'build' \
	else p['project']['optional-dependencies'][sys.argv[1]]), sep='\n')"

.DEFAULT_GOAL := help
.PHONY: help demo test bench bench-quick docs lint format build wheel clean

help: ## list the tasks
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-12s%s\n", $$1, $$2 }' Makefile

demo: $(VENV)/.plot $(VENV)/.built ## fit and draw two paths on real data; the picture goes to demo-output/
	$(BIN)/python examples/demo.py

test: $(VENV)/.test $(VENV)/.built ## run the whole test suite against a fresh build
	$(BIN)/python -m pytest $(PYTEST_ARGS)

bench: $(VENV)/.bench $(VENV)/.built $(PEERS)/.made ## run all benchmarks (hours) and put their summary into README.md
	$(BIN)/python -m benchmarks.board --peers-python $(PEERS)/bin/python
	$(BIN)/python -m benchmarks.report --readme README.md
	$(BIN)/python -m benchmarks.passes
	PYTHONPATH=. $(PEERS)/bin/python -m benchmarks.tiny
	$(BIN)/python -m benchmarks.cross_validation --peers-python $(PEERS)/bin/python
	$(BIN)/python -m benchmarks.memory

bench-quick: $(VENV)/.bench $(VENV)/.built $(PEERS)/.made ## run the small ones among them (minutes)
	$(BIN)/python -m benchmarks.board --quick --peers-python $(PEERS)/bin/python
	$(BIN)/python -m benchmarks.report

docs: $(VENV)/.docs $(VENV)/.built ## write the API reference to docs/api
	$(BIN)/python docs/make_api.py

lint: $(VENV)/.lint ## check style: ruff and cython-lint
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	PATH="$(CURDIR)/$(BIN):$$PATH" cython-lint fastreg

format: $(VENV)/.lint ## rewrite Python files in the common format
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

build: $(VENV)/.built ## compile the kernels in place

wheel: $(VENV)/.wheel ## make a source distribution and a wheel in dist/
	$(BIN)/python -m build

clean: ## remove everything that these tasks have made
	rm -rf $(VENV) $(PEERS) build dist fastreg.egg-info demo-output docs/api .pytest_cache .hypothesis .ruff_cache
	find fastreg \( -name '*.so' -o -name '*.pyd' -o -name '*.c' \) -delete
	find fastreg tests benchmarks examples -name __pycache__ -prune -exec rm -rf {} +

$(VENV)/.made:
	@$(PYTHON) -c "import sys; sys.exit('fastreg needs Python 3.11 or later' if sys.version_info < (3, 11) else 0)"
	$(PYTHON) -m venv --clear $(VENV)
	@touch $@

# Peers that cannot be installed are left out: the board then says so.
$(PEERS)/.made: $(VENV)/.made $(PEERS_NEED)
	$(PYTHON) -m venv --clear $(PEERS)
	$(PEERS_PIP) -r $(PEERS_NEED) || grep -v '^#' $(PEERS_NEED) | while read -r need; do \
		$(PEERS_PIP) -c $(PEERS_NEED) "$$need" || echo "left out: $$need"; done
	@touch $@

# The package is installed in editable mode: what runs is this checkout, and what is compiled lies in it.
$(VENV)/.installed: $(VENV)/.made pyproject.toml setup.py
	@$(REQUIREMENTS) build > $(VENV)/build.txt
	$(PIP) -r $(VENV)/build.txt
	$(PIP) --no-build-isolation --editable .
	@touch $@

# Later on only kernels whose sources have changed are compiled again; a new installation has just compiled them all.
$(VENV)/.built: $(VENV)/.installed $(KERNELS)
	$(if $(filter $(VENV)/.installed,$?),,$(BIN)/python setup.py --quiet build_ext --inplace)
	@touch $@

$(VENV)/.wheel: $(VENV)/.made
	$(PIP) build
	@touch $@

$(VENV)/.plot $(VENV)/.test $(VENV)/.bench $(VENV)/.docs $(VENV)/.lint: $(VENV)/.%: $(VENV)/.made pyproject.toml
	@$(REQUIREMENTS) $* > $(VENV)/$*.txt
	$(PIP) -r $(VENV)/$*.txt
	@touch $@
