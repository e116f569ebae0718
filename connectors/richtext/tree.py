"""Makes any document a valid one in its one canonical shape, without dropping what a reader could read.

What stands where the schema does not allow it is lifted to where it may; what is not known gives the text
inside it; texts lose marks on white space and white space at the ends of lines, which nobody can see.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby
from typing import Any

from tieline.connectors.richtext.model import (
    CONTENT,
    FILLED,
    INLINE,
    NEEDLESS,
    WRAPPER,
    Mark,
    Node,
    marks_on,
)
from tieline.connectors.richtext.node import attributes, children_of, kind_of, marks_of, own_text, text_of
from tieline.connectors.richtext.phrases import DEEPEST, inlines
from tieline.connectors.richtext.text import readable


def normalised(document: object) -> Node:
    """The document in canonical shape; applying it twice changes nothing."""
    return {"version": 1, "type": "doc", "content": _blocks(children_of(document), "doc", 0)}


# Blocks


def _blocks(nodes: Sequence[Node], parent: str, depth: int) -> list[Node]:
    """The nodes as children of a block that holds blocks."""
    found: list[Node] = []
    for inline, run in groupby(nodes, key=lambda node: kind_of(node) in INLINE):
        if inline:
            found += _paragraph(list(run), parent, depth)
        else:
            for node in run:
                found += _block(node, parent, depth)
    kept = [node for node in found if node != {"type": "paragraph"}]
    return _tidied(kept, parent)


def _paragraph(run: list[Node], parent: str, depth: int) -> list[Node]:
    """Inline nodes that stand where blocks belong."""
    if "paragraph" in CONTENT[parent]:
        content = inlines(run, "paragraph", depth)
        return [{"type": "paragraph", "content": content}] if content else []
    wrapper = WRAPPER.get(parent)
    if wrapper is None or not inlines(run, "paragraph", depth):
        return []
    return _block({"type": wrapper, "content": run}, parent, depth)


def _block(node: Node, parent: str, depth: int) -> list[Node]:
    kind = _renamed(kind_of(node), parent)
    if kind not in CONTENT or kind == "doc":
        return _lifted(node, parent, depth)
    if depth > DEEPEST:
        return _paragraph([{"type": "text", "text": text_of(node)}], parent, depth)
    if kind not in CONTENT[parent]:
        wrapper = WRAPPER.get(parent)
        if wrapper is None:
            return _lifted(node, parent, depth)
        return _block({"type": wrapper, "content": [node]}, parent, depth)
    attrs = attributes(node, kind)
    if attrs is None:
        return _lifted(node, parent, depth)
    return _built(node, kind, parent, attrs, depth)


def _renamed(kind: str, parent: str) -> str:
    match kind:
        case "expand" if "nestedExpand" in CONTENT[parent]:
            return "nestedExpand"
        case "nestedExpand" if "expand" in CONTENT[parent]:
            return "expand"
        case _:
            return kind


def _built(node: Node, kind: str, parent: str, attrs: dict[str, Any], depth: int) -> list[Node]:
    children = children_of(node)
    if not CONTENT[kind]:
        content: list[Node] = []
    elif kind == "codeBlock":
        content = _code(children, nested=depth > 0)
    elif CONTENT[kind] <= INLINE:
        content = inlines(children, kind, depth + 1)
    else:
        content = _blocks(children, kind, depth + 1)
    if not content and kind in NEEDLESS:
        return []
    if not content and kind in FILLED:
        content = [{"type": "paragraph"}]
    if kind == "blockTaskItem" and [child["type"] for child in content] == ["paragraph"]:
        kind, content = "taskItem", content[0].get("content", [])
    built: Node = {"type": kind}
    if attrs:
        built["attrs"] = attrs
    if content or (kind == "tableRow"):
        built["content"] = content
    marks = [mark for mark in marks_of(node) if mark["type"] in marks_on(kind, parent)]
    if marks and (content or kind != "paragraph"):
        built["marks"] = _compatible(marks)
    return [built]


def _compatible(marks: list[Mark]) -> list[Mark]:
    """Alignment and indentation exclude each other."""
    aligned = any(mark["type"] == "alignment" for mark in marks)
    return [mark for mark in marks if not (aligned and mark["type"] == "indentation")]


def _tidied(nodes: list[Node], parent: str) -> list[Node]:
    """Children in the shape that only some blocks ask for."""
    match parent:
        case "layoutSection" if len(nodes) == 1 or len(nodes) > 3:
            return _columns(nodes)
        case "mediaSingle":
            media = [node for node in nodes if node["type"] == "media"][:1]
            return media + [node for node in nodes if node["type"] == "caption" and node.get("content")][
                :1
            ] * len(media)
        case "taskList":
            return _led_by_item(nodes)
        case "table":
            return [row for row in nodes if row.get("content")]
        case _:
            return nodes


def _columns(nodes: list[Node]) -> list[Node]:
    """Two or three columns: the schema has no other number."""
    if len(nodes) == 1:
        return [
            nodes[0],
            {"type": "layoutColumn", "attrs": {"width": 50}, "content": [{"type": "paragraph"}]},
        ]
    rest = [child for node in nodes[2:] for child in node["content"] if child != {"type": "paragraph"}]
    return [*nodes[:2], {**nodes[2], "content": rest or [{"type": "paragraph"}]}]


def _led_by_item(nodes: list[Node]) -> list[Node]:
    """A task list never starts with a task list: that one's items are its own."""
    while nodes and nodes[0]["type"] == "taskList":
        nodes = nodes[0]["content"] + nodes[1:]
    return nodes


def _lifted(node: Node, parent: str, depth: int) -> list[Node]:
    """What can be read in a node that may not stand here."""
    own = own_text(node)
    shown: list[Node] = [{"type": "paragraph", "content": [{"type": "text", "text": own}]}] if own else []
    if depth > DEEPEST:
        return _paragraph([{"type": "text", "text": text_of(node)}], parent, depth)
    found = _blocks(shown, parent, depth + 1) if shown else []
    return found + _blocks(children_of(node), parent, depth + 1)


def _code(children: list[Node], *, nested: bool) -> list[Node]:
    text = "".join(
        "\n" if kind_of(child) == "hardBreak" else str(child.get("text") or "") for child in children
    )
    lines = [line.rstrip() for line in readable(text).split("\n")]
    if nested:  # a tab after the indent of a list has no width of its own
        lines = [_untabbed(line) for line in lines]
    joined = "\n".join(lines)
    return [{"type": "text", "text": joined}] if joined else []


def _untabbed(line: str) -> str:
    body = line.lstrip()
    return line[: len(line) - len(body)].replace("\t", "    ") + body
