"""Markers: what a create leaves on the mirror so that it can be found again. Pure text, no search."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from tieline.connectors.base import Ref, other

_FORM: Final = re.compile(
    r"(?P<installation>[\w-]{1,30}):(?P<route>[\w-]{1,30}):(?P<origin>[0-9a-zA-Z]{1,40})"
)


@dataclass(frozen=True, slots=True)
class Marker:
    """Which installation made a mirror, on which route, of which origin's id."""

    installation: str
    route: str
    origin: str

    def __str__(self) -> str:
        return f"{self.installation}:{self.route}:{self.origin}"

    def origin_of(self, mirror: Ref) -> Ref:
        """The record that `mirror` was made of: it lives on the other side."""
        return Ref(other(mirror.side), self.origin, mirror.kind)


def parse_marker(text: str) -> Marker | None:
    """The marker in a field's text; None for anything else, such as a monitoring tool's own id."""
    found = _FORM.fullmatch(text.strip())
    return Marker(**found.groupdict()) if found else None
