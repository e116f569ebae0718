"""The conversions by name: canonical Markdown to and from each side's own form of text."""

from __future__ import annotations

from typing import Any

from tieline.connectors.richtext.hooks import ImageHook, MentionHook
from tieline.connectors.richtext.plain import adf_to_text, text_to_adf, text_to_wiki, wiki_to_text
from tieline.connectors.richtext.text import canonical_text


def canonical(markdown: str | None) -> str | None:
    """The one form of `markdown`, in which texts are compared; applying it twice changes nothing."""
    return canonical_text(markdown)


def literal(text: str | None) -> str | None:
    """Canonical Markdown that shows `text` as typed: asterisks, braces, `<` and indents mean nothing."""
    return canonical_text(text)


def plain(markdown: str | None) -> str | None:
    """What a person reads, as plain text; `plain(literal(text)) == canonical_text(text)`."""
    return canonical_text(markdown)


def to_adf(
    markdown: str | None, *, mention: MentionHook | None = None, image: ImageHook | None = None
) -> dict[str, Any]:
    """The document for Jira Cloud: valid, and without empty or broken text nodes."""
    return text_to_adf(markdown)


def from_adf(
    document: object, *, mention: MentionHook | None = None, image: ImageHook | None = None
) -> str | None:
    """Canonical Markdown of a document of Jira Cloud; a plain string is taken as typed."""
    return adf_to_text(document)


def to_wiki(
    markdown: str | None, *, mention: MentionHook | None = None, image: ImageHook | None = None
) -> str:
    """Wiki markup for Jira Data Center."""
    return text_to_wiki(markdown)


def from_wiki(
    markup: str | None, *, mention: MentionHook | None = None, image: ImageHook | None = None
) -> str | None:
    """Canonical Markdown of Jira's wiki markup."""
    return wiki_to_text(markup)


def to_servicenow(
    markdown: str | None, *, mention: MentionHook | None = None, image: ImageHook | None = None
) -> str:
    """A journal entry for ServiceNow: plain text where that says it all, else HTML between [code] tags.

    Mentions become the person's name; without `image`, images become their names.
    """
    return canonical_text(markdown) or ""


def from_servicenow(
    text: str | None, *, mention: MentionHook | None = None, image: ImageHook | None = None
) -> str | None:
    """Canonical Markdown of a journal entry: text as typed, and the HTML between [code] tags, inert.

    Nobody is mentioned by it unless `mention` says so.
    """
    return canonical_text(text)
