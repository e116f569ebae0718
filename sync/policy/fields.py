"""The fields that a policy knows by itself, and what each of them holds."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from types import MappingProxyType
from typing import Final, Literal

Kind = Literal["choice", "text", "texts", "set", "time", "flag"]


@dataclass(frozen=True, slots=True)
class Said:
    """What was said about an incident: texts, and marks of the questions that earlier texts answered.

    A pass keeps marks only (`tieline.sync.policy.hearing`), so that no text of a ticket goes any further.
    """

    texts: frozenset[str] = frozenset()
    marks: frozenset[str] = frozenset()

    def __bool__(self) -> bool:
        return bool(self.texts or self.marks)

    def and_also(self, other: Cell) -> Said:
        """Both together: what was said stays said."""
        if not isinstance(other, Said):
            return self
        return Said(self.texts | other.texts, self.marks | other.marks)


Cell = str | frozenset[str] | bool | datetime | Said | None
"""A field's value in a policy: names of the vocabulary, text, elements, a time (UTC), a flag, comments."""

Record = Mapping[str, Cell]
"""An incident as a policy sees it; a field that is left out is empty."""

CANONICAL: Final[Mapping[str, Kind]] = MappingProxyType({
    "category": "choice", "subcategory": "choice", "impact": "choice", "urgency": "choice",
    "priority": "choice", "status": "choice", "group": "choice", "assignee": "choice", "caller": "choice",
    "service": "choice", "resolution": "choice", "channel": "choice", "sla": "choice",
    "summary": "text", "description": "text", "comments": "texts",
    "labels": "set", "components": "set",
    "opened": "time", "updated": "time", "resolved": "time", "due": "time", "now": "time",
    "vip": "flag", "major": "flag",
})  # fmt: skip
"""Fields by name. `now` is the time of asking, `sla` what the targets say: met, running, paused, breached."""

COMMENTS: Final = "comments"
"""The one field that holds several texts."""

DERIVED: Final = frozenset({"priority", "now", "sla"})
"""Worked out, never set by a rule: the priority follows from impact and urgency, floors and ceilings."""

ALWAYS_FILLED: Final = frozenset({"impact", "urgency", "priority", "status"})
"""Fields of an incident that are never empty."""

ORDERS: Final = frozenset({"hold", "leave_out", "note", "unlabel"})
"""What a rule may demand besides values: a person's look, out of scope, a note to people, labels off."""
