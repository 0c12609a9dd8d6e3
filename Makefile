# Each target sets up what it needs: nothing else has to be installed first but Python 3.11 or later.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
DATA := demo/data
PEERS := benchmarks/out/peers
SEEDS := 2 3 4
export NO_ALBUMENTATIONS_UPDATE := 1

.PHONY: help demo test every check bench bench-gpu bench-peers setup clean
.DEFAULT_GOAL := help

help:
	@echo "make demo    train on drawn leaves, work through a drawn farm, write its report (about 6 minutes, first time)"
	@echo "make test    run the tests"
	@echo "make every   build, train a step and read every network of torchvision by name (about 15 minutes)"
	@echo "make check   ruff, mypy --strict, import contracts"
	@echo "make bench   what is claimed, measured; all but the first need the real pictures under FOVEA_REAL_DATA"
	@echo "make bench-peers  training beside torchvision, timm, fastai and transformers, each in its own environment (6 GB)"
	@echo "make bench-gpu  training and inference on a GPU, where there is one"

setup: $(VENV)/ready

$(VENV)/ready: pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade pip
	$(BIN)/python -m pip install --quiet --editable '.[test]'
	touch $@

# size and epochs: enough to learn the drawn diseases in about three minutes on two cores
demo: setup
	$(BIN)/python sample_data/make.py $(DATA)
	$(BIN)/fovea --home demo/home demo crop --data $(DATA) --recipe weights=none --recipe size=128 --recipe epochs=24

test: setup
	$(BIN)/python -m coverage erase
	$(BIN)/python -m coverage run -m pytest
	$(BIN)/python -m coverage combine --quiet
	$(BIN)/python -m coverage report --skip-covered | tail -n 40

every: setup
	$(BIN)/python -m pytest -m every

check: setup
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	MYPYPATH=sample_data $(BIN)/mypy sample_data/make.py
	$(BIN)/lint-imports

# from seconds to five minutes each, and a seed of the last; all but the first and third need FOVEA_REAL_DATA
bench: setup
	$(BIN)/python benchmarks/help_time.py
	$(BIN)/python benchmarks/batch_memory.py
	$(BIN)/python benchmarks/probe_pass.py backbone=torchvision:vit_b_16
	$(BIN)/python benchmarks/starter_probe.py
	$(BIN)/python benchmarks/served_equals.py networks=starter,resnet18
	$(BIN)/python benchmarks/conformal.py
	$(BIN)/python benchmarks/unknown.py seed=0
	$(BIN)/python benchmarks/leak_audit.py
	$(BIN)/python benchmarks/shortcut_audit.py
	$(BIN)/python benchmarks/segment_coffee.py
	$(BIN)/python benchmarks/anomaly.py threads=1
	for seed in $(SEEDS); do $(BIN)/python benchmarks/train_lab_apple.py seed=$$seed threads=1 || exit 1; done

bench-gpu: setup
	$(BIN)/python benchmarks/gpu.py

# about 40 minutes on a free core; the peers' environments stay for the next time
bench-peers: setup
	$(BIN)/python benchmarks/peers.py peers=$(PEERS)

clean:
	rm -rf $(VENV) $(PEERS) demo .coverage* .mypy_cache .ruff_cache .pytest_cache
