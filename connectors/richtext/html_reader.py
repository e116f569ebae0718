"""Reads the HTML of a ServiceNow journal into a tree: text, and the tags that mean something in a comment.

Nothing is passed through: a tag that is not known gives its text, scripts and styles give nothing, and what
`data-adf` names is taken only if it is harmless. The tree is not canonical yet.
"""

from __future__ import annotations

import html
import re
from collections.abc import Callable, Mapping, Sequence
from html.parser import HTMLParser
from typing import Any, Final

from tieline.connectors.richtext.attributes import typed
from tieline.connectors.richtext.markdown_writer import SHOWN
from tieline.connectors.richtext.model import CONTENT, INLINE, MARK_ATTRS, TEXT_MARKS, Node

_DEEPEST: Final = 100
_HIDDEN: Final = frozenset({"script", "style", "title", "template", "head"})
_VOID: Final = frozenset(
    {"br", "hr", "img", "wbr", "input", "meta", "link", "col", "source", "area", "base", "embed"}
)
_BLOCKS: Final[Mapping[str, str]] = {
    **dict.fromkeys(
        (
            "div", "section", "article", "center", "dl", "dt", "dd", "figure", "address", "header", "footer",
        ),
        "group",
    ),
    **{f"h{level}": "heading" for level in range(1, 7)},
    "p": "paragraph",
    "ul": "bulletList",
    "ol": "orderedList",
    "li": "listItem",
    "blockquote": "blockquote",
    "pre": "codeBlock",
    "table": "table",
    "tr": "tableRow",
    "td": "tableCell",
    "th": "tableHeader",
    "details": "expand",
}  # fmt: skip
_MARKS: Final[Mapping[str, str]] = {
    **dict.fromkeys(("b", "strong"), "strong"),
    **dict.fromkeys(("i", "em"), "em"),
    **dict.fromkeys(("s", "strike", "del"), "strike"),
    **dict.fromkeys(("u", "ins"), "underline"),
    **dict.fromkeys(("code", "tt", "kbd", "samp"), "code"),
    **dict.fromkeys(("sub", "sup"), "subsup"),
}
_INSIDE: Final[Mapping[str, frozenset[str]]] = {
    "listItem": frozenset({"bulletList", "orderedList"}),
    "tableCell": frozenset({"tableRow"}),
    "tableHeader": frozenset({"tableRow"}),
    "tableRow": frozenset({"table"}),
}
"""Tags that end the open one of their kind, up to the tag that holds both."""
_COLORS: Final = re.compile(r"(?:^|;)\s*(color|background-color)\s*:\s*(#[0-9a-fA-F]{6})\s*(?=;|$)")
_ALIEN: Final = frozenset(
    {"extension", "bodiedExtension", "inlineExtension", "syncBlock", "bodiedSyncBlock", "doc"}
)
"""What only its own side may put into a document."""

Admit = Callable[[Node], Node]
"""What a mention or an image is to become."""


def read(text: str, admit: Admit) -> list[Node]:
    """The blocks and inline nodes of `text`."""
    reader = _Reader(admit)
    reader.feed(_STRAY.sub("&lt;", _uncommented(text)))
    reader.close()
    return reader.finished()


_STRAY: Final = re.compile(r"<(?!/?[A-Za-z][^<>]*>)")
"""What begins no tag; the parser would look for its end, again and again."""


def _uncommented(text: str) -> str:
    """The text without comments, which are not shown."""
    kept: list[str] = []
    position = 0
    while (start := text.find("<!--", position)) >= 0 and (end := text.find("-->", start)) >= 0:
        kept.append(text[position:start])
        position = end + 3
    return "".join([*kept, text[position:]])


