"""Makes the inline nodes of one block valid and canonical: the lines of its text, and what stands in them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from tieline.connectors.richtext.links import linked, safe
from tieline.connectors.richtext.model import BESIDE_CODE, CONTENT, INLINE, TEXT_MARKS, Mark, Node, marks_on
from tieline.connectors.richtext.node import attributes, children_of, kind_of, marks_of, own_text, text_of
from tieline.connectors.richtext.text import readable

DEEPEST: Final = 32
"""Blocks inside blocks up to here; below, only the text is kept."""
_BREAK: Final[Mapping[str, Any]] = {"type": "hardBreak"}


def inlines(nodes: Sequence[Node], parent: str, depth: int) -> list[Node]:
    """The nodes as children of a block that holds text."""
    spread = [part for node in nodes for part in _inline(node, parent, depth)]
    while spread and spread[0] is _SOFT:
        spread.pop(0)
    whole = _merged(_defused({**_BREAK} if node is _SOFT else node for node in spread))
    return _merged(_trimmed(_bared(linked(whole))))


_SOFT: Final[Node] = {"type": "hardBreak"}
"""The line break between blocks that were made one; it is not put first."""


def _inline(node: Node, parent: str, depth: int) -> list[Node]:
    kind = kind_of(node)
    match kind:
        case "text":
            return _texts(str(node.get("text") or ""), _text_marks(node))
        case "hardBreak":
            return [{**_BREAK}]
    if kind in INLINE and kind in CONTENT[parent]:
        attrs = attributes(node, kind)
        if attrs is not None:
            marks = [mark for mark in marks_of(node) if mark["type"] in marks_on(kind, parent)]
            return [
                {"type": kind, **({"attrs": attrs} if attrs else {}), **({"marks": marks} if marks else {})}
            ]
    if depth > DEEPEST + 1:
        return _texts(text_of(node), [])
    own = [] if kind in CONTENT and kind not in {"expand", "nestedExpand"} else _texts(own_text(node), [])
    if kind in CONTENT and not CONTENT[kind]:
        own = _texts(own_text(node), [])
    inside = [part for child in children_of(node) for part in _inline(child, parent, depth + 1)]
    return own + inside if kind in INLINE else [_SOFT, *own, *inside]


def _texts(text: str, marks: list[Mark]) -> list[Node]:
    """Text nodes with line breaks between them."""
    found: list[Node] = []
    for number, line in enumerate(readable(text).split("\n")):
        if number:
            found.append({**_BREAK})
        if line:
            found.append({"type": "text", "text": line, **({"marks": marks} if marks else {})})
    return found


def _text_marks(node: Node) -> list[Mark]:
    marks = [mark for mark in marks_of(node) if mark["type"] in TEXT_MARKS]
    if any(mark["type"] == "code" for mark in marks):
        marks = [mark for mark in marks if mark["type"] in BESIDE_CODE]
    return marks


def _defused(nodes: Iterable[Node]) -> Iterable[Node]:
    """Links that may lead nowhere as text like any other, with the address behind it."""
    for node in nodes:
        link = next((mark for mark in node.get("marks", ()) if mark["type"] == "link"), None)
        if node["type"] != "text" or link is None or safe(link["attrs"]["href"]):
            yield node
            continue
        href, marks = link["attrs"]["href"], [mark for mark in node["marks"] if mark is not link]
        yield {"type": "text", "text": node["text"], **({"marks": marks} if marks else {})}
        if node["text"].strip() != href.strip():
            yield {"type": "text", "text": f" ({href})"}


def _bared(nodes: Iterable[Node]) -> Iterable[Node]:
    """White space at the ends of a marked text keeps its link only."""
    for node in nodes:
        yield from _split(node) if node["type"] == "text" and node.get("marks") else (node,)


def _split(node: Node) -> Iterable[Node]:
    text, marks = node["text"], node.get("marks", [])
    if any(mark["type"] == "code" for mark in marks):
        yield node
        return
    body = text.strip()
    before, _, after = text.partition(body) if body else (text, "", "")
    links = [mark for mark in marks if mark["type"] == "link"]
    for part, kept in ((before, links), (body, marks), (after, links)):
        if part:
            yield {"type": "text", "text": part, **({"marks": kept} if kept else {})}


def _merged(nodes: Iterable[Node]) -> list[Node]:
    """Neighbouring texts with the same marks as one."""
    found: list[Node] = []
    for node in nodes:
        last = found[-1] if found else None
        if (
            node["type"] == "text"
            and last
            and last["type"] == "text"
            and last.get("marks") == node.get("marks")
        ):
            found[-1] = {**last, "text": last["text"] + node["text"]}
        else:
            found.append(node)
    return found


def _trimmed(nodes: Iterable[Node]) -> list[Node]:
    """The nodes without white space at the ends of lines, and without breaks at the end."""
    found: list[Node] = []
    for node in nodes:
        if node["type"] == "hardBreak":
            _shorten(found)
        found.append(node)
    _shorten(found)
    while found and found[-1]["type"] == "hardBreak":
        found.pop()
        _shorten(found)
    return found


def _shorten(found: list[Node]) -> None:
    while found and found[-1]["type"] == "text":
        text = found[-1]["text"].rstrip()
        if text:
            found[-1] = {**found[-1], "text": text}
            return
        found.pop()
