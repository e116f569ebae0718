"""What a run left, arranged for the promises to be judged by; it judges nothing itself.

It sees what people did, what stands on both sides, and the lists that people are shown (conflicts, parked,
audit); never the Base, the intents, the inbox or the cursors of the engine.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Hashable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

from tests.simulation import truth
from tests.simulation.scenario import UNITS
from tests.simulation.servicenow import MATRIX
from tests.simulation.sides import Row
from tests.simulation.simulation import Lists, Story
from tests.simulation.world import Effect, Happened, Who
from tieline.connectors.base import SIDES, Side, Value, other
from tieline.sync.model import Conflict, Pair

MOMENTS = timedelta(seconds=400)
"""How long before a write the other side may have shown what it carries: a slow pass, a late commit."""

SECOND = timedelta(seconds=1)
"""How exactly a race names when somebody wrote."""

_NAMED: Final = re.compile(r" at (\d{4}-\d\d-\d\d \d\d:\d\d:\d\d) UTC(?: while |, )")
"""Where a race says when somebody wrote, by that side's clock: while we did, or last, if that is in doubt."""


@dataclass(frozen=True, slots=True)
class Violation:
    """A promise that was not kept, and how it shows."""

    promise: str
    text: str

    def __str__(self) -> str:
        return f"{self.promise}: {self.text}"


@dataclass(frozen=True, slots=True)
class Stand:
    """What one unit of one record held from some moment on, and who made it so."""

    seq: int
    at: datetime
    who: Who
    values: Mapping[str, Value]
    meaning: Hashable


@dataclass(frozen=True, slots=True)
class Couple:
    """The two records of an incident, known by what the engine made of what (no record of the engine)."""

    servicenow: Row
    jira: Row

    def row(self, side: Side) -> Row:
        """The record of one side."""
        return self.servicenow if side == "servicenow" else self.jira

    def __str__(self) -> str:
        return f"{self.servicenow.label} = {self.jira.label}"

    @property
    def visible(self) -> bool:
        """Whether both can be seen."""
        return self.servicenow.visible and self.jira.visible


class Evidence:
    """What a run left, arranged for judging."""

    def __init__(self, story: Story) -> None:
        self.story = story
        self.stands: dict[tuple[Side, str, str], list[Stand]] = defaultdict(list)
        for happened in story.world.log:
            self._enter(happened)
        self.sent: dict[tuple[Side, str], list[Effect]] = defaultdict(list)
        for effect in story.world.effects:
            self.sent[effect.side, effect.id].append(effect)
        self.couples = list(self._couples())
        self.couple_of = {(side, c.row(side).id): c for c in self.couples for side in SIDES}
        self.pair_ids: dict[tuple[int, int], Couple] = {}
        for key, pair in story.lists.pairs.items():
            couple = self._couple_of(pair)
            if couple is not None:
                self.pair_ids[key] = couple

    def _enter(self, happened: Happened) -> None:
        for unit in UNITS:
            names = truth.OWN[happened.side][unit]
            held = self.stands[happened.side, happened.id, unit]
            if held and not happened.changed.intersection(names):
                continue
            values = truth.own(happened.side, unit, happened.values)
            meaning = truth.meaning(happened.side, unit, happened.values)
            who: Who = happened.who if happened.meant & happened.changed & set(names) else "automation"
            held.append(Stand(happened.seq, happened.at, who, values, meaning))

    def _couples(self) -> Iterator[Couple]:
        for side in SIDES:
            for row in self.story.sides[side].rows.values():
                if row.origin is None or row.copied:
                    continue
                origin = self.story.sides[other(side)].rows[row.origin.id]
                yield Couple(row, origin) if side == "servicenow" else Couple(origin, row)

    def _couple_of(self, pair: Pair) -> Couple | None:
        mine = self.couple_of.get(("servicenow", pair.servicenow.id))
        return mine if mine is not None and mine.jira.id == pair.jira.id else None

    def conflicts(self, couple: Couple, unit: str) -> list[Conflict]:
        """What people are shown about this incident and unit; races may name no single unit."""
        found = []
        for (life, _), conflict in self.story.lists.conflicts.items():
            if self.pair_ids.get((life, conflict.pair)) is couple and concerns(conflict, unit):
                found.append(conflict)
        return found

    def is_parked(self, lists: Lists, couple: Couple) -> bool:
        """Whether people are shown that this incident is left alone."""
        keys = {park.key for park in lists.parks}
        named = {f"p:{id_}" for (life, id_), c in self.pair_ids.items()
                 if c is couple and life == self.story.world.life}  # fmt: skip
        named |= {f"r:{side}:{couple.row(side).id}" for side in SIDES}
        return bool(keys & named)

    def open_conflict(self, lists: Lists, couple: Couple, unit: str) -> Conflict | None:
        """The open conflict that holds a unit."""
        life = self.story.world.life
        return next(
            (c for c in lists.open if c.unit == unit and self.pair_ids.get((life, c.pair)) is couple), None
        )


def concerns(conflict: Conflict, unit: str) -> bool:
    """Whether a conflict may be about a unit: that of a race is not always the one that was lost."""
    return unit in conflict.unit.split(", ") or conflict.kind == "race"


def is_of_then(evidence: Evidence, conflict: Conflict, side: Side, end: Stand) -> bool:
    """Whether a race is told of that moment: soon after it, or by the time that the conflict itself names.

    Where the answer was lost, a race is told when the answer is looked for: passes may have died before.
    """
    if abs(conflict.at - end.at) < MOMENTS:
        return True
    named = named_in(evidence, conflict, side)
    return conflict.at >= end.at and any(abs(at - end.at) < MOMENTS for at in named[:1])


def names_the_edit(evidence: Evidence, conflict: Conflict, side: Side, stand: Stand) -> bool:
    """Whether a race names the very second of an edit."""
    return any(abs(at - stand.at) <= SECOND for at in named_in(evidence, conflict, side))


def named_in(evidence: Evidence, conflict: Conflict, side: Side) -> tuple[datetime, ...]:
    """When somebody wrote, as a race names it: by that side's clock, or by ours if it was looked for."""
    named = _NAMED.search(conflict.reason)
    if named is None:
        return ()
    skew = timedelta(seconds=evidence.story.scenario.traits.skew[SIDES.index(side)])
    at = datetime.strptime(named[1], "%Y-%m-%d %H:%M:%S").replace(tzinfo=UTC)
    return at - skew, at


def worked_out(side: Side, unit: str, values: Mapping[str, Value]) -> dict[str, Value]:
    """The values with the priority that ServiceNow makes of impact and urgency: it is never sent."""
    if (side, unit) != ("servicenow", "priority"):
        return dict(values)
    return {**values, "priority": MATRIX[int(str(values["impact"])), int(str(values["urgency"]))]}


def stays_closed(evidence: Evidence, servicenow: Mapping[str, Value]) -> bool:
    """Whether an incident with these values is not reopened by what Jira does: then the status may differ."""
    return evidence.story.scenario.traits.reopen != "write" and servicenow.get("state") == "7"


def in_order(value: Value) -> object:
    """A value as it can be compared and printed: the labels of a set in their order."""
    return sorted(value) if isinstance(value, frozenset) else value


def as_text(values: Mapping[str, Value]) -> str:
    """Values as a violation names them, cut where they are long."""
    shown = (str(in_order(value)) for value in values.values() if value is not None)
    return " / ".join(text if len(text) < 50 else f"{text[:47]}..." for text in shown) or "nothing"
