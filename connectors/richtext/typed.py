"""Text as a person typed it, as a tree: paragraphs and lines, and nothing in it means anything."""

from __future__ import annotations

from tieline.connectors.richtext.model import Node
from tieline.connectors.richtext.text import canonical_text


def tree_of(text: str | None) -> Node:
    """A paragraph between empty lines, with a break at each line's end."""
    canonical = canonical_text(text)
    content = [_paragraph(part) for part in canonical.split("\n\n")] if canonical else []
    return {"version": 1, "type": "doc", "content": content}


def _paragraph(text: str) -> Node:
    content: list[Node] = []
    for number, line in enumerate(text.split("\n")):
        if number:
            content.append({"type": "hardBreak"})
        if line:
            content.append({"type": "text", "text": line})
    return {"type": "paragraph", "content": content}
