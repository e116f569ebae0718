"""Writes a canonical tree as HTML for a ServiceNow journal: one line, nothing in it but text and plain tags.

What HTML has no tag for is a `span` or `div` that names the node in `data-adf`, so that it can be read back.
"""

from __future__ import annotations

import html
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from tieline.connectors.richtext.attributes import spelled
from tieline.connectors.richtext.dates import day
from tieline.connectors.richtext.markdown_writer import SHOWN
from tieline.connectors.richtext.model import CONTENT, INLINE, Mark, Node

_TAGS: Final[Mapping[str, str]] = {
    "bulletList": "ul",
    "listItem": "li",
    "blockquote": "blockquote",
    "table": "table",
    "tableRow": "tr",
    "tableCell": "td",
    "tableHeader": "th",
}
_MARKS: Final[Mapping[str, str]] = {
    "strong": "strong",
    "em": "em",
    "strike": "del",
    "underline": "u",
    "code": "code",
}
_STYLES: Final[Mapping[str, str]] = {"textColor": "color", "backgroundColor": "background-color"}
_BORDERS: Final[Mapping[str, str]] = {
    "panel": "border-left:4px solid #888;padding-left:8px",
    "status": "font-weight:bold;border:1px solid;padding:0 3px",
}


def written(tree: Node) -> str:
    """The HTML of a canonical tree, without a line break in it."""
    return _blocks(tree.get("content", ()))


def _blocks(nodes: Iterable[Node]) -> str:
    return "".join(_block(node) for node in nodes)


def _block(node: Node) -> str:
    body = _body(node)
    for mark in reversed(node.get("marks", ())):
        body = _generic("div", mark["type"], mark.get("attrs", {}), body)
    return body


def _body(node: Node) -> str:
    attrs, content = node.get("attrs", {}), node.get("content", ())
    match node["type"]:
        case "paragraph":
            return f"<p>{_line(content)}</p>"
        case "heading":
            return f"<h{attrs['level']}>{_line(content)}</h{attrs['level']}>"
        case "codeBlock":
            return _code(node)
        case "rule":
            return "<hr>"
        case "orderedList":
            start = f' start="{int(attrs["order"])}"' if "order" in attrs else ""
            return f"<ol{start}>{_blocks(content)}</ol>"
        case "listItem" | "tableCell" | "tableHeader" as kind:
            return f"<{_TAGS[kind]}{_data(attrs)}>{_inner(content)}</{_TAGS[kind]}>"
        case kind if kind in _TAGS:
            return f"<{_TAGS[kind]}{_data(attrs)}>{_blocks(content)}</{_TAGS[kind]}>"
        case "expand" | "nestedExpand":
            title = _text(attrs.get("title", ""), spaced=True)
            return f"<details><summary>{title}</summary>{_blocks(content)}</details>"
        case "media":
            return _media(attrs, node.get("marks", ()))
        case kind:
            inner = _line(content) if CONTENT[kind] and CONTENT[kind] <= INLINE else _blocks(content)
            return _generic(
                "div", kind, attrs, inner or html.escape(str(attrs.get("url") or attrs.get("text") or ""))
            )


def _inner(content: Sequence[Node]) -> str:
    """The blocks of an item or cell; a paragraph before anything but another needs no tag of its own."""
    kinds = [child["type"] for child in content[:2]]
    if kinds[0] == "paragraph" and "paragraph" not in kinds[1:] and not content[0].get("marks"):
        return _line(content[0].get("content", ())) + _blocks(content[1:])
    return _blocks(content)


def _code(node: Node) -> str:
    attrs = dict(node.get("attrs", {}))
    text = "".join(child["text"] for child in node.get("content", ()))
    return f"<pre{_data(attrs)}><code>{html.escape(text, quote=False).replace(chr(10), '<br>')}</code></pre>"


def _media(attrs: Mapping[str, Any], marks: Sequence[Mark]) -> str:
    """A picture by its address; a file by its name, as an address of it is known to its own side only."""
    kept = {name: value for name, value in attrs.items() if name != "alt"}
    if marks:
        kept["marks"] = marks
    if attrs["type"] == "external":
        alt = html.escape(attrs.get("alt", ""))
        return f'<img src="{html.escape(attrs["url"])}" alt="{alt}"{_data(kept, "media")}>'
    return _generic("span", "media", kept, _text(attrs.get("alt", ""), spaced=True))


def _generic(tag: str, name: str, attrs: Mapping[str, Any], body: str) -> str:
    style = f' style="{_BORDERS[name]}"' if name in _BORDERS else ""
    return f"<{tag}{_data(attrs, name)}{style}>{body}</{tag}>"


def _data(attrs: Mapping[str, Any], name: str = "") -> str:
    given = {"adf": name} if name else {}
    named = {**given, **{key.lower(): spelled(value) for key, value in attrs.items()}}
    return "".join(f' data-{key}="{_quoted(value)}"' for key, value in named.items())


def _quoted(value: str) -> str:
    """An attribute's value; brackets are no tags of ServiceNow's, and nothing ends the line."""
    return html.escape(value).replace("\n", "&#10;")


# Lines of text


def _line(nodes: Iterable[Node]) -> str:
    """Inline nodes; white space that HTML would not show is written as references."""
    out = ""
    for node in nodes:
        out += _inline(node, spaced=not out or out.endswith((" ", "<br>", "&nbsp;", ";")))
    return out


def _inline(node: Node, *, spaced: bool) -> str:
    attrs = dict(node.get("attrs", {}))
    match node["type"]:
        case "text":
            return _marked(_text(node["text"], spaced=spaced), node.get("marks", ()))
        case "hardBreak":
            return "<br>"
        case "mediaInline":
            shown = attrs.pop("alt", "")
        case "date":
            shown = day(attrs["timestamp"])
        case kind:
            shown = attrs.pop(SHOWN[kind], "")
    if node.get("marks"):
        attrs["marks"] = node["marks"]
    return _generic("span", node["type"], attrs, _text(shown, spaced=True))


_SPACES: Final = re.compile(r"(?<= ) |^ | $|[^\S ]")


def _text(text: str, *, spaced: bool) -> str:
    escaped = html.escape(text, quote=False)
    return _SPACES.sub(lambda match: _space(match, spaced), escaped)


def _space(match: re.Match[str], spaced: bool) -> str:
    char = match.group()
    if char != " ":
        return f"&#{ord(char)};"
    return "&nbsp;" if spaced or match.start() else " "


def _marked(text: str, marks: Sequence[Mark]) -> str:
    for mark in reversed(marks):
        text = _mark(text, mark["type"], mark.get("attrs", {}))
    return text


def _mark(text: str, kind: str, attrs: Mapping[str, Any]) -> str:
    if kind in _MARKS:
        return f"<{_MARKS[kind]}>{text}</{_MARKS[kind]}>"
    match kind:
        case "subsup":
            return f"<{attrs['type']}>{text}</{attrs['type']}>"
        case "link":
            title = f' title="{_quoted(attrs["title"])}"' if "title" in attrs else ""
            apart = ' target="_blank" rel="noopener noreferrer"'
            return f'<a href="{_quoted(attrs["href"])}"{title}{apart}>{text}</a>'
        case "textColor" | "backgroundColor":
            return f'<span style="{_STYLES[kind]}:{attrs["color"]}">{text}</span>'
        case _:
            return _generic("span", kind, attrs, text)
