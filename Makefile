.PHONY: check lint docs docs-serve test mutants fuzz audit lock sbom

# A notice of Material for MkDocs on every build.
export NO_MKDOCS_2_WARNING = 1

SECONDS ?= 600
EACH ?= 30

check: lint docs test

lint:
	ruff check .
	ruff format --check .
	mypy
	lint-imports

docs:
	mkdocs build --strict

docs-serve:
	mkdocs serve

test:
	pytest --numprocesses auto

# Not in CI. The next four need: pip install mutmut==3.8.1 pip-audit uv

# Change the code in small ways, and list the changes that no test sees: see docs/testing.md.
mutants:
	python scripts/mutants.py --each $(EACH)

# Known vulnerabilities in what the image installs.
audit:
	pip-audit --requirement deploy/requirements.lock --no-deps --disable-pip

# Newer versions for the image.
lock:
	uv pip compile --quiet --upgrade --extra serve --generate-hashes \
		--custom-compile-command 'make lock' \
		--python-version 3.11 --output-file deploy/requirements.lock pyproject.toml

# The image's software bill of materials, from its lock.
sbom:
	uvx --from cyclonedx-bom==7.5.0 cyclonedx-py requirements deploy/requirements.lock \
		--output-reproducible --output-file sbom.json

# Hostile bytes for every reader, for so many seconds.
fuzz:
	FUZZ_SECONDS=$(SECONDS) pytest --timeout 0 tests/test_fuzz.py
