"""Reads Markdown into a tree: CommonMark by markdown-it, and the elements that `markdown_writer` names.

Every text has a reading: what is no element of ours stays as it was typed. The tree is not canonical yet.
"""

from __future__ import annotations

import html
import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final

from tieline.connectors.richtext.attributes import typed
from tieline.connectors.richtext.markdown_writer import SHOWN
from tieline.connectors.richtext.model import CONTENT, INLINE, MARK_ATTRS, TEXT_MARKS, Node

if TYPE_CHECKING:
    from markdown_it import MarkdownIt
    from markdown_it.token import Token

_DEEPEST: Final = 150
_LINKS: Final = 3000
"""Brackets of one text that may begin a link; more than anybody writes."""
_TAG: Final = re.compile(r"<(/?)([A-Za-z]\w*)((?:\s+[A-Za-z]\w*=\"[^\"]*\")*)\s*(/?)>")
_ATTR: Final = re.compile(r"([A-Za-z]\w*)=\"([^\"]*)\"")
_BLOCKS: Final = {
    "paragraph": "paragraph",
    "heading": "heading",
    "blockquote": "blockquote",
    "bullet_list": "bulletList",
    "ordered_list": "orderedList",
    "list_item": "listItem",
    "table": "table",
    "tr": "tableRow",
    "th": "tableHeader",
    "td": "tableCell",
}
_BOX: Final = re.compile(r"\[([ xX])\](?: |$)")
_MARKED: Final = {"strong": "strong", "em": "em", "s": "strike"}


def read(markdown: str) -> Node:
    """The tree of `markdown`."""
    builder = _Builder()
    parser = _parser()
    if markdown.count("[") - markdown.count("\\[") > _LINKS:
        parser.disable(["link", "image"])  # it would look for the end of each, again and again
    for token in parser.parse(markdown):
        builder.take(token)
    return builder.finished()


def _parser() -> MarkdownIt:
    from markdown_it import MarkdownIt  # only texts that are more than plain need it

    class Parser(MarkdownIt):
        """CommonMark that leaves addresses as they are written."""

        def normalizeLink(self, url: str) -> str:  # noqa: N802 - markdown-it's name
            return url

        def normalizeLinkText(self, link: str) -> str:  # noqa: N802 - markdown-it's name
            return link

        def validateLink(self, url: str) -> bool:  # noqa: N802 - markdown-it's name
            return True

    return Parser("commonmark", {"maxNesting": _DEEPEST}).enable(["table", "strikethrough"])


class _Builder:
    """The blocks that are open, outermost first; elements close with what holds them."""

    def __init__(self) -> None:
        self._open: list[Node] = [{"type": "doc", "content": []}]

    def finished(self) -> Node:
        return self._open[0]

    def take(self, token: Token) -> None:
        """Add one token of markdown-it."""
        name = token.type.removesuffix("_open").removesuffix("_close")
        if token.type in {"fence", "code_block"}:
            self._add(_code(token))
        elif token.type == "hr":
            self._add({"type": "rule"})
        elif token.type == "html_block":
            self._html(token.content)
        elif token.type == "inline":
            self._inline(token)
        elif name in _BLOCKS and token.nesting == 1:
            self._push({"type": _BLOCKS[name], "attrs": _numbers(token), "content": [], "native": True})
        elif name in _BLOCKS:
            self._close(_BLOCKS[name])

    def _add(self, node: Node) -> None:
        self._open[-1]["content"].append(node)

    def _push(self, node: Node) -> None:
        self._add(node)
        self._open.append(node)

    def _close(self, kind: str) -> None:
        while True:
            node = self._open.pop()
            if node["type"] == kind and node.pop("native", False):
                break
        match kind:
            case "bulletList":
                _boxed(node)
            case "paragraph" if any(child["type"] == "mediaSingle" for child in node["content"]):
                node["type"] = "pictures"  # a picture is a block of its own

    def _inline(self, token: Token) -> None:
        node = self._open[-1]
        box = _BOX.match(token.content) if len(self._open) > 1 else None
        if (
            box
            and node["type"] == "paragraph"
            and self._open[-2]["type"] == "listItem"
            and len(self._open[-2]["content"]) == 1
        ):
            self._open[-2]["box"] = box[1]
        node["content"] += inline(token.children or ())

    def _html(self, content: str) -> None:
        for line in content.split("\n"):
            if line.strip():
                self._line(line.strip())

    def _line(self, line: str) -> None:
        match = _TAG.fullmatch(line)
        if match is None or not (match[2] in CONTENT or match[2] in MARK_ATTRS) or match[2] == "doc":
            self._add({"type": "paragraph", "content": [{"type": "text", "text": line}]})
        elif match[1]:
            if self._open[-1].get("element") == match[2]:
                _shaped(self._open.pop())
            else:
                self._add({"type": "paragraph", "content": [{"type": "text", "text": line}]})
        else:
            node: Node = {
                "type": match[2],
                "attrs": _attrs(match[2], match[3]),
                "content": [],
                "element": match[2],
            }
            if match[4]:
                self._add(_shaped(node))
            else:
                self._push(node)


def _numbers(token: Token) -> dict[str, Any]:
    if token.type == "heading_open":
        return {"level": int(token.tag[1:])}
    start = token.attrs.get("start")
    return {"order": int(start)} if start is not None else {}


