"""Text as a person typed it, as a tree: paragraphs and lines, and nothing in it means anything."""

from __future__ import annotations

import re
from typing import Final

from tieline.connectors.richtext.model import Node
from tieline.connectors.richtext.text import canonical_text

_BETWEEN: Final = re.compile(r"(?<!\n)\n\n")


def tree_of(text: str | None) -> Node:
    """A paragraph between empty lines, with a break at each line's end."""
    canonical = canonical_text(text)
    content = [paragraph(part) for part in parts(canonical)] if canonical else []
    return {"version": 1, "type": "doc", "content": content}


def parts(text: str) -> list[str]:
    """The text cut at its empty lines; where there are several, the others begin the next part."""
    return _BETWEEN.split(text)


def paragraph(text: str) -> Node:
    """A paragraph with a break at each line's end."""
    content: list[Node] = []
    for number, line in enumerate(text.split("\n")):
        if number:
            content.append({"type": "hardBreak"})
        if line:
            content.append({"type": "text", "text": line})
    return {"type": "paragraph", "content": content}
