"""The rules of the Atlassian Document Format, and its plain-text and wiki views; it stores nothing.

The shapes follow Atlassian's published document schema as far as a server refuses: known nodes in places
where they are allowed, text that is neither empty nor broken over lines. Attributes are left alone.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any, Final

Doc = Mapping[str, Any]

_INLINE: Final = frozenset({
    "text", "hardBreak", "mention", "emoji", "date", "status", "inlineCard", "placeholder", "inlineExtension",
    "mediaInline",
})  # fmt: skip
_BLOCK: Final = frozenset({
    "paragraph", "heading", "bulletList", "orderedList", "codeBlock", "blockquote", "panel", "rule", "table",
    "mediaSingle", "mediaGroup", "taskList", "decisionList", "expand", "blockCard", "embedCard", "extension",
    "bodiedExtension", "layoutSection",
})  # fmt: skip
_NESTED: Final = _BLOCK - {"layoutSection", "expand"} | {"nestedExpand"}
_CHILDREN: Final[Mapping[str, frozenset[str]]] = {
    "doc": _BLOCK,
    "paragraph": _INLINE,
    "heading": _INLINE,
    "codeBlock": frozenset({"text"}),
    "bulletList": frozenset({"listItem"}),
    "orderedList": frozenset({"listItem"}),
    "listItem": _NESTED,
    "blockquote": _NESTED,
    "panel": _NESTED,
    "expand": _NESTED,
    "nestedExpand": _NESTED,
    "table": frozenset({"tableRow"}),
    "tableRow": frozenset({"tableCell", "tableHeader"}),
    "tableCell": _NESTED,
    "tableHeader": _NESTED,
    "mediaSingle": frozenset({"media", "caption"}),
    "mediaGroup": frozenset({"media"}),
    "caption": _INLINE,
    "taskList": frozenset({"taskItem", "taskList", "blockTaskItem"}),
    "taskItem": _INLINE,
    "blockTaskItem": _NESTED,
    "decisionList": frozenset({"decisionItem"}),
    "decisionItem": _INLINE,
    "layoutSection": frozenset({"layoutColumn"}),
    "layoutColumn": _BLOCK,
    "bodiedExtension": _NESTED,
}
_FILLED: Final = frozenset({"bulletList", "orderedList", "listItem", "table", "blockquote", "panel"})
"""Nodes that may not be empty."""
_LEAVES: Final = _INLINE | {"rule", "media", "blockCard", "embedCard", "extension"}
_MARKS: Final = frozenset(
    {
        "strong",
        "em",
        "code",
        "link",
        "strike",
        "underline",
        "subsup",
        "textColor",
        "backgroundColor",
        "annotation",
        "border",
        "breakout",
        "alignment",
        "indentation",
        "dataConsumer",
        "fragment",
        "unsupportedMark",
    }
)


def is_document(value: object) -> bool:
    """Whether `value` claims to be a document at all; a plain string never is."""
    return isinstance(value, Mapping) and value.get("type") == "doc"


def is_valid(doc: Doc) -> bool:
    """Whether Jira would take the document."""
    return doc.get("version") == 1 and isinstance(doc.get("content"), list) and _fits(doc, depth=0)


def _fits(node: Mapping[str, Any], depth: int) -> bool:
    kind = node.get("type")
    if kind == "text":
        return _text_fits(node)
    content = node.get("content", [])
    if not isinstance(kind, str) or not isinstance(content, list) or depth > 50:
        return False
    allowed = _CHILDREN.get(kind)
    if allowed is None:
        return kind in _LEAVES and not content
    if kind in _FILLED and not content:
        return False
    return all(isinstance(c, Mapping) and c.get("type") in allowed and _fits(c, depth + 1) for c in content)


def _text_fits(node: Mapping[str, Any]) -> bool:
    text, marks = node.get("text"), node.get("marks", [])
    if not isinstance(text, str) or not text:
        return False
    return isinstance(marks, list) and all(isinstance(m, Mapping) and m.get("type") in _MARKS for m in marks)


def has_line_breaks(doc: Mapping[str, Any]) -> bool:
    """Whether a text node outside a code block holds a line break."""
    if doc.get("type") == "text":
        return "\n" in doc["text"] or "\r" in doc["text"]
    return doc.get("type") != "codeBlock" and any(has_line_breaks(c) for c in doc.get("content", ()))


def from_plain(text: str) -> Doc:
    """The document that typing `text` makes: a paragraph for each block, a hard break for each line end."""
    blocks = text.replace("\r\n", "\n").replace("\r", "\n").strip("\n").split("\n\n")
    return {"type": "doc", "version": 1, "content": [_paragraph(b) for b in blocks]}


def _paragraph(block: str) -> Doc:
    content: list[Doc] = []
    for line in block.split("\n"):
        if content:
            content.append({"type": "hardBreak"})
        if line:
            content.append({"type": "text", "text": line})
    return {"type": "paragraph", "content": content}


def to_plain(doc: Doc) -> str:
    """What a person reads, without any markup; blocks are an empty line apart."""
    return "\n\n".join(_plain_block(b) for b in doc.get("content", ()))


def _plain_block(node: Mapping[str, Any]) -> str:
    match node.get("type"):
        case "bulletList" | "orderedList" | "taskList" | "decisionList" | "table":
            return "\n".join(_plain_block(c) for c in node.get("content", ()))
        case "tableRow":
            return " | ".join(_plain_block(c) for c in node.get("content", ()))
        case kind if kind in _CHILDREN and _CHILDREN[str(kind)] is not _INLINE and kind != "codeBlock":
            return "\n".join(_plain_block(c) for c in node.get("content", ()))
        case _:
            return _plain_inline(node)


def _plain_inline(node: Mapping[str, Any]) -> str:
    attrs = node.get("attrs", {})
    match node.get("type"):
        case "text":
            return str(node["text"])
        case "hardBreak":
            return "\n"
        case "mention" | "status" | "placeholder":
            return str(attrs.get("text", ""))
        case "emoji":
            return str(attrs.get("text") or attrs.get("shortName", ""))
        case "inlineCard" | "blockCard" | "embedCard":
            return str(attrs.get("url", ""))
        case _:
            return "".join(_plain_inline(c) for c in node.get("content", ()))


def to_wiki(doc: Doc) -> str:
    """The document in wiki markup: what REST v2 shows, and what Jira measures against its text limit."""
    return "\n\n".join(_wiki_block(b, "") for b in doc.get("content", ()))


def _wiki_block(node: Mapping[str, Any], bullets: str) -> str:
    content = node.get("content", ())
    attrs = node.get("attrs", {})
    match node.get("type"):
        case "heading":
            return f"h{attrs.get('level', 1)}. {_wiki_line(content)}"
        case "codeBlock":
            language = attrs.get("language")
            return f"{{code{':' + language if language else ''}}}{_plain_inline(node)}{{code}}"
        case "blockquote":
            return "{quote}" + "\n".join(_wiki_block(c, "") for c in content) + "{quote}"
        case "panel":
            return "{panel}\n" + "\n".join(_wiki_block(c, "") for c in content) + "\n{panel}"
        case "rule":
            return "----"
        case "bulletList" | "taskList" | "decisionList":
            return "\n".join(_wiki_item(c, bullets + "*") for c in content)
        case "orderedList":
            return "\n".join(_wiki_item(c, bullets + "#") for c in content)
        case "table":
            return "\n".join(_wiki_row(row) for row in content)
        case "blockCard" | "embedCard":
            return f"[{attrs.get('url', '')}]"
        case kind if kind in _CHILDREN and _CHILDREN[str(kind)] is not _INLINE:
            return "\n".join(_wiki_block(c, bullets) for c in content)
        case _:
            return _wiki_line(content)


def _wiki_item(item: Mapping[str, Any], bullets: str) -> str:
    lines: list[str] = []
    if item.get("type") in ("taskItem", "decisionItem"):
        return f"{bullets} {_wiki_line(item.get('content', ()))}"
    for child in item.get("content", ()):
        nested = child.get("type") in ("bulletList", "orderedList", "taskList")
        text = _wiki_block(child, bullets)
        lines.append(text if nested or lines else f"{bullets} {text}")
    return "\n".join(lines)


def _wiki_row(row: Mapping[str, Any]) -> str:
    out = ""
    for cell in row.get("content", ()):
        mark = "||" if cell.get("type") == "tableHeader" else "|"
        out += mark + "\n".join(_wiki_block(c, "") for c in cell.get("content", ()))
    return out + ("||" if out.startswith("||") else "|")


def _wiki_line(content: Iterable[Mapping[str, Any]]) -> str:
    return "".join(_wiki_inline(node) for node in content)


def _wiki_inline(node: Mapping[str, Any]) -> str:
    attrs = node.get("attrs", {})
    match node.get("type"):
        case "text":
            return _marked(_escaped(node["text"]), node.get("marks", ()))
        case "mention":
            return f"[~accountid:{attrs.get('id', '')}]"
        case "inlineCard":
            return f"[{attrs.get('url', '')}]"
        case _:
            return _plain_inline(node)


_SPECIAL: Final = re.compile(r"[{\[]|(?<!\w)[*_+^~-](?=\S)")


def _escaped(text: str) -> str:
    return _SPECIAL.sub(r"\\\g<0>", text)


def _marked(text: str, marks: Iterable[Mapping[str, Any]]) -> str:
    for mark in marks:
        match mark.get("type"):
            case "strong":
                text = f"*{text}*"
            case "em":
                text = f"_{text}_"
            case "code":
                text = f"{{{{{text}}}}}"
            case "strike":
                text = f"-{text}-"
            case "underline":
                text = f"+{text}+"
            case "textColor":
                text = f"{{color:{mark.get('attrs', {}).get('color', '')}}}{text}{{color}}"
            case "link":
                href = mark.get("attrs", {}).get("href", "")
                text = f"[{text}|{href}]"
    return text
