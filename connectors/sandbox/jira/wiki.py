"""Turns wiki markup into a document, for texts that were written through REST v2; never the other way."""

from __future__ import annotations

import re
from typing import Any, Final

Node = dict[str, Any]

_HEADING: Final = re.compile(r"h([1-6])\.\s+(.*)")
_ITEM: Final = re.compile(r"([*#-]+)\s+(.*)")
_FENCE: Final = re.compile(r"\{(code|noformat)(?::([\w+-]+)[^}]*)?\}(.*?)\{\1\}", re.DOTALL)
_INLINE: Final = re.compile(
    r"\\(?P<escaped>[{\[*_+^~-])"
    r"|\{\{(?P<code>[^}]+)\}\}"
    r"|\[(?:(?P<label>[^\]|]+)\|)?(?P<href>(?:https?|mailto):[^\]\s]+)\]"
    r"|(?<!\w)\*(?P<strong>\S(?:[^*\n]*\S)?)\*(?!\w)"
    r"|(?<!\w)_(?P<em>\S(?:[^_\n]*\S)?)_(?!\w)"
)


def to_adf(wiki: str) -> Node:
    """The document that shows `wiki`; beyond headings, lists, code, links, emphasis it stays as text."""
    content: list[Node] = []
    position = 0
    text = wiki.replace("\r\n", "\n")
    for fence in _FENCE.finditer(text):
        content += _blocks(text[position : fence.start()])
        content.append(_code(fence[3].strip("\n"), fence[2]))
        position = fence.end()
    content += _blocks(text[position:])
    return {"type": "doc", "version": 1, "content": content}


def _code(text: str, language: str | None) -> Node:
    node: Node = {"type": "codeBlock", "attrs": {"language": language} if language else {}}
    if text:
        node["content"] = [{"type": "text", "text": text}]
    return node


def _blocks(text: str) -> list[Node]:
    nodes: list[Node] = []
    for block in re.split(r"\n\s*\n", text):
        lines: list[str] = []
        for line in block.strip("\n").split("\n"):
            if (heading := _HEADING.fullmatch(line)) is not None:
                nodes += _paragraph(lines)
                lines = []
                node = {
                    "type": "heading",
                    "attrs": {"level": int(heading[1])},
                    "content": _inline(heading[2]),
                }
                nodes.append(node)
            elif (item := _ITEM.fullmatch(line)) is not None:
                nodes += _paragraph(lines)
                lines = []
                _add_item(nodes, item[1], item[2])
            else:
                lines.append(line)
        nodes += _paragraph(lines)
    return nodes


def _paragraph(lines: list[str]) -> list[Node]:
    content: list[Node] = []
    for number, line in enumerate(lines):
        if number:
            content.append({"type": "hardBreak"})
        content += _inline(line)
    return [{"type": "paragraph", "content": content}] if content else []


def _add_item(nodes: list[Node], bullets: str, text: str) -> None:
    """Append one list item at the depth that its bullets tell, opening lists on the way down."""
    siblings = nodes
    for depth, bullet in enumerate(bullets):
        kind = "orderedList" if bullet == "#" else "bulletList"
        if not siblings or siblings[-1]["type"] != kind:
            siblings.append({"type": kind, "content": []})
        items: list[Node] = siblings[-1]["content"]
        if depth == len(bullets) - 1:
            items.append({"type": "listItem", "content": [{"type": "paragraph", "content": _inline(text)}]})
        elif not items:
            items.append({"type": "listItem", "content": [{"type": "paragraph", "content": []}]})
        siblings = items[-1]["content"]


def _inline(line: str) -> list[Node]:
    nodes: list[Node] = []
    plain = ""
    position = 0
    for found in _INLINE.finditer(line):
        plain += line[position : found.start()]
        position = found.end()
        if found["escaped"]:
            plain += found["escaped"]
            continue
        nodes += _text(plain)
        plain = ""
        nodes += _marked(found)
    return nodes + _text(plain + line[position:])


def _marked(found: re.Match[str]) -> list[Node]:
    if found["href"]:
        mark: Node = {"type": "link", "attrs": {"href": found["href"]}}
        return _text(found["label"] or found["href"], mark)
    kind = found.lastgroup or ""
    return _text(found[kind], {"type": kind})


def _text(text: str, mark: Node | None = None) -> list[Node]:
    if not text:
        return []
    return [{"type": "text", "text": text, "marks": [mark]} if mark else {"type": "text", "text": text}]
