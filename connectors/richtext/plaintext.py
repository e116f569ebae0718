"""Turns Atlassian Document Format into plain text; how it looked is not kept.

What a reader could read in a document is kept as text; bold, colour and the width of columns are not.
"""

from __future__ import annotations

import html.entities
import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from itertools import groupby
from typing import Any, Final

from tieline.connectors.richtext.text import canonical_text

Node = Mapping[str, Any]


# Atlassian Document Format (developer.atlassian.com: "Atlassian Document Format", version 1)


def adf_to_text(document: object) -> str | None:
    """Everything in the document that a reader could read, as canonical text.

    Nodes that are not known give the text of what is inside them; a plain string is taken as it is.
    """
    if isinstance(document, str):
        return canonical_text(document)
    return canonical_text(_blocks(_children(document)))


def _children(node: object) -> list[Node]:
    content = node.get("content") if isinstance(node, Mapping) else None
    return [child for child in content if isinstance(child, Mapping)] if isinstance(content, list) else []


def _attribute(node: Node, *names: str) -> str:
    """The first of these attributes that holds something, as text."""
    attrs = node.get("attrs")
    values = (attrs.get(name) for name in names) if isinstance(attrs, Mapping) else ()
    return next((str(value) for value in values if isinstance(value, str | int | float) and value != ""), "")


_INLINE: Final = frozenset(
    {
        "text", "hardBreak", "mention", "emoji", "date", "status", "inlineCard", "placeholder", "mediaInline",
        "inlineExtension",
    }
)  # fmt: skip


def _blocks(nodes: Sequence[Node], separator: str = "\n\n") -> str:
    """Blocks apart by `separator`; neighbouring inline nodes count as one block."""
    parts: list[str] = []
    for inline, run in groupby(nodes, key=lambda node: node.get("type") in _INLINE):
        group = list(run)
        parts += [_inline(group)] if inline else map(_block, group)
    return separator.join(part for part in parts if part.strip())


def _block(node: Node) -> str:
    children = _children(node)
    match node.get("type"):
        case "paragraph" | "heading" | "codeBlock" | "caption":
            return _blocks(children)
        case "bulletList" | "decisionList":
            return "\n".join(_item("- ", child) for child in children)
        case "orderedList":
            return _numbered(node, children)
        case "taskList":
            return "\n".join(_task(child) for child in children)
        case "blockquote":
            return _prefixed("> ", "> ", _blocks(children))
        case "table":
            return "\n".join(_row(child) for child in children)
        case "rule":
            return "----"
        case "media" | "mediaGroup" | "mediaSingle":
            return "\n".join(filter(None, [_attribute(node, "alt", "url"), _blocks(children, "\n")]))
        case "blockCard" | "embedCard":
            return _card(node)
        case _:
            own = _attribute(node, "title", "text")
            return "\n".join(filter(None, [own, _blocks(children)]))


def _prefixed(first: str, rest: str, text: str) -> str:
    """`text` with `first` before its first line and `rest` before the others."""
    return first + text.replace("\n", "\n" + rest)


def _item(bullet: str, node: Node) -> str:
    if node.get("type") in {"bulletList", "orderedList", "taskList", "decisionList"}:
        return _prefixed("  ", "  ", _block(node))
    return _prefixed(bullet, " " * len(bullet), _blocks(_children(node), "\n"))


def _numbered(node: Node, children: Sequence[Node]) -> str:
    order = _attribute(node, "order")
    start = int(order) if order.isdecimal() else 1
    return "\n".join(_item(f"{number}. ", child) for number, child in enumerate(children, start))


def _task(node: Node) -> str:
    return _item("[x] " if _attribute(node, "state") == "DONE" else "[ ] ", node)


def _row(node: Node) -> str:
    return "| " + " | ".join(" ".join(_cell(child).split("\n")) for child in _children(node)) + " |"


def _cell(node: Node) -> str:
    known = node.get("type") in {"tableCell", "tableHeader"}
    return _blocks(_children(node) if known else [node], "\n")


def _inline(nodes: Iterable[Node]) -> str:
    """Inline nodes in a row; neighbours with one link show its address once, if their text does not."""
    parts: list[str] = []
    for href, run in groupby(nodes, key=_href):
        text = "".join(_span(node) for node in run)
        shown = not href or text.strip() in {href, href.removeprefix("mailto:"), href.rstrip("/")}
        parts.append(text if shown else f"{text} ({href})")
    return "".join(parts)


def _href(node: Node) -> str:
    marks = node.get("marks")
    links = (m for m in marks if isinstance(m, Mapping)) if isinstance(marks, list) else ()
    return next((_attribute(mark, "href") for mark in links if mark.get("type") == "link"), "")


def _span(node: Node) -> str:
    match node.get("type"):
        case "text":
            return str(node.get("text") or "")
        case "hardBreak":
            return "\n"
        case "mention":
            return _attribute(node, "text") or "@" + _attribute(node, "id")
        case "emoji":
            return _attribute(node, "text", "shortName")
        case "date":
            return _date(_attribute(node, "timestamp"))
        case "inlineCard":
            return _card(node)
        case "mediaInline":
            return _attribute(node, "alt")
        case _:
            return _attribute(node, "text") + _inline(_children(node))


def _date(timestamp: str) -> str:
    """A date node's milliseconds since 1970 as year, month and day (UTC, as Jira shows them)."""
    try:
        return (
            (datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=float(timestamp))).date().isoformat()
        )
    except (ValueError, OverflowError):
        return timestamp


def _card(node: Node) -> str:
    """A smart link: its address, or the name and address in the data that came with it."""
    attrs = node.get("attrs")
    data = attrs.get("data") if isinstance(attrs, Mapping) else None
    inner = [str(data[key]) for key in ("name", "url") if data.get(key)] if isinstance(data, Mapping) else []
    return _attribute(node, "url") or " ".join(inner)


# Character references


def referenced(reference: str) -> str:
    """The character that `&reference` stands for; what names none stays as typed."""
    digits = reference[1:-1]
    if not reference.startswith("#"):
        return html.entities.html5.get(reference, "&" + reference)
    number = int(digits, 10) if digits.isdecimal() and digits.isascii() else _hexadecimal(digits)
    return chr(number) if 0 < number <= 0x10FFFF else "&" + reference


def _hexadecimal(digits: str) -> int:
    """The number after an `x`; 0 if it is none."""
    match = re.fullmatch(r"[xX]([0-9a-fA-F]{1,6})", digits)
    return int(match[1], 16) if match else 0
