"""Types, errors, protocols and the lookup of plug-ins. Everything else may import this."""
