from __future__ import annotations

from dataclasses import dataclass, field
from html.parser import HTMLParser
from itertools import pairwise

import pytest

VOID = {"meta", "img", "br", "link", "input"}
OUTSIDE = {"src", "href", "xlink:href", "action", "data", "srcset", "poster", "background"}


@dataclass
class Element:
    tag: str
    attributes: dict[str, str]
    children: list[Element | str] = field(default_factory=list)

    def all(self, tag: str) -> list[Element]:
        inner = [child for child in self.children if isinstance(child, Element)]
        return [found for child in inner for found in ([child] if child.tag == tag else []) + child.all(tag)]

    @property
    def text(self) -> str:
        return "".join(child if isinstance(child, str) else child.text for child in self.children)


class StrictReader(HTMLParser):
    """Reads a page into elements and fails on tags that are not closed in order."""

    def __init__(self) -> None:
        super().__init__()
        self.root = Element("", {})
        self.open = [self.root]

    def handle_starttag(self, tag, attrs):
        element = Element(tag, {name: value or "" for name, value in attrs})
        self.open[-1].children.append(element)
        if tag not in VOID:
            self.open.append(element)

    def handle_startendtag(self, tag, attrs):
        self.open[-1].children.append(Element(tag, {name: value or "" for name, value in attrs}))

    def handle_endtag(self, tag):
        assert self.open[-1].tag == tag, f"</{tag}> closes <{self.open[-1].tag}>"
        self.open.pop()

    def handle_data(self, data):
        self.open[-1].children.append(data)


def elements(html: str) -> Element:
    reader = StrictReader()
    reader.feed(html)
    reader.close()
    assert reader.open == [reader.root], "an element is left open"
    return reader.root


def walk(element: Element):
    yield element
    for child in element.children:
        if isinstance(child, Element):
            yield from walk(child)


def check_page(html: str) -> Element:
    """Return the page's elements after what must hold for every page of this room."""
    root = elements(html)
    everything = list(walk(root))
    assert html.startswith("<!DOCTYPE html>")
    assert root.all("html")[0].attributes["lang"] == "en"
    assert len(root.all("h1")) == 1
    assert not {e.tag for e in everything} & {"script", "link", "iframe", "object", "embed", "base", "form"}
    for element in everything:
        assert not any(name.startswith("on") for name in element.attributes)
        for name in OUTSIDE & element.attributes.keys():
            assert element.attributes[name].startswith(("data:image/", "#")), element.attributes[name][:60]
    styles = " ".join([e.text for e in root.all("style")] + [e.attributes.get("style", "") for e in everything])
    assert "@import" not in styles and "@font-face" not in styles and "//" not in styles
    identifiers = [e.attributes["id"] for e in everything if "id" in e.attributes]
    assert len(identifiers) == len(set(identifiers)), "an identifier stands twice"
    pointed_at = {e.attributes["xlink:href"][1:] for e in root.all("use")}
    assert pointed_at <= set(identifiers)
    assert all(e.attributes.get("alt") for e in root.all("img"))
    assert all(e.attributes.get("aria-label") and e.attributes["role"] == "img" for e in root.all("svg"))
    assert all(e.attributes.get("scope") in {"col", "row"} for e in root.all("th"))
    levels = [int(e.tag[1]) for e in everything if e.tag in {"h1", "h2", "h3"}]
    assert all(after <= before + 1 for before, after in pairwise(levels))
    return root


@pytest.fixture
def read_page():
    return check_page


@pytest.fixture
def read_part():
    return elements
