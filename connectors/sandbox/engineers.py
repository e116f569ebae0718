"""Decides what scripted engineers do in Jira between two passes; what must come of it stays computable.

Where both sides move one thing between two passes, the later edit must win whatever a synchroniser can know:
ServiceNow tells only when a record was last written, not a field. So an engineer either comes after every
edit of the incident in ServiceNow, or before them in something whose ties ServiceNow wins. It edits nothing.
"""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, Literal

from tieline.connectors.sandbox import phrases
from tieline.connectors.sandbox.expected import ENDED, Expected, FieldPair, Maps

MARGIN: Final = timedelta(minutes=2)
"""Between the edits of two sides that touch the same thing."""
INDEX_LAG: Final = timedelta(minutes=15)
"""Before a pass nobody edits Jira for this long, so that its search index has caught up."""

CLOSED: Final = "7"
NEXT: Final[Mapping[str, tuple[str, ...]]] = {
    "Open": ("In Progress",),
    "In Progress": ("Waiting", "Blocked", "Resolved", "Open"),
    "Waiting": ("In Progress",),
    "Blocked": ("In Progress",),
    "Resolved": ("In Progress",),
}
"""What engineers do from each status; the arrows that one of them would take in one go."""
RESOLVED: Final = "Resolved"

_PRIORITY: Final = frozenset({"impact", "urgency"})
_STATUS: Final = frozenset({"state", "hold_reason", "close_code", "close_notes"})


Thing = FieldPair | Literal["status", "priority"]
"""What merges as one: a field, or one of the two groups."""
Clash = Literal["", "servicenow", "jira"]


@dataclass(frozen=True, slots=True)
class Planned:
    """An edit that somebody will make in ServiceNow before the next pass."""

    at: datetime
    values: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Step:
    """One edit of an engineer: when, on which incident, who (e-mail), new values by Jira field id.

    A value for "status" is a move through the workflow; what is given with it goes onto its screen.
    `clash` names the side that must win if ServiceNow moves the same thing before the next pass.
    """

    at: datetime
    key: str
    by: str
    values: Mapping[str, str]
    clash: Clash = ""


@dataclass(frozen=True, slots=True)
class Choices:
    """What engineers may choose from: values by Jira field id, and the resolution that fits an incident."""

    by_field: Mapping[str, Sequence[str]]
    people: Sequence[str]
    resolution: Mapping[str, str]