class _Reader(HTMLParser):
    """Open blocks and marks in one stack: an end tag closes what stands above its own."""

    def __init__(self, admit: Admit) -> None:
        super().__init__(convert_charrefs=False)
        self._admit = admit
        self._open: list[Node] = [{"type": "group", "content": [], "tag": ""}]
        self._marks: list[Node] = []
        self._hidden = 0
        self._space = True

    def finished(self) -> list[Node]:
        while len(self._open) > 1:
            self._pop()
        return list(self._open[0]["content"])

    # Tags

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """One start tag."""
        if tag in _HIDDEN:
            self._hidden += 1
            return
        if self._hidden:
            return
        given = {name: value or "" for name, value in attrs}
        if tag in _VOID:
            self._void(tag, given)
        elif len(self._open) < _DEEPEST:
            self._start(tag, given)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """A tag that ends itself; HTML does not know it, so it is a start tag."""
        self.handle_starttag(tag, attrs)

    def _void(self, tag: str, given: Mapping[str, str]) -> None:
        match tag:
            case "br":
                self._add({"type": "hardBreak"})
                self._space = True
            case "hr":
                self._add({"type": "rule"})
            case "img":
                picture = self._image(given)
                if self._open[-1]["type"] == "paragraph" and picture["type"] == "mediaSingle":
                    self._open[-1]["type"] = "group"  # a paragraph holds no picture: what surrounds it does
                self._add(picture)
            case "input" if given.get("type") == "checkbox":
                self._add({"type": "text", "text": "[x] " if "checked" in given else "[ ] "})

    def _image(self, given: Mapping[str, str]) -> Node:
        attrs = _data(given, "media")
        attrs = {"alt": given.get("alt", ""), **attrs, "type": "external", "url": given.get("src", "")}
        media = self._admit({"type": "media", "attrs": attrs, **_own_marks(attrs)})
        inside = self._open[-1]["type"] in {"mediaSingle", "mediaGroup"}
        single = {"type": "mediaSingle", "attrs": {"layout": "center"}, "content": [media]}
        return single if media["type"] == "media" and not inside else media

    def _start(self, tag: str, given: Mapping[str, str]) -> None:
        named = given.get("data-adf", "")
        if named in CONTENT or named in INLINE:
            self._named(tag, named, given)
        elif named in MARK_ATTRS and named not in TEXT_MARKS:
            self._push({"type": "marked", "mark": {"type": named, "attrs": _data(given, named)}}, tag)
        elif named in MARK_ATTRS:
            self._push({"type": "mark", "marks": [{"type": named, "attrs": _data(given, named)}]}, tag)
        elif tag in _BLOCKS:
            self._block(tag, given)
        elif tag == "summary" and self._open[-1]["type"] == "expand":
            self._push({"type": "summary"}, tag)
        else:
            self._push({"type": "mark", "marks": _marks(tag, given)}, tag)

    def _named(self, tag: str, named: str, given: Mapping[str, str]) -> None:
        kind = "group" if named in _ALIEN else named
        node: Node = {"type": kind, "attrs": _data(given, named)}
        if named in INLINE or named == "media":
            node["marks"] = [*_own_marks(node["attrs"]).get("marks", ()), *self._current()]
        self._push(node, tag)

    def _block(self, tag: str, given: Mapping[str, str]) -> None:
        kind = _BLOCKS[tag]
        self._imply(kind)
        attrs = _data(given, kind)
        match kind:
            case "heading":
                attrs = {"level": int(tag[1])}
            case "orderedList" if given.get("start", "").isdecimal():
                attrs = {"order": int(given["start"][:9])}
            case "tableCell" | "tableHeader":
                spans = {
                    name: int(given[name][:4])
                    for name in ("colspan", "rowspan")
                    if given.get(name, "").isdecimal()
                }
                attrs = {**spans, **attrs}
        self._push({"type": kind, "attrs": attrs}, tag)

    def _imply(self, kind: str) -> None:
        """Close what this block ends without a tag: a paragraph, and its own kind up to what holds both."""
        holders = _INSIDE.get(kind, frozenset())
        for index in range(len(self._open) - 1, 0, -1):
            open_ = self._open[index]["type"]
            if open_ in holders or (not holders and open_ not in {"paragraph", "mark"}):
                return
            ends = (
                {"tableCell", "tableHeader"} if kind in {"tableCell", "tableHeader"} else {kind, "paragraph"}
            )
            if kind == "tableRow":
                ends |= {"tableCell", "tableHeader"}
            if open_ in ends:
                while len(self._open) > index:
                    self._pop()

    def handle_endtag(self, tag: str) -> None:
        """One end tag; without its start tag it means nothing."""
        if tag in _HIDDEN:
            self._hidden = max(0, self._hidden - 1)
            return
        if self._hidden or tag in _VOID:
            return
        for index in range(len(self._open) - 1, 0, -1):
            if self._open[index]["tag"] == tag:
                while len(self._open) > index:
                    self._pop()
                return

    def _push(self, node: Node, tag: str) -> None:
        self._open.append({"content": [], **node, "tag": tag})
        if node["type"] not in {"mark"}:
            self._space = True

    def _pop(self) -> None:
        node = self._open.pop()
        node.pop("tag")
        match node["type"]:
            case "mark":
                self._open[-1]["content"] += node["content"]
            case "summary":
                self._open[-1]["attrs"] = {"title": _plain(node["content"])}
            case "marked":
                mark = node.pop("mark")
                for child in node["content"]:
                    child["marks"] = [mark, *child.get("marks", ())]
                self._open[-1]["content"] += node["content"]
            case "codeBlock":
                node["content"] = [{"type": "text", "text": _plain(node["content"])}]
                self._add(node)
            case kind if kind in INLINE or kind == "media":
                self._add(self._admit(_shown(node)))
                return
            case _:
                self._add(node)
        if node["type"] not in {"mark"}:
            self._space = True

    def _add(self, node: Node) -> None:
        self._open[-1]["content"].append(node)
        self._space = False

    # Text

    def handle_data(self, data: str) -> None:
        """Text between tags: white space as HTML shows it, outside of code."""
        if self._hidden:
            return
        if not self._in_code():
            data = re.sub(r"[ \t\r\n\f]+", " ", data)
            if self._space:
                data = data.removeprefix(" ")
            self._space = data.endswith(" ") if data else self._space
            self._write(data)
        else:
            self._write(data)

    def handle_entityref(self, name: str) -> None:
        """A character by its name; a space that does not break is a space that is shown."""
        self._write(" " if name == "nbsp" else html.unescape(f"&{name};"))
        self._space = False

    def handle_charref(self, name: str) -> None:
        """A character by its number."""
        self._write(html.unescape(f"&#{name};"))
        self._space = False

    def unknown_decl(self, data: str) -> None:
        """A declaration is not shown."""

    def _write(self, text: str) -> None:
        if text and not self._hidden:
            self._open[-1]["content"].append({"type": "text", "text": text, "marks": self._current()})

    def _in_code(self) -> bool:
        return any(node["type"] == "codeBlock" for node in self._open)

    def _current(self) -> list[Node]:
        """The marks that are open here, up to the block that they stand in."""
        found: list[Node] = []
        for node in reversed(self._open):
            if node["type"] != "mark":
                break
            found = [*node["marks"], *found]
        return found


