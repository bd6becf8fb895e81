"""Reports: pages that need nothing else, the same as Markdown, and their drawings."""
