"""A strict reading of a page: what is in it, and that each element is closed."""

from html.parser import HTMLParser

VOID = {"meta", "img", "br", "hr", "link", "input", "source", "use"}
FETCHING = {"src", "srcset", "href", "xlink:href", "data", "poster", "action", "style", "content"}


class Outline(HTMLParser):
    """Reads a document.

    Attributes:
        tags: each element with its attributes, in order.
        text: all text outside of ``style``.
        addresses: what attributes that may fetch point to, besides links to follow by hand.
    """

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags, self._texts, self._open = [], [], []
        self.feed(html)
        self.close()
        assert self._open == []
        ids = [attributes["id"] for _, attributes in self.tags if "id" in attributes]
        assert len(ids) == len(set(ids))
        self.text = " ".join(" ".join(self._texts).split())
        self.addresses = [
            value
            for tag, attributes in self.tags
            for name, value in attributes.items()
            if name in FETCHING and tag != "a"
        ]

    def named(self, tag: str) -> list[dict[str, str]]:
        return [attributes for name, attributes in self.tags if name == tag]

    def handle_starttag(self, tag, attributes):
        self.tags.append((tag, dict(attributes)))
        if tag not in VOID:
            self._open.append(tag)

    def handle_startendtag(self, tag, attributes):
        self.tags.append((tag, dict(attributes)))

    def handle_endtag(self, tag):
        if tag not in VOID:
            assert self._open.pop() == tag

    def handle_data(self, data):
        if self._open[-1:] != ["style"]:
            self._texts.append(data)


def assert_self_contained(html: str) -> Outline:
    """Nothing is fetched and nothing runs; returns the outline."""
    outline = Outline(html)
    assert not {tag for tag, _ in outline.tags} & {"script", "iframe", "object", "embed", "link"}
    assert not [name for _, held in outline.tags for name in held if name.startswith("on")]
    for address in outline.addresses:
        assert "//" not in address or address.startswith("data:image/"), address
        assert "url(" not in address, address
    styles = html.split("<style")[1:]
    assert not [style for style in styles if "url(" in style.partition("</style>")[0]]
    assert not [style for style in styles if "@import" in style.partition("</style>")[0]]
    return outline
