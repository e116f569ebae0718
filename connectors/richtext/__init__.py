"""Texts of both sides, to and from one canonical form, a profile of CommonMark (`docs/rich-text.md`).

`from_adf`, `from_wiki`, `from_servicenow` and `literal` make it; `to_adf`, `to_wiki`, `to_servicenow` and
`plain` write it. What a system gives back for what was written has the same canonical form again.
"""

from tieline.connectors.richtext.convert import (
    canonical,
    from_adf,
    from_servicenow,
    from_wiki,
    literal,
    plain,
    to_adf,
    to_servicenow,
    to_wiki,
)
from tieline.connectors.richtext.fields import formatted, text_to_adf, text_to_wiki, wiki_to_text
from tieline.connectors.richtext.hooks import Image, ImageHook, Mention, MentionHook
from tieline.connectors.richtext.plain import adf_to_text
from tieline.connectors.richtext.text import canonical_text

__all__ = [
    "Image",
    "ImageHook",
    "Mention",
    "MentionHook",
    "adf_to_text",
    "canonical",
    "canonical_text",
    "formatted",
    "from_adf",
    "from_servicenow",
    "from_wiki",
    "literal",
    "plain",
    "text_to_adf",
    "text_to_wiki",
    "to_adf",
    "to_servicenow",
    "to_wiki",
    "wiki_to_text",
]
