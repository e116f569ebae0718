"""ServiceNow's journal entries: text as typed, with HTML between [code] and [/code].

Fields other than journals know no [code]: there, text is text (`typed.tree_of`).
"""

from __future__ import annotations

import re
from typing import Final

from tieline.connectors.richtext import html_reader, html_writer
from tieline.connectors.richtext.hooks import ImageHook, MentionHook
from tieline.connectors.richtext.model import INLINE, Node
from tieline.connectors.richtext.plaintext import adf_to_text
from tieline.connectors.richtext.references import answered, no_image, nobody
from tieline.connectors.richtext.text import readable
from tieline.connectors.richtext.tree import normalised
from tieline.connectors.richtext.typed import parts, tree_of

_OPEN: Final = re.compile(r"\[code\]", re.IGNORECASE)
_CLOSE: Final = re.compile(r"\[/code\]", re.IGNORECASE)
_TAG: Final = re.compile(r"\[(?=/?code\])", re.IGNORECASE)


def written(tree: Node) -> str:
    """The entry that shows a canonical tree: plain text where that is read back as the same, else HTML."""
    text = adf_to_text(tree) or ""
    if not _TAG.search(text) and normalised(tree_of(text)) == tree:
        return text
    return f"[code]{_TAG.sub('&#91;', html_writer.written(tree))}[/code]"


def read(entry: str, mention: MentionHook | None, image: ImageHook | None) -> Node:
    """The tree of an entry, not canonical yet. Nobody is mentioned and no file shown without a hook."""

    def admit(node: Node) -> Node:
        return answered(node, mention or nobody, image or no_image)

    content: list[Node] = []
    text = readable(entry)
    position = 0
    while (start := _OPEN.search(text, position)) and (end := _CLOSE.search(text, start.end())):
        inside = html_reader.read(text[start.end() : end.start()], admit)
        blocks = any(node["type"] not in INLINE for node in inside)
        content += _plain(text[position : start.start()], beside=blocks)
        content += inside
        position = end.end()
        while blocks and text[position : position + 1] == "\n":
            position += 1
    return {"version": 1, "type": "doc", "content": content + _plain(text[position:], beside=False)}


def _plain(text: str, *, beside: bool) -> list[Node]:
    """Typed text as inline nodes; what is no block stands between paragraphs."""
    found: list[Node] = []
    for number, part in enumerate(parts(text.rstrip("\n") if beside else text)):
        if number:
            found.append({"type": "group"})
        for line_number, line in enumerate(part.split("\n")):
            if line_number:
                found.append({"type": "hardBreak"})
            found.append({"type": "text", "text": line})
    return found