def _code(token: Token) -> Node:
    language = token.info.strip()
    text = token.content.removesuffix("\n")
    attrs = {"language": language} if language else {}
    return {"type": "codeBlock", "attrs": attrs, "content": [{"type": "text", "text": text}] if text else []}


def _boxed(list_: Node) -> None:
    """Make a bullet list whose every item begins with a box a task list."""
    items: list[Node] = list_["content"]
    if not items or any("box" not in item for item in items):
        for item in items:
            item.pop("box", None)
        return
    content: list[Node] = []
    for item in items:
        content += _task(item)
    list_.update({"type": "taskList", "attrs": {}, "content": content})


def _task(item: Node) -> list[Node]:
    state = "TODO" if item["box"] == " " else "DONE"
    first, *rest = item["content"]
    _unboxed(first["content"])
    below = [child for child in rest if child["type"] == "taskList"]
    others = [child for child in rest if child["type"] != "taskList"]
    if not others:
        return [{"type": "taskItem", "attrs": {"state": state}, "content": first["content"]}, *below]
    kept = [first, *others] if first["content"] else others
    return [{"type": "blockTaskItem", "attrs": {"state": state}, "content": kept}, *below]


def _unboxed(content: list[Node]) -> None:
    text = content[0]["text"][4:]
    if text:
        content[0] = {**content[0], "text": text}
    else:
        content.pop(0)


def _shaped(node: Node) -> Node:
    """An element as the node that it names: marks go onto what they stand around."""
    name = node.pop("element")
    if name in MARK_ATTRS:
        mark = {"type": name, "attrs": node["attrs"]}
        for child in node["content"]:
            child["marks"] = [mark, *child.get("marks", ())]
        node.update({"type": "marked", "attrs": {}})
    elif name == "codeBlock":
        node["content"] = [part for child in node["content"] for part in child.get("content", ())]
    return node


def _attrs(name: str, text: str) -> dict[str, Any]:
    return typed(name, ((key, html.unescape(raw)) for key, raw in _ATTR.findall(text)))


# Lines of text


def inline(tokens: Sequence[Token]) -> list[Node]:
    """Inline nodes of markdown-it's tokens."""
    found: list[Node] = []
    marks: list[Node] = []
    position = 0
    while position < len(tokens):
        token = tokens[position]
        position += 1
        name = token.type.removesuffix("_open").removesuffix("_close")
        if token.type == "html_inline":
            position = _tagged(tokens, position, found, marks)
        elif token.type == "link_open":
            marks.append({"type": "link", "attrs": _link(token), "by": "link"})
        elif name in _MARKED and token.nesting == 1:
            marks.append({"type": _MARKED[name], "by": name})
        elif token.nesting == -1:
            _drop(marks, name)
        else:
            found += _leaf(token, marks)
    return found


def _leaf(token: Token, marks: list[Node]) -> list[Node]:
    match token.type:
        case "softbreak":
            return _text(" ", marks)
        case "hardbreak":
            return [{"type": "hardBreak"}]
        case "code_inline":
            return _text(token.content, [*marks, {"type": "code"}])
        case "image":
            return [_image(token)]
        case _:
            return _text(token.content, marks)


def _text(text: str, marks: list[Node]) -> list[Node]:
    kept = [{key: value for key, value in mark.items() if key != "by"} for mark in marks]
    return [{"type": "text", "text": text, "marks": kept}] if text else []


def _image(token: Token) -> Node:
    media = {"type": "external", "url": str(token.attrs.get("src", ""))}
    if token.content:
        media["alt"] = "".join(child.content for child in token.children or ())
    return {
        "type": "mediaSingle",
        "attrs": {"layout": "center"},
        "content": [{"type": "media", "attrs": media}],
    }


def _link(token: Token) -> dict[str, Any]:
    attrs = {"href": str(token.attrs.get("href", ""))}
    if token.attrs.get("title"):
        attrs["title"] = str(token.attrs["title"])
    return attrs


def _drop(marks: list[Node], by: str) -> bool:
    """Forget the innermost mark that this sign opened."""
    for index in range(len(marks) - 1, -1, -1):
        if marks[index].get("by") == by:
            del marks[index]
            return True
    return False


def _tagged(tokens: Sequence[Token], position: int, found: list[Node], marks: list[Node]) -> int:
    """Take the tag before `position`: a line break, a mark, or an element with its text."""
    content = tokens[position - 1].content
    match = _TAG.fullmatch(content)
    name = match[2] if match else ""
    if content in {"<br>", "<br/>", "<br />"}:
        found.append({"type": "hardBreak"})
    elif match and name in TEXT_MARKS:
        if not match[1]:
            marks.append({"type": name, "attrs": _attrs(name, match[3]), "by": f"<{name}"})
        elif not _drop(marks, f"<{name}"):
            found += _text(content, marks)
    elif match and name in INLINE and not match[1]:
        end = next((i for i in range(position, len(tokens)) if tokens[i].content == f"</{name}>"), None)
        if end is None:
            found += _text(content, marks)
        else:
            found.append(_element(name, match[3], tokens[position:end]))
            return end + 1
    else:
        found += _text(content, marks)
    return position


def _element(name: str, attrs: str, inside: Sequence[Token]) -> Node:
    node: Node = {"type": name, "attrs": _attrs(name, attrs)}
    if "marks" in node["attrs"]:
        node["marks"] = node["attrs"].pop("marks")
    text = "".join(token.content for token in inside)
    if name in SHOWN and text:
        node["attrs"][SHOWN[name]] = text
    return node