class Engineers:
    """Draws steps from a seeded stream; each text that they write is unique."""

    def __init__(self, maps: Maps, choices: Choices, seed: int) -> None:
        self._maps = maps
        self._choices = choices
        self._random = random.Random(f"engineers {seed}")
        self._texts = 0

    def step(
        self, key: str, incident: Expected, planned: Sequence[Planned], start: datetime, end: datetime
    ) -> Step | None:
        """What one engineer does to this incident after the pass at `start` and before the one at `end`.

        `incident` is what both sides show at `start`, `planned` every edit of it in ServiceNow until `end`.
        None where nothing fits: everything to choose from is ruled out, or there is no time.
        """
        things: list[Thing] = [*self._maps.fields, "status", "status", "priority"]
        thing = self._random.choice(things)
        touched = [edit for edit in planned if _touches(thing, edit.values)]
        timing = self._timing(thing, incident, planned, touched, start, end)
        values = self._values(thing, key, incident) if timing else {}
        if timing is None or not values:
            return None
        first, last, clash = timing
        seconds = int((last - first).total_seconds())
        if seconds < 1:
            return None
        at = first + timedelta(seconds=self._random.randrange(seconds), milliseconds=500)
        return Step(at, key, self._random.choice(self._choices.people), values, clash)

    def _timing(
        self,
        thing: Thing,
        incident: Expected,
        planned: Sequence[Planned],
        touched: Sequence[Planned],
        start: datetime,
        end: datetime,
    ) -> tuple[datetime, datetime, Clash] | None:
        """From when until when the step may be made, and who wins then; None: not between these passes."""
        opening, closing = start + MARGIN, end - INDEX_LAG
        if not touched:
            return opening, closing, ""
        if any(edit.values.get("state") == CLOSED for edit in planned):
            return None
        after = planned[-1].at + MARGIN
        if thing != "priority" and after < closing and self._random.random() < 0.5:
            return after, closing, "jira"
        if (
            self._tie(thing) == "servicenow"
            and len(touched) == 1
            and self._moves(thing, incident, touched[0])
        ):
            return opening, planned[0].at - MARGIN, "servicenow"
        return None

    def _tie(self, thing: Thing) -> str:
        match thing:
            case FieldPair():
                return thing.tie
            case "status":
                return self._maps.status_tie
            case _:
                return self._maps.priority_tie

    def _moves(self, thing: Thing, incident: Expected, edit: Planned) -> bool:
        """Whether this edit takes the incident out of the class that it is in, and will not be refused."""
        after = {**incident.servicenow, **edit.values}
        if not self._accepted(edit.values):
            return False
        match thing:
            case FieldPair():
                return not thing.values.agree(after[thing.servicenow], incident.jira[thing.jira])
            case "status":
                now = incident.jira["status"]
                return self._maps.status_of(after["state"], after["hold_reason"], now) != now
            case _:
                priority = self._maps.computed(after["impact"], after["urgency"])
                return not self._maps.priority.agree(priority, incident.jira["priority"])

    def _accepted(self, values: Mapping[str, str]) -> bool:
        """Whether ServiceNow knows the state, if one is given, and gets the close code that it demands."""
        state = values.get("state")
        known = any(
            state == token.partition("/")[0] for ours, _ in self._maps.status.classes for token in ours
        )
        return state is None or (known and (state not in ENDED or bool(values.get("close_code"))))

    def _values(self, thing: Thing, key: str, incident: Expected) -> Mapping[str, str]:
        """New values that differ in class from what Jira shows; empty if there are none."""
        match thing:
            case FieldPair():
                value = self._field_value(thing, key, incident)
                return {} if value is None else {thing.jira: value}
            case "status":
                return self._move(key, incident)
            case _:
                return self._priority(incident)

    def _field_value(self, pair: FieldPair, key: str, incident: Expected) -> str | None:
        if pair.kind in ("line", "text"):
            return self._text(pair, key)
        among = self._choices.people if pair.kind == "person" else self._choices.by_field.get(pair.jira, ())
        now = incident.jira[pair.jira]
        others = [value for value in among if value != now]
        return self._random.choice(others) if others else None

    def _text(self, pair: FieldPair, key: str) -> str:
        self._texts += 1
        subject = f"{key}, text {self._texts}"
        return (
            phrases.summary(subject, "")
            if pair.kind == "line"
            else phrases.description(subject, "", "Jira", "")
        )

    def _move(self, key: str, incident: Expected) -> Mapping[str, str]:
        following = NEXT.get(incident.jira["status"], ())
        if not following:
            return {}
        to = self._random.choice(following)
        if to != RESOLVED:
            return {"status": to}
        self._texts += 1
        resolution = self._choices.resolution.get(key, "Done")
        notes = f"Resolved in Jira, text {self._texts}."
        return {"status": to, "resolution": resolution, self._maps.close_notes: notes}

    def _priority(self, incident: Expected) -> Mapping[str, str]:
        ours, now = incident.servicenow, incident.jira["priority"]
        names = [theirs[0] for codes, theirs in self._maps.priority.classes
                 if theirs[0] != now and self._clear(ours["impact"], ours["urgency"], codes[0])]  # fmt: skip
        return {"priority": self._random.choice(names)} if names else {}

    def _clear(self, impact: str, urgency: str, priority: str) -> bool:
        """Whether there is no doubt which move is the smallest: only one is, or one moves urgency alone."""
        moves = self._maps.moves(impact, urgency, priority)
        sizes = [abs(int(i) - int(impact)) + abs(int(u) - int(urgency)) for i, u in moves]
        return bool(moves) and (sizes.count(sizes[0]) == 1 or (sizes[0] == 1 and moves[0][0] == impact))


def _touches(thing: Thing, values: Mapping[str, str]) -> bool:
    match thing:
        case FieldPair():
            return thing.servicenow in values
        case "status":
            return not _STATUS.isdisjoint(values)
        case _:
            return not _PRIORITY.isdisjoint(values)
