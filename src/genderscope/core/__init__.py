"""Types, errors, protocols and the lookup of plug-ins. Everything else may import this."""

__version__ = "0.2.0"
