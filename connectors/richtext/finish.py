"""Makes a canonical tree the document that is sent: with the ids and empty lists that the schema asks for."""

from __future__ import annotations

from typing import Final

from tieline.connectors.richtext.model import CONTENT, Node

_NUMBERED: Final = frozenset({"taskList", "taskItem", "blockTaskItem", "decisionList", "decisionItem"})
"""Nodes that must have a `localId`; ours is their place, so that the same text is the same document."""


def finished(tree: Node) -> Node:
    """The document for Jira."""
    return {"version": 1, "type": "doc", "content": [_node(n, str(i)) for i, n in enumerate(tree["content"])]}


def _node(node: Node, place: str) -> Node:
    made: Node = dict(node)
    if node["type"] in _NUMBERED:
        made["attrs"] = {**node.get("attrs", {}), "localId": f"tieline-{place}"}
    if CONTENT.get(node["type"]) and "content" not in node:
        made["content"] = []
    elif "content" in node:
        made["content"] = [_node(child, f"{place}.{i}") for i, child in enumerate(node["content"])]
    return made
