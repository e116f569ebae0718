"""Writes a canonical tree as Markdown: CommonMark with tables, struck text and task lists.

What Markdown has no sign for is an element named as the document format names it:
`<status color="red">DOWN</status>`, or, around blocks, lines of their own with a blank line on either side.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from itertools import groupby
from typing import Any, Final

from tieline.connectors.richtext.attributes import spelled
from tieline.connectors.richtext.dates import day
from tieline.connectors.richtext.model import CONTENT, INLINE, Mark, Node

SHOWN: Final[Mapping[str, str]] = {
    "mention": "text",
    "emoji": "text",
    "status": "text",
    "placeholder": "text",
    "inlineExtension": "text",
    "inlineCard": "url",
    "mediaInline": "alt",
}
"""The attribute that an inline element shows as its content."""

_DELIMITERS: Final[Mapping[str, str]] = {"strong": "**", "em": "*", "strike": "~~"}


def written(tree: Node) -> str | None:
    """The Markdown of a canonical tree; None for an empty one."""
    return blocks(tree.get("content", ())) or None


# Blocks


def blocks(nodes: Sequence[Node]) -> str:
    """Blocks, an empty line apart. Neighbouring lists get different signs, or they would be one."""
    parts: list[str] = []
    last, other = "", False
    for node in nodes:
        kind = "bullet" if node["type"] in {"bulletList", "taskList"} else node["type"]
        other = kind == last and not other
        parts.append(_block(node, other=other))
        last = kind
    return "\n\n".join(parts)


def _block(node: Node, *, other: bool) -> str:
    body = _body(node, other=other)
    for mark in reversed(node.get("marks", ())):
        body = _element(mark["type"], mark.get("attrs", {}), body)
    return body


def _body(node: Node, *, other: bool) -> str:
    content = node.get("content", ())
    match node["type"]:
        case "paragraph":
            return lines(content)
        case "heading":
            text = re.sub(r"(?<![^\s])(#+)$", r"\\\1", line(content))
            return f"{'#' * node['attrs']['level']} {text}".rstrip()
        case "codeBlock":
            return _code(node)
        case "blockquote":
            return _indented("> ", "> ", blocks(content))
        case "rule":
            return "---"
        case "bulletList":
            return _bullets("* " if other else "- ", content)
        case "orderedList":
            start, sign = node.get("attrs", {}).get("order", 1), ")" if other else "."
            return "\n".join(_item(f"{n}{sign} ", item) for n, item in enumerate(content, int(start)))
        case "taskList":
            return _tasks("* " if other else "- ", content)
        case "table" if is_simple(node):
            return _table(content)
        case "mediaSingle" if picture(node):
            media = content[0]["attrs"]
            return f"![{_escaped(media.get('alt', ''), brackets=True)}]({_address(media['url'])})"
        case kind:
            inner = lines(content) if CONTENT[kind] and CONTENT[kind] <= INLINE else blocks(content)
            return _element(kind, node.get("attrs", {}), inner)


def _indented(first: str, rest: str, text: str) -> str:
    head, *tail = text.split("\n")
    return "\n".join([(first + head).rstrip(), *((rest + line if line else rest).rstrip() for line in tail)])


def _bullets(sign: str, content: Sequence[Node]) -> str:
    text = "\n".join(_item(sign, item) for item in content)
    if re.search(r"^[-*](?: [-*]){2,}$", text, re.MULTILINE):  # empty items in a row would be a rule
        return "\n".join(_item("+ ", item) for item in content)
    return text


def _item(sign: str, item: Node) -> str:
    return _indented(sign, " " * len(sign), _tight(item.get("content", ())))


def _tight(content: Sequence[Node]) -> str:
    """A paragraph with bullets below it needs no empty line; anything else has one."""
    kinds = [child["type"] for child in content]
    if kinds in (["paragraph", "bulletList"], ["paragraph", "taskList"]) and content[0].get("content"):
        bullets = blocks(content[1:])
        if re.match(r"[-*] ", bullets):  # an empty bullet would not end the paragraph
            return f"{blocks(content[:1])}\n{bullets}"
    return blocks(content)


def _tasks(sign: str, content: Sequence[Node]) -> str:
    parts: list[str] = []
    for child in content:
        if child["type"] == "taskList":
            parts.append(_indented("  ", "  ", _body(child, other=False)))
            continue
        box = "[x] " if child["attrs"]["state"] == "DONE" else "[ ] "
        inner = child.get("content", ())
        text = lines(inner) if child["type"] == "taskItem" else _loose(inner)
        parts.append(_indented(sign, "  ", box + text))
    return "\n".join(parts)


def _loose(content: Sequence[Node]) -> str:
    """The blocks of a task; its first line is the box's, so other blocks begin below it."""
    text = blocks(content)
    return text if content[0]["type"] == "paragraph" and not content[0].get("marks") else f"\n\n{text}"


