# make serve | test | check | coverage | train | best | bench | lint | docs: each creates .venv if it is missing or older
# than the requirements.
# ARGS passes flags on: make serve ARGS="--port 8000"
# TORCH_INDEX names the index from which .venv gets PyTorch. Without a GPU: a download of 0.2 GB instead of 3 GB with
#   make serve TORCH_INDEX=https://download.pytorch.org/whl/cpu

PYTHON ?= python3
BIN := .venv/bin
# Two processes, however many cores there are, because each holds PyTorch and a browser in memory. Each runs its half of
# the tests in order, then takes some of the other half: tests that share a server mostly run in the same process.
PYTEST := pytest --numprocesses 2 --dist worksteal
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check

.PHONY: serve test check coverage train best bench lint docs
.DELETE_ON_ERROR:

# With @, so that people see the output of the README and no commands.
serve: .venv/run
	@$(BIN)/python app.py $(ARGS)

train: .venv/run
	$(BIN)/python train.py $(ARGS)

# The weights that ship: two teachers, each trained once, then the network that learns from their predictions.
best: .venv/run teacher-0.pth teacher-1.pth
	$(BIN)/python train.py --recipe best --teachers teacher-0.pth teacher-1.pth $(ARGS)

teacher-%.pth: | .venv/run
	$(BIN)/python train.py --model teacher --seed $* --out $@

test: lint
	$(BIN)/python -m $(PYTEST) $(ARGS)

# Without the tests that need a browser or MNIST, and those that take seconds.
check: lint
	$(BIN)/python -m $(PYTEST) -m "not slow and not browser and not mnist" $(ARGS)

# Lines and branches of digits/ that no test reaches; fails if they are more than 5 %.
coverage: .venv/dev
	$(BIN)/coverage run -m $(PYTEST) $(ARGS)
	$(BIN)/coverage combine --quiet
	$(BIN)/coverage report

lint: .venv/dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/ty check

bench: .venv/dev
	$(BIN)/python -m bench.recognition
	$(BIN)/python -m bench.throughput
	$(BIN)/python -m bench.training $(ARGS)

# The site of the documents, in site/. `tar` copies them with their folders, so that the links between them hold.
docs: .venv/dev
	rm -rf site .cache/pages
	mkdir -p .cache/pages
	tar -cf - *.md *.cff *.ipynb LICENSE Dockerfile requirements.txt docs data/README.md static/icon.svg static/vendor | tar -xf - -C .cache/pages
	$(BIN)/zensical build --strict

# Two stamps, so that serving does not install the packages of the tests. PyTorch first and from its index only: given a
# choice pip takes the newest version, which is often the one with CUDA.
.venv/run: requirements.txt $(BIN)/python
.venv/dev: requirements-dev.txt requirements.txt $(BIN)/python
.venv/run .venv/dev:
	@$(if $(TORCH_INDEX),grep '^torch' requirements.txt | $(PIP) --index-url $(TORCH_INDEX) -r /dev/stdin)
	@$(PIP) -r $<
	@touch $@

# Created again, with its stamps, when the Python that it was created with is gone.
$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed, this is " + sys.version.split()[0] + ": make PYTHON=python3.12")'
	@echo "Creating .venv and installing PyTorch; this takes some minutes, once."
	@$(PYTHON) -m venv --clear .venv
