"""Puts an edited plain text into a formatted document: what was not edited keeps its formatting."""

from __future__ import annotations

from difflib import SequenceMatcher
from typing import Final

from tieline.connectors.richtext.model import Node
from tieline.connectors.richtext.plaintext import adf_to_text
from tieline.connectors.richtext.text import canonical_text
from tieline.connectors.richtext.typed import paragraph, parts, tree_of

_ABOVE: Final = paragraph(".")
_MOST: Final = 400
"""Paragraphs up to which an edit is looked for anywhere; in longer texts, only from both ends."""


def patched(tree: Node, text: str | None) -> Node:
    """The canonical `tree` with `text` as its plain text; blocks that read as before stay as they are."""
    wanted = canonical_text(text) or ""
    if not wanted:
        return tree_of(None)
    new = parts(wanted)
    content: list[Node] = []
    position = 0
    for block, start, length in _kept(tree, new):
        content += map(paragraph, new[position:start])
        content.append(block)
        position = start + length
    content += map(paragraph, new[position:])
    made = {**tree, "content": content}
    return made if (adf_to_text(made) or "") == wanted else tree_of(text)


def _kept(tree: Node, new: list[str]) -> list[tuple[Node, int, int]]:
    """The blocks whose text stands in `new` as it did, with where and how long, in order.

    A block without a text, such as a macro, stays behind the one before it.
    """
    shown = [_parts(block) for block in tree["content"]]
    places = _places([part for own in shown for part in own], new)
    found: list[tuple[Node, int, int]] = []
    first = last = 0
    for block, own in zip(tree["content"], shown, strict=True):
        at = places.get(first, -1) if own else last
        if at >= last and all(places.get(first + i) == at + i for i in range(len(own))):
            found.append((block, at, len(own)))
            last = at + len(own)
        first += len(own)
    return found


def _parts(block: Node) -> list[str]:
    """The block's part of the text, with the empty lines that it has below another block."""
    text = adf_to_text({"content": [_ABOVE, block]}) or ""
    return parts(text.removeprefix(".\n\n")) if text != "." else []


def _places(old: list[str], new: list[str]) -> dict[int, int]:
    """Where each old part stands among the new ones; parts that were edited or taken out have no place."""
    room = min(len(old), len(new))
    ahead = next((i for i in range(room) if old[i] != new[i]), room)
    room -= ahead
    behind = next((i for i in range(room) if old[-1 - i] != new[-1 - i]), room)
    places = {i: i for i in range(ahead)}
    places |= {len(old) - 1 - i: len(new) - 1 - i for i in range(behind)}
    between = old[ahead : len(old) - behind], new[ahead : len(new) - behind]
    if max(map(len, between)) <= _MOST:
        for match in SequenceMatcher(None, *between, autojunk=False).get_matching_blocks():
            places |= {ahead + match.a + i: ahead + match.b + i for i in range(match.size)}
    return places
