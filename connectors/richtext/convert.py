"""The conversions by name: canonical Markdown to and from each side's own form of text."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tieline.connectors.richtext import markdown_reader, markdown_writer, servicenow, wiki_reader, wiki_writer
from tieline.connectors.richtext.finish import finished
from tieline.connectors.richtext.hooks import ImageHook, MentionHook
from tieline.connectors.richtext.model import Node
from tieline.connectors.richtext.plaintext import adf_to_text
from tieline.connectors.richtext.references import answered, no_image, nobody
from tieline.connectors.richtext.text import readable
from tieline.connectors.richtext.tree import normalised
from tieline.connectors.richtext.typed import tree_of


def canonical(markdown: str | None) -> str | None:
    """The one form of `markdown`, in which texts are compared; applying it twice changes nothing."""
    return markdown_writer.written(_tree(markdown))


def literal(text: str | None) -> str | None:
    """Canonical Markdown that shows `text` as typed: asterisks, braces, `<` and indents mean nothing."""
    return markdown_writer.written(normalised(tree_of(text)))


def plain(markdown: str | None) -> str | None:
    """What a person reads, as plain text; `plain(literal(text)) == canonical_text(text)`."""
    return adf_to_text(_tree(markdown))


def to_adf(
    markdown: str | None, *, mention: MentionHook | None = None, image: ImageHook | None = None
) -> dict[str, Any]:
    """The document for Jira Cloud: valid, and without empty or broken text nodes."""
    return finished(_asked(_tree(markdown), mention, image))


def from_adf(
    document: object, *, mention: MentionHook | None = None, image: ImageHook | None = None
) -> str | None:
    """Canonical Markdown of a document of Jira Cloud; a plain string is taken as typed."""
    if not isinstance(document, Mapping):
        return literal(document) if isinstance(document, str) else None
    return markdown_writer.written(_asked(normalised(document), mention, image))


def to_wiki(
    markdown: str | None, *, mention: MentionHook | None = None, image: ImageHook | None = None
) -> str:
    """Wiki markup for Jira Data Center."""
    return wiki_writer.written(_asked(_tree(markdown), mention, image))


def from_wiki(
    markup: str | None, *, mention: MentionHook | None = None, image: ImageHook | None = None
) -> str | None:
    """Canonical Markdown of Jira's wiki markup."""
    return markdown_writer.written(
        _asked(normalised(wiki_reader.read(readable(markup or ""))), mention, image)
    )


def to_servicenow(
    markdown: str | None, *, mention: MentionHook | None = None, image: ImageHook | None = None
) -> str:
    """A journal entry for ServiceNow: plain text where that says it all, else HTML between [code] tags.

    Without a hook, mentions become the person's name and images their names, with their addresses linked.
    """
    return servicenow.written(_asked(_tree(markdown), mention or nobody, image or no_image))


def from_servicenow(
    text: str | None, *, mention: MentionHook | None = None, image: ImageHook | None = None
) -> str | None:
    """Canonical Markdown of a journal entry: text as typed, and the HTML between [code] tags, inert.

    Nobody is mentioned by it, and no picture shown, unless a hook says so.
    """
    return markdown_writer.written(normalised(servicenow.read(text or "", mention, image)))


def _tree(markdown: str | None) -> Node:
    return normalised(markdown_reader.read(markdown or ""))


def _asked(tree: Node, mention: MentionHook | None, image: ImageHook | None) -> Node:
    if mention is None and image is None:
        return tree
    return normalised(answered(tree, mention, image))
