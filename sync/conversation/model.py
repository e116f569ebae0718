"""What is remembered of a conversation, and the marks by which carried entries are known; nothing is decided.

The state keeps ids, times and digests, never a text. A mark stands on the record itself: with it the state
can be built anew.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Literal

from tieline.connectors.base import Side

Fate = Literal["due", "carried", "left", "own", "gone"]
"""What becomes of an entry: to be carried, carried, left where it is, our own, deleted at its origin."""
Kind = Literal["said", "edited", "deleted"]
"""What the entry that is carried over tells: the words themselves, an edit of them, their deletion."""

DELETED: Final = "deleted"
"""Stands for the digest of what is not there any more."""
_MARK: Final = re.compile(
    r"\[ref (?P<id>[0-9A-Za-z_]+)(?:\.(?P<revision>\d{1,6}))?-(?P<digest>[0-9a-f]{8}|deleted)"
    r"(?: (?P<part>\d{1,6})/(?P<of>\d{1,6}))?\]"
)


@dataclass(frozen=True, slots=True)
class Heard:
    """One entry of a conversation as it was last dealt with.

    `at` is when it was made there (UTC). `digest` is that of the text last dealt with. `sent` of its `parts`
    are written across as revision number `revision`; `public` tells whether customers may read them there.
    After `tries` refusals it is tried again at `retry_at`.
    """

    side: Side
    id: str
    at: datetime
    stamp: str
    fate: Fate
    digest: str = ""
    kind: Kind = "said"
    revision: int = 1
    sent: int = 0
    parts: int = 1
    public: bool = False
    tries: int = 0
    retry_at: datetime | None = None

    @property
    def key(self) -> tuple[Side, str]:
        """By what it is found."""
        return self.side, self.id


@dataclass(frozen=True, slots=True)
class Mark:
    """Names one part of one revision of an entry, on the record that it was carried to."""

    id: str
    digest: str
    revision: int = 1
    part: int = 1
    of: int = 1

    def __str__(self) -> str:
        number = f".{self.revision}" if self.revision > 1 else ""
        part = f" {self.part}/{self.of}" if self.of > 1 else ""
        return f"[ref {self.id}{number}-{self.digest}{part}]"


def mark_in(text: str) -> Mark | None:
    """The last mark in a line, None if there is none."""
    all_found = list(_MARK.finditer(text))
    if not all_found:
        return None
    found = all_found[-1]
    return Mark(
        found["id"],
        found["digest"],
        int(found["revision"] or 1),
        int(found["part"] or 1),
        int(found["of"] or 1),
    )


def digest(text: str | None) -> str:
    """Eight hex digits that tell one text from another: of its words, whatever the white space between."""
    return hashlib.sha256(" ".join((text or "").split()).encode("utf-8", "replace")).hexdigest()[:8]