def _code(node: Node) -> str:
    attrs = dict(node.get("attrs", {}))
    text = "".join(child["text"] for child in node.get("content", ()))
    longest = max((len(run) for run in re.findall(r"`{3,}", text)), default=2)
    fence = "`" * (longest + 1)
    language = attrs.pop("language", "")
    if re.search(r"[`\s]", language):
        attrs, language = {"language": language, **attrs}, ""
    body = "\n".join([fence + language, *([text] if text else []), fence])
    return _element("codeBlock", attrs, body) if attrs else body


def _element(name: str, attrs: Mapping[str, Any], body: str) -> str:
    return f"{_tag(name, attrs)}\n\n{body}\n\n</{name}>" if body else f"{_tag(name, attrs)[:-1]} />"


def _tag(name: str, attrs: Mapping[str, Any]) -> str:
    return f"<{name}{''.join(f' {key}={_quoted(value)}' for key, value in attrs.items())}>"


_REFERENCES: Final = {"&": "&amp;", '"': "&quot;", "<": "&lt;", ">": "&gt;", "`": "&#96;", "\n": "&#10;"}


def _quoted(value: Any) -> str:
    return '"' + re.sub(r'[&"<>`\n]', lambda match: _REFERENCES[match.group()], spelled(value)) + '"'


def picture(node: Node) -> bool:
    """Whether this is nothing but a picture at an address."""
    media = node["content"][0]
    known = media["attrs"].keys() <= {"type", "url", "alt"} and "url" in media["attrs"]
    plain = node.get("attrs") == {"layout": "center"} and not node.get("marks") and not media.get("marks")
    return known and plain and len(node["content"]) == 1


# Tables


def is_simple(table: Node) -> bool:
    """Whether the table is one row of headers above rows of as many cells, each a line of text."""
    rows = [row.get("content", ()) for row in table["content"]]
    widths = {len(row) for row in rows}
    kinds = [{cell["type"] for cell in row} for row in rows]
    shaped = kinds[0] == {"tableHeader"} and all(kind == {"tableCell"} for kind in kinds[1:])
    bare = not table.get("attrs") and not table.get("marks")
    return bare and len(widths) == 1 and shaped and all(_is_line(cell) for row in rows for cell in row)


def _is_line(cell: Node) -> bool:
    content = cell.get("content", ())
    one = len(content) == 1 and content[0]["type"] == "paragraph" and not content[0].get("marks")
    return one and not cell.get("attrs")


def _table(rows: Sequence[Node]) -> str:
    head, *rest = (_row(row) for row in rows)
    width = len(rows[0]["content"])
    return "\n".join([head, "|" + " --- |" * width, *rest])


def _row(row: Node) -> str:
    texts = (line(cell["content"][0].get("content", ())).replace("|", "\\|") for cell in row["content"])
    return "|" + "".join(f" {text} |" for text in texts)


# Lines of text


def lines(nodes: Sequence[Node]) -> str:
    """Inline nodes, each line on a line of its own; a backslash at its end says that it ends there."""
    return "\\\n".join(_broken(nodes))


def line(nodes: Sequence[Node]) -> str:
    """Inline nodes on one line, as in a heading or a cell."""
    return "<br>".join(_broken(nodes))


def _broken(nodes: Sequence[Node]) -> list[str]:
    parts: list[list[Node]] = [[]]
    for node in nodes:
        if node["type"] == "hardBreak":
            parts.append([])
        else:
            parts[-1].append(node)
    return [spanned(part) if part and _linked(part[0]) else _begun(spanned(part)) for part in parts]


def _linked(node: Node) -> bool:
    return any(mark["type"] == "link" for mark in node.get("marks", ()))


_BEGINS: Final = re.compile(
    r"(?P<space>\s)|(?P<sign>#{1,6}(?=\s|$)|>|[-+](?=\s|$)|-(?=[-:|])|=|\||:(?=\s*-))|(?P<number>\d{1,9})(?=[.)](?:\s|$))"
)


def _begun(text: str) -> str:
    """The line without what would make it a heading, list, quote or rule where it begins."""
    match = _BEGINS.match(text)
    if match is None:
        return text
    match match.lastgroup:
        case "space":
            return f"&#{ord(text[0])};{text[1:]}"
        case "number":
            return f"{match.group()}\\{text[match.end() :]}"
        case _:
            return "\\" + text


