"""Documents from the Jinja2 templates in this folder. Needs the ``eval`` extra."""

from collections.abc import Callable, Mapping
from typing import Any

from genderscope.core.extras import require

Filter = Callable[..., Any]  # of any one template


def render(template: str, filters: Mapping[str, Filter], **values: object) -> str:
    """Fill a template; in one that ends in ``.html``, all text is escaped."""
    jinja = require("jinja2", "eval")
    environment = jinja.Environment(
        loader=jinja.PackageLoader("genderscope.reporting"),
        autoescape=jinja.select_autoescape(("html",)),
        undefined=jinja.StrictUndefined,
        keep_trailing_newline=True,
        trim_blocks=template.endswith(".md"),
        lstrip_blocks=template.endswith(".md"),
    )
    environment.filters.update(filters)
    document: str = environment.get_template(template).render(values)
    return document
