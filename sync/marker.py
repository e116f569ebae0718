"""Markers: what a create leaves on the mirror so that it can be found again. Pure text, no search."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from typing import Final

from tieline.connectors.base import Ref, other

_FORM: Final = re.compile(
    r"(?P<installation>[\w-]{1,30}):(?P<route>[\w-]{1,30}):(?P<origin>[0-9a-zA-Z]{1,40})"
    r"(?::(?P<parent>[0-9a-f]{16}))?"
)


def digest(ref: Ref) -> str:
    """A short name of a record: with a whole sys_id the marker would not fit ServiceNow's 100 characters."""
    return hashlib.blake2b(str(ref).encode(), digest_size=8).hexdigest()


@dataclass(frozen=True, slots=True)
class Marker:
    """Which installation made a mirror, on which route, of which origin's id.

    `parent` is the digest of the closed incident that this one continues, "" for a first mirror: an issue
    that was reopened has several incidents, and each of them a marker of its own.
    """

    installation: str
    route: str
    origin: str
    parent: str = ""

    def __str__(self) -> str:
        return ":".join(filter(None, (self.installation, self.route, self.origin, self.parent)))

    def origin_of(self, mirror: Ref) -> Ref:
        """The record that `mirror` was made of: it lives on the other side."""
        return Ref(other(mirror.side), self.origin, mirror.kind)


def parse_marker(text: str) -> Marker | None:
    """The marker in a field's text; None for anything else, such as a monitoring tool's own id."""
    found = _FORM.fullmatch(text.strip())
    return Marker(**found.groupdict(default="")) if found else None
