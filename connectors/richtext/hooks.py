"""What a conversion asks its caller: who a mention means, and which file an image is, on the other side."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Mention:
    """A person named in a text: `id` as the side knows them, `name` as it is shown, without the @."""

    id: str
    name: str


@dataclass(frozen=True, slots=True)
class Image:
    """A picture in a text. `name` is its file name or caption; `id` names an attachment, `url` an address."""

    name: str
    id: str = ""
    url: str = ""


MentionHook = Callable[[Mention], Mention | None]
"""The mention as the side written to knows it; None makes it text, so that nobody is notified."""

ImageHook = Callable[[Image], Image | None]
"""The image as the side written to holds it; None leaves its name as text."""
