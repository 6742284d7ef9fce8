# Two commands: `make demo` and `make test`. Each makes .venv the first time and does its job.
PYTHON ?= python3
BIN := .venv/bin

.PHONY: demo test check bench runtime soak gallery found weights clean

demo: .venv/installed
	$(BIN)/residuum demo

test: .venv/installed-dev
	$(BIN)/python -m pytest --numprocesses auto

check: .venv/installed-dev
	$(BIN)/ruff check . && $(BIN)/ruff format --check . && $(BIN)/pyright

bench: .venv/installed-dev
	$(BIN)/residuum bench training --data cifar10 --output build/speed

.venv/installed: pyproject.toml constraints.txt setup.py $(wildcard src/residuum/nn/*.[ch])
	test -x $(BIN)/python || $(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable .
	touch $@

.venv/installed-dev: .venv/installed
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable '.[dev,peers]'
	touch $@

# The small distribution in a fresh environment: its wheel, its command on an exported file, no torch anywhere.
RUNTIME := build/runtime
runtime: .venv/installed-dev
	rm -rf $(RUNTIME)
	$(BIN)/python -m pip wheel --quiet --no-deps --wheel-dir $(RUNTIME) ./runtime
	$(PYTHON) -m venv $(RUNTIME)/venv
	$(RUNTIME)/venv/bin/python -m pip install --quiet --constraint constraints.txt "$$(ls $(RUNTIME)/*.whl)[openvino]"
	$(RUNTIME)/venv/bin/python -I -c 'from importlib.util import find_spec as f; assert not f("torch") and not f("residuum")'
	$(BIN)/python benchmarks/cold_start.py --model resnet18 --size 64 --runs 5 --runtime $(RUNTIME)/venv/bin/residuum-runtime

# Kill a run at random and resume it, again and again for half an hour: the bytes must stay those of a run left alone.
# Before that, read thousands of damaged image files: an image or one line comes out.
soak: .venv/installed-dev
	$(BIN)/python benchmarks/fuzz_images.py --files 5000
	$(BIN)/python benchmarks/soak.py --minutes 30

# The page of docs/gallery from the folders of finished studies: make gallery STUDIES='studies/*/'
STUDIES ?= studies/*/
gallery: .venv/installed-dev
	$(BIN)/python docs/make_gallery.py $(STUDIES)

# docs/what-was-found.md from the same folders
found: .venv/installed-dev
	$(BIN)/python docs/make_what_was_found.py $(STUDIES)

# The 20-, 56- and 110-layer twins of a degradation study, with model cards, in build/weights: make weights STUDY=folder
STUDY ?= studies/degradation-cifar10
weights: .venv/installed
	$(BIN)/python docs/make_weights.py $(STUDY)

clean:
	rm -rf .venv build dist src/*.egg-info
