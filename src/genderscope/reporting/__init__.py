"""Reports: self-contained HTML pages, the same in Markdown, their plots, and terminal tables."""
