"""The audit as a page: sections, tables, plots and sentences."""
