.PHONY: check lint docs docs-serve test

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