def spanned(nodes: Iterable[Node], prior: str = "", *, linked: bool = False) -> str:
    """Inline nodes of one line; `prior` is what was written before them."""
    out = ""
    for outer, run in groupby(nodes, key=_outer):
        group = list(run)
        if outer is None:
            out += "".join(_leaf(node, linked=linked) for node in group)
        else:
            out += _wrapped(json.loads(outer), [_inner(node) for node in group], prior + out, linked=linked)
    return out


def _outer(node: Node) -> str | None:
    """The outermost mark, in a form that can be compared."""
    marks = node.get("marks")
    return json.dumps(marks[0], sort_keys=True) if marks and node["type"] == "text" else None


def _inner(node: Node) -> Node:
    return {**node, "marks": node["marks"][1:]}


def _wrapped(mark: Mark, group: list[Node], prior: str, *, linked: bool) -> str:
    kind, attrs = mark["type"], mark.get("attrs", {})
    if kind == "code":
        return "".join(_span(node["text"]) for node in group)
    if kind == "link":
        return _link(attrs, group)
    sign = _DELIMITERS.get(kind, "")
    inner = spanned(group, sign, linked=linked)
    fits = inner[0].isalnum() and inner[-1].isalnum() and not prior.endswith(("*", "~"))
    return f"{sign}{inner}{sign}" if sign and fits else f"{_tag(kind, attrs)}{inner}</{kind}>"


def _span(text: str) -> str:
    runs = {len(run) for run in re.findall(r"`+", text)}
    fence = "`" * next(n for n in range(1, len(runs) + 2) if n not in runs)
    spaced = text[0] == " " == text[-1] and text.strip(" ")
    pad = " " if text[0] == "`" or text[-1] == "`" or spaced else ""
    return f"{fence}{pad}{text}{pad}{fence}"


def _link(attrs: Mapping[str, Any], group: list[Node]) -> str:
    href = attrs["href"]
    alone = len(group) == 1 and not group[0]["marks"] and group[0]["text"] == href and "title" not in attrs
    if alone and re.fullmatch(r"[A-Za-z][A-Za-z0-9+.-]{1,31}:[^<>\x00-\x20\x7f|]*", href):
        return f"<{href}>"
    title = f' "{_escaped(attrs["title"], quotes=True)}"' if "title" in attrs else ""
    return f"[{spanned(group, '[', linked=True)}]({_address(href)}{title})"


def _address(href: str) -> str:
    if re.fullmatch(r"[\w:/?=.,%#@+~;-]+(?:&[\w:/?=.,%#@+~-]*)*", href) and not re.search(r"&#?\w+;", href):
        return href
    return "<" + re.sub(r"[\\<>&]", r"\\\g<0>", href) + ">"


def _leaf(node: Node, *, linked: bool) -> str:
    kind = node["type"]
    if kind == "text":
        return _escaped(node["text"], brackets=linked)
    attrs = dict(node.get("attrs", {}))
    shown = attrs.pop(SHOWN[kind], None) if kind in SHOWN else day(attrs.get("timestamp", ""))
    if node.get("marks"):
        attrs["marks"] = node["marks"]
    text = _escaped(shown, brackets=True) if shown else ""
    return f"{_tag(kind, attrs)}{text}</{kind}>"


_SPECIAL: Final = re.compile(
    r"""
      \\(?=[!-/:-@\[-`{-~]|$) | `+ | (?<!\w)_+ | _++(?!\w)
    | (?<=\s)\*+(?=\s) (?P<keep>) | \*+ | <(?=[A-Za-z/!?]|$) | &(?=\#?\w+;|$)
    | ~~+ | ^~ | ~$ | \[ | !(?=\[|$)
    """,
    re.VERBOSE,
)


def _escaped(text: str, *, brackets: bool = False, quotes: bool = False) -> str:
    """Text that means nothing but itself."""
    if not brackets and not quotes and _TAME.fullmatch(text):
        return text
    out = _SPECIAL.sub(_backslashed, text)
    if brackets:
        out = out.replace("]", "\\]")
    return out.replace('"', '\\"') if quotes else out


_TAME: Final = re.compile(r"[A-Za-z0-9\s.,;:()/'\"+=%#@$^-]*")
"""Text without any sign of Markdown."""


def _backslashed(match: re.Match[str]) -> str:
    if match["keep"] is not None:
        return match.group()
    return "".join("\\" + char for char in match.group())
