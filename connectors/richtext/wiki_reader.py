"""Reads Jira's wiki markup into a tree (Jira: "Text Formatting Notation Help"), in time linear in its length.

A macro that is not known is text, as typed: nothing here runs, includes or embeds. The tree is not canonical.
"""

from __future__ import annotations

import base64
import binascii
import json
import re
from collections.abc import Sequence
from typing import Any, Final

from tieline.connectors.richtext.model import ATTRS, CONTENT, INLINE, MARK_ATTRS, Node
from tieline.connectors.richtext.wiki_inline import inlines
from tieline.connectors.richtext.wiki_writer import BOXES, PANELS

_DEEPEST: Final = 30
_MACRO: Final = re.compile(
    r"(?<!\\)\{(?P<name>code|noformat|quote|panel)(?P<parameters>:[^}\n]*)?\}"
    r"|^\{anchor:adf\.(?P<data>[\w-]+)\}$|^(?P<end>\{anchor:adf\.\})$",
    re.MULTILINE,
)
_ITEM: Final = re.compile(r"[ \t]*([*#-]+)[ \t]+(.*)")
_HEADING: Final = re.compile(r"[ \t]*h([1-6])\.[ \t]*(.*)")
_QUOTE: Final = re.compile(r"[ \t]*bq\.[ \t]*(.*)")
_RULE: Final = re.compile(r"[ \t]*-{4,5}[ \t]*")
_CELL: Final = re.compile(r"\\.|\[(?:\\.|[^\[\]\\\n])*\]|\{[^}\n]*\}|(?P<bar>\|{1,2})|.", re.DOTALL)


def read(markup: str) -> Node:
    """The tree of `markup`, whose line ends are LF."""
    return {"type": "doc", "version": 1, "content": _Reader(markup).blocks(0)}


class _Reader:
    """One text, cut at its macros; `position` is how far it is read."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._macros = list(_MACRO.finditer(text))
        self._next = 0
        self._position = 0
        self._lost: set[str] = set()

    def blocks(self, depth: int, until: str = "") -> list[Node]:
        """The blocks up to the macro that ends them (`quote`, `panel`, `end`)."""
        found: list[Node] = []
        while self._next < len(self._macros):
            macro = self._macros[self._next]
            self._next += 1
            if macro.start() < self._position:
                continue
            name = macro["name"] or ("end" if macro["end"] else "anchor")
            if until and name == until and not macro["parameters"]:
                found += self._before(macro)
                return found
            if name == "end" or depth > _DEEPEST or not self._closes(name):
                continue
            found += self._before(macro)
            found += self._macro(name, macro, depth)
        found += _plain(self._text[self._position :])
        self._position = len(self._text)
        return found

    def _before(self, macro: re.Match[str]) -> list[Node]:
        text = self._text[self._position : macro.start()]
        self._position = macro.end()
        return _plain(text)

    def _closes(self, name: str) -> bool:
        """Whether what this macro opens is closed further on; without that it is text."""
        if name in self._lost:
            return False
        wanted = "end" if name == "anchor" else name
        for later in self._macros[self._next :]:
            if (later["end"] and wanted == "end") or (later["name"] == wanted and not later["parameters"]):
                return True
        self._lost.add(name)
        return False

    def _macro(self, name: str, macro: re.Match[str], depth: int) -> list[Node]:
        match name:
            case "code" | "noformat":
                return [self._code(name, (macro["parameters"] or "")[1:])]
            case "quote":
                return [{"type": "blockquote", "content": self.blocks(depth + 1, "quote")}]
            case "panel":
                return [_panel((macro["parameters"] or "")[1:], self.blocks(depth + 1, "panel"))]
            case _:
                return _restored(decoded(macro["data"]), self.blocks(depth + 1, "end"))

    def _code(self, name: str, parameters: str) -> Node:
        end = next(m for m in self._macros[self._next :] if m["name"] == name and not m["parameters"])
        text = self._text[self._position : end.start()].removeprefix("\n").removesuffix("\n")
        self._position = end.end()
        parts = parameters.split("|")
        language = next(
            (p.removeprefix("language=") for p in parts if "=" not in p or p.startswith("language=")), ""
        )
        attrs = {"language": language} if language not in {"", "none"} else {}
        return {"type": "codeBlock", "attrs": attrs, "content": [{"type": "text", "text": text}]}


def _panel(parameters: str, content: list[Node]) -> Node:
    given = dict(part.partition("=")[::2] for part in parameters.split("|"))
    color = given.get("bgColor", "").lower()
    kind = next((name for name, known in PANELS.items() if known == color), "info")
    title = given.get("title", "").strip()
    strong = {"type": "text", "text": title, "marks": [{"type": "strong"}]}
    head = [{"type": "paragraph", "content": [strong]}] if title else []
    return {"type": "panel", "attrs": {"panelType": kind}, "content": [*head, *content]}


# What our own anchors name


def decoded(data: str) -> tuple[str, dict[str, Any]]:
    """The kind and attributes that an anchor's name holds; an unknown kind if it holds none."""
    try:
        kind, attrs = json.loads(base64.urlsafe_b64decode(data + "=" * (-len(data) % 4)))
    except (ValueError, TypeError, binascii.Error, RecursionError):
        return "", {}
    return (kind, attrs) if isinstance(kind, str) and isinstance(attrs, dict) else ("", {})


