"""Fields of many lines: mirrored as plain text, which both systems hold, and written without losing more.

ServiceNow's descriptions know no formatting, so what is compared and decided is the plain text. Where Jira's
own text is formatted and ServiceNow's is edited, only the blocks that were edited become plain.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

from tieline.connectors.richtext import wiki_reader, wiki_writer
from tieline.connectors.richtext.finish import finished
from tieline.connectors.richtext.model import Node
from tieline.connectors.richtext.patch import patched
from tieline.connectors.richtext.plaintext import adf_to_text
from tieline.connectors.richtext.text import canonical_text, readable
from tieline.connectors.richtext.tree import normalised
from tieline.connectors.richtext.typed import tree_of

_LONGEST: Final = 32_767
"""Characters that Jira takes, counted on the document after it was converted."""


def text_to_adf(text: str | None, over: object = None) -> dict[str, Any]:
    """A document that shows `text` as typed, with its addresses as links.

    `over` is the document that it takes the place of, whose blocks stay where their text did not change.
    """
    tree = normalised(patched(normalised(over), text) if isinstance(over, Mapping) else tree_of(text))
    if len(text or "") < _LONGEST < len(wiki_writer.written(tree)):
        tree = tree_of(text)
    return finished(tree)


def text_to_wiki(text: str | None, over: object = None) -> str:
    """Wiki markup that shows `text` as typed; `over` as in `text_to_adf`."""
    tree = patched(_tree(over), text) if isinstance(over, str) else tree_of(text)
    return wiki_writer.written(normalised(tree))


def wiki_to_text(markup: str | None) -> str | None:
    """Everything in wiki markup that a reader could read, as plain text."""
    return adf_to_text(_tree(markup))


def formatted(raw: object) -> bool:
    """Whether a field's document or markup may say more than its plain text; cheap, and True in doubt."""
    if isinstance(raw, str):
        return _MARKUP.search(raw) is not None
    content = raw.get("content") if isinstance(raw, Mapping) else None
    return isinstance(content, list) and not all(map(_is_plain, content))


_MARKUP: Final = re.compile(r"[*_{\[|!#^~+?]|^\s*(?:-|h\d\.|bq\.)", re.MULTILINE)


def _is_plain(block: object) -> bool:
    """A paragraph of text without marks."""
    if not isinstance(block, Mapping) or block.get("type") != "paragraph":
        return False
    inside = block.get("content")
    return all(map(_is_bare, inside)) if isinstance(inside, list) else not inside


def _is_bare(node: object) -> bool:
    text = isinstance(node, Mapping) and node.get("type") in {"text", "hardBreak"}
    return text and not node.get("marks")  # type: ignore[attr-defined]


def _tree(markup: str | None) -> Node:
    return normalised(wiki_reader.read(canonical_text(readable(markup or "")) or ""))