def _marks(tag: str, given: Mapping[str, str]) -> list[Node]:
    if tag in _MARKS:
        kind = _MARKS[tag]
        return [{"type": kind, **({"attrs": {"type": tag}} if kind == "subsup" else {})}]
    if tag == "a" and given.get("href"):
        title = {"title": given["title"]} if given.get("title") else {}
        return [{"type": "link", "attrs": {"href": given["href"], **title}}]
    names = {"color": "textColor", "background-color": "backgroundColor"}
    found = _COLORS.findall(given.get("style", ""))
    return [{"type": names[name], "attrs": {"color": color}} for name, color in found]


def _data(given: Mapping[str, str], name: str) -> dict[str, Any]:
    pairs = [
        (key[5:], value) for key, value in given.items() if key.startswith("data-") and key != "data-adf"
    ]
    return typed(name, pairs)


def _own_marks(attrs: dict[str, Any]) -> dict[str, Any]:
    return {"marks": attrs.pop("marks")} if isinstance(attrs.get("marks"), list) else {}


def _shown(node: Node) -> Node:
    """An inline node with the attribute that its text stands for."""
    content = node.pop("content")
    name = "alt" if node["type"] == "media" else SHOWN.get(node["type"], "")
    text = _plain(content)
    if name and text:
        node["attrs"][name] = text
    if node["type"] == "group":
        node["content"] = content
    return node


def _plain(content: Sequence[Node]) -> str:
    """The text of these nodes, lines apart."""
    parts: list[str] = []
    for node in content:
        match node["type"]:
            case "text":
                parts.append(node["text"])
            case "hardBreak":
                parts.append("\n")
            case _:
                parts.append(_plain(node.get("content", ())))
    return "".join(parts)
