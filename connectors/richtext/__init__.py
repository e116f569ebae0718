"""Texts of both sides, to and from one canonical form, a profile of CommonMark (`docs/rich-text.md`).

`from_adf`, `from_wiki`, `from_servicenow` and `literal` make it; `to_adf`, `to_wiki`, `to_servicenow` and
`plain` write it. What a system gives back for what was written has the same canonical form again.
"""

from __future__ import annotations

from importlib import import_module
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final

from tieline.connectors.richtext.text import canonical_text

if TYPE_CHECKING:
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
    from tieline.connectors.richtext.plaintext import adf_to_text

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

_HOMES: Final = MappingProxyType(
    {
        **dict.fromkeys(("Image", "ImageHook", "Mention", "MentionHook"), "hooks"),
        **dict.fromkeys(("formatted", "text_to_adf", "text_to_wiki", "wiki_to_text"), "fields"),
        "adf_to_text": "plaintext",
    }
)
"""Where a name is at home, if not in `convert`. Who needs canonical text alone loads no converter."""


def __getattr__(name: str) -> Any:
    """A converter, loaded when it is first asked for."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES.get(name, 'convert')}"), name)