def _restored(named: tuple[str, dict[str, Any]], content: list[Node]) -> list[Node]:
    kind, attrs = named
    if kind in MARK_ATTRS and kind not in ATTRS:
        return [
            {**node, "marks": [{"type": kind, "attrs": attrs}, *node.get("marks", ())]} for node in content
        ]
    if kind not in CONTENT or kind == "doc":
        return content
    if kind == "codeBlock":
        text = str(attrs.pop("code", ""))
        return [{"type": kind, "attrs": attrs, "content": [{"type": "text", "text": text}]}]
    if not CONTENT[kind]:
        marks = attrs.pop("marks", None)
        return [{"type": kind, "attrs": attrs, **({"marks": marks} if marks else {})}]
    if str(attrs.get("title", "")).strip():
        content = content[1:]
    if CONTENT[kind] <= INLINE:
        content = _unboxed(content)
    return [{"type": kind, "attrs": attrs, "content": content}]


def _unboxed(content: list[Node]) -> list[Node]:
    """The text of a task without the box that was shown before it."""
    parts = [part for node in content for part in node.get("content", ())]
    if parts and parts[0]["type"] == "text" and parts[0]["text"][:2] in BOXES.values():
        text = parts[0]["text"][2:]
        parts[:1] = [{**parts[0], "text": text}] if text else []
    return parts


# Lines


def _plain(text: str) -> list[Node]:
    """The blocks of text without macros: headings, lists, tables, rules, paragraphs between empty lines."""
    found: list[Node] = []
    lines: list[str] = []
    last = ""
    for line in [*text.split("\n"), ""]:
        kind, node = _structured(line)
        if kind or not line.strip():
            found += _paragraph(lines)
            lines = []
        if node is not None and kind == last in {"item", "row"}:
            _join(found[-1], node)
        elif node is not None:
            found.append(node)
        elif line.strip() and last == "item":
            _innermost(found[-1]).extend([{"type": "hardBreak"}, *inlines(line.strip())])
            continue
        elif line.strip():
            lines.append(line)
        last = kind
    return found


def _structured(line: str) -> tuple[str, Node | None]:
    """What kind of block a line makes by itself, and that block."""
    if match := _HEADING.fullmatch(line):
        return "heading", {"type": "heading", "attrs": {"level": int(match[1])}, "content": inlines(match[2])}
    if match := _QUOTE.fullmatch(line):
        return "quote", {"type": "blockquote", "content": inlines(match[1])}
    if _RULE.fullmatch(line):
        return "rule", {"type": "rule"}
    if match := _ITEM.fullmatch(line):
        return "item", _nested(match[1][:20], inlines(match[2]))
    if line.lstrip().startswith("|"):
        return "row", {"type": "table", "content": [_row(line.strip())]}
    return "", None


def _paragraph(lines: Sequence[str]) -> list[Node]:
    if not lines:
        return []
    content = inlines("\n".join(lines))
    attrs = content[0].get("attrs", {}) if [node["type"] for node in content] == ["mediaInline"] else {}
    if attrs.get("type") == "file":
        media = {"type": "media", "attrs": attrs}
        return [{"type": "mediaSingle", "attrs": {"layout": "center"}, "content": [media]}]
    return [{"type": "paragraph", "content": content}]


def _nested(bullets: str, content: list[Node]) -> Node:
    """A list for each bullet, each inside the one before; the innermost holds the item."""
    inner: list[Node] = [{"type": "paragraph", "content": content}]
    for bullet in reversed(bullets):
        kind = "orderedList" if bullet == "#" else "bulletList"
        inner = [{"type": kind, "content": [{"type": "listItem", "content": inner}]}]
    return inner[0]


def _join(above: Node, below: Node) -> None:
    """Put the rows of one table, or the items of one list, under what stands above."""
    if above["type"] != below["type"]:
        if above["type"] != "lists":  # no node of the schema: it is lifted
            above.update({"type": "lists", "content": [{**above}]})
        _add(above["content"], below)
        return
    if above["type"] == "table":
        above["content"] += below["content"]
        return
    item = below["content"][0]
    child = item["content"][0]
    if child["type"] == "paragraph":
        above["content"].append(item)
    else:
        _add(above["content"][-1]["content"], child)


def _add(siblings: list[Node], node: Node) -> None:
    """Add a list to its siblings: into the last one if that is of its kind."""
    if siblings and siblings[-1]["type"] == node["type"]:
        _join(siblings[-1], node)
    else:
        siblings.append(node)


def _innermost(list_: Node) -> list[Node]:
    """The text of the last item of a list, to which a line below it belongs."""
    node = list_
    while node["type"] != "paragraph":
        node = node["content"][-1]
    found: list[Node] = node["content"]
    return found


def _row(line: str) -> Node:
    cells: list[Node] = []
    text: list[str] = []
    kind = ""
    for match in _CELL.finditer(line):
        if match["bar"] is None:
            text.append(match.group())
            continue
        if kind:
            cells.append({"type": kind, "content": inlines("".join(text).strip(" \t"))})
        kind, text = ("tableHeader" if match["bar"] == "||" else "tableCell"), []
    if kind and "".join(text).strip():
        cells.append({"type": kind, "content": inlines("".join(text).strip(" \t"))})
    return {"type": "tableRow", "content": cells}
