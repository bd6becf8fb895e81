.PHONY: check lint docs docs-serve test mutants fuzz audit lock

SECONDS ?= 600

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

# Not in CI. The next three need: pip install mutmut pip-audit pip-tools

# Change the code in every small way, and list the changes that no test sees: see docs/testing.md.
mutants:
	mutmut run
	mutmut results

# Known vulnerabilities in what the image installs.
audit:
	pip-audit --requirement deploy/requirements.lock --no-deps --disable-pip

# Newer versions for the image.
lock:
	pip-compile --quiet --upgrade --strip-extras --extra serve \
		--output-file deploy/requirements.lock pyproject.toml

# Hostile bytes for every reader, for so many seconds.
fuzz:
	FUZZ_SECONDS=$(SECONDS) pytest --timeout 0 tests/test_fuzz.py
