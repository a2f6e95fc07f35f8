# make serve | test | train | bench: each makes .venv when it is missing or older than the requirements.
# More flags go in ARGS: make serve ARGS="--port 8000"

PYTHON ?= python3
BIN := .venv/bin

.PHONY: serve test train bench lint
.DELETE_ON_ERROR:

serve: .venv/run
	$(BIN)/python app.py $(ARGS)

train: .venv/run
	$(BIN)/python train.py $(ARGS)

test: lint
	$(BIN)/python -m pytest $(ARGS)

lint: .venv/dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

bench: .venv/dev
	$(BIN)/python -m bench.inference
	$(BIN)/python -m bench.throughput
	$(BIN)/python -m bench.training $(ARGS)

# Two stamps, so that whoever only serves does not install what tests need.
.venv/run: requirements.txt $(BIN)/python
.venv/dev: requirements-dev.txt requirements.txt $(BIN)/python
.venv/run .venv/dev:
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -r $<
	@touch $@

# Anew, stamps and all, when the Python that it stood on is gone.
$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed, this is " + sys.version.split()[0] + ": make PYTHON=python3.12")'
	@echo "Making .venv and installing PyTorch: some minutes, once."
	$(PYTHON) -m venv --clear .venv
