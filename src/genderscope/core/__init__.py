"""Types, errors, protocols and plug-in lookup. Every other package may import this one."""

__version__ = "0.2.0"
