"""What both sides must show, computed from people's edits and the configured maps alone.

It knows nothing of the engine, its store or its mapping: it applies edits one after the other, the later one
wins, and what one side shows follows from what was last done on the other. It talks to no system.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import product
from typing import Any, Final, Literal, cast

Side = Literal["servicenow", "jira"]
Fields = Mapping[str, str]

ENDED: Final = frozenset({"6", "7"})
"""States in which close code and close notes mean something."""


@dataclass(frozen=True, slots=True)
class ValueMap:
    """Two lists of values joined in classes: (ServiceNow values, Jira values). Others pass as they are."""

    classes: tuple[tuple[tuple[str, ...], tuple[str, ...]], ...] = ()

    def to_jira(self, value: str, current: str = "") -> str:
        """The Jira value for a ServiceNow one: `current` if it is in its class, else the class's first."""
        return next((_kept(ours, current) for theirs, ours in self.classes if value in theirs), value)

    def to_servicenow(self, value: str, current: str = "") -> str:
        """The ServiceNow value for a Jira one: `current` if it is in its class, else the class's first."""
        return next((_kept(ours, current) for ours, theirs in self.classes if value in theirs), value)

    def agree(self, servicenow: str, jira: str) -> bool:
        """Whether the two values are of one class."""
        return self.to_jira(servicenow, jira) == jira


@dataclass(frozen=True, slots=True)
class FieldPair:
    """One mirrored field: its name, kind, names on both sides, map, and which side wins a tie."""

    name: str
    kind: str
    servicenow: str
    jira: str
    tie: str
    values: ValueMap


@dataclass(frozen=True, slots=True)
class LinkMap:
    """A relation as the configuration has it: its column, and the type and direction of Jira's link."""

    relation: str
    servicenow: str
    jira: str
    reads: str
    leads_to: str


_COLUMNS: Final = {
    "problem": ("problem_id", "problem"),
    "caused_by": ("caused_by", "change"),
    "cured_by": ("rfc", "change"),
    "parent": ("parent_incident", "incident"),
}
"""The column of each relation in a stock instance, and what it leads to."""


@dataclass(frozen=True, slots=True)
class Maps:
    """What the configuration says about values, read from the file by itself."""

    fields: tuple[FieldPair, ...]
    status: ValueMap
    status_tie: str
    resolution: ValueMap
    close_notes: str
    priority: ValueMap
    priority_tie: str
    matrix: tuple[tuple[int, ...], ...]
    servicenow_marker: str
    jira_marker: str
    links: tuple[LinkMap, ...] = ()

    @classmethod
    def read(cls, configuration: str) -> Maps:
        """The maps of a configuration file's text. Each entry of a map is a class of its own."""
        data = tomllib.loads(configuration)
        return cls(
            fields=tuple(
                FieldPair(
                    f["name"], f["kind"], f["servicenow"], f["jira"], f["tie"], _value_map(f.get("map", ()))
                )
                for f in data["field"]
            ),
            status=_value_map(data["status"]["map"]),
            status_tie=data["status"]["tie"],
            resolution=_value_map(data["status"]["resolution"]),
            close_notes=data["status"]["jira"]["close_notes"],
            priority=_value_map(data["priority"]["map"]),
            priority_tie=data["priority"]["tie"],
            matrix=tuple(tuple(row) for row in data["priority"]["matrix"]),
            servicenow_marker=data["servicenow"]["marker"],
            jira_marker=data["jira"]["marker"],
            links=tuple(
                LinkMap(
                    link["relation"], _COLUMNS[link["relation"]][0], link.get("jira", ""),
                    link.get("reads", "inward"), _COLUMNS[link["relation"]][1],
                )
                for link in data.get("links", {}).get("type", ())
                if link["relation"] in _COLUMNS and link.get("on", "incident") == "incident"
            ),
        )  # fmt: skip

    def computed(self, impact: str, urgency: str) -> str:
        """The priority that ServiceNow computes."""
        return str(self.matrix[int(impact) - 1][int(urgency) - 1])

    def status_of(self, state: str, hold_reason: str, current: str = "") -> str:
        """The Jira status of a ServiceNow state; a hold reason without a partner counts as none."""
        token = f"{state}/{hold_reason}"
        known = hold_reason and any(token in ours for ours, _ in self.status.classes)
        return self.status.to_jira(token if known else state, current)

    def moves(self, impact: str, urgency: str, priority: str) -> list[tuple[str, str]]:
        """All pairs of impact and urgency that yield `priority`, the smallest move first.

        Of two moves of the same size the one that moves urgency more comes first.
        """
        here = int(impact), int(urgency)
        cells = [c for c in product((1, 2, 3), repeat=2) if self.computed(str(c[0]), str(c[1])) == priority]
        cells.sort(key=lambda c: (abs(c[0] - here[0]) + abs(c[1] - here[1]), abs(c[0] - here[0]), c))
        return [(str(one), str(two)) for one, two in cells]


@dataclass(slots=True)
class Expected:
    """What the two records of one incident must show; people are e-mail addresses, groups are names."""

    origin: Side
    id: str
    label: str
    servicenow: dict[str, str] = field(default_factory=dict)
    jira: dict[str, str] = field(default_factory=dict)
    ways: frozenset[tuple[str, str]] = frozenset()
    """Impact and urgency that yield the priority, one after the other: several pairs, where it was set
    in Jira more than once. Each is the smallest move from what ServiceNow held, and that depends on which of
    the earlier priorities were carried."""

    def in_servicenow(self, maps: Maps, found: Fields) -> Fields:
        """What ServiceNow must show: of several ways to one priority, that which `found` went."""
        way = found.get("impact", ""), found.get("urgency", "")
        if way in self.ways and maps.computed(*way) == self.servicenow["priority"]:
            return {**self.servicenow, "impact": way[0], "urgency": way[1]}
        return self.servicenow


class Ledger:
    """Keeps what is expected of every incident while people edit; each edit is told once, in time order."""

    def __init__(self, maps: Maps) -> None:
        self.maps = maps
        self.incidents: dict[str, Expected] = {}

    def raised(self, key: str, origin: Side, record_id: str, label: str, values: Fields) -> Expected:
        """A person raised an incident; `key` is how later edits name it."""
        incident = self.incidents[key] = Expected(origin, record_id, label)
        for pair in self.maps.fields:
            incident.servicenow[pair.servicenow] = incident.jira[pair.jira] = ""
        if origin == "servicenow":
            self.edited_in_servicenow(
                key, {"state": "1", "hold_reason": "", "impact": "3", "urgency": "3", **values}
            )
        else:
            self.edited_in_jira(key, {"status": "Open", "priority": "Medium", **values})
        return incident

    def edited_in_servicenow(self, key: str, values: Fields) -> None:
        """A person's edit in ServiceNow, in its field names and values, that its rules let through."""
        incident = self.incidents[key]
        ours, theirs = incident.servicenow, incident.jira
        ours.update(values)
        for pair in self.maps.fields:
            if pair.servicenow in values:
                theirs[pair.jira] = pair.values.to_jira(ours[pair.servicenow], theirs[pair.jira])
        if "impact" in values or "urgency" in values:
            ours["priority"] = self.maps.computed(ours["impact"], ours["urgency"])
            theirs["priority"] = self.maps.priority.to_jira(ours["priority"], theirs.get("priority", ""))
            incident.ways = frozenset({(ours["impact"], ours["urgency"])})
        if not values.keys().isdisjoint(("state", "hold_reason", "close_code", "close_notes")):
            self._status_to_jira(incident)

    def edited_in_jira(self, key: str, values: Fields) -> None:
        """A person's edit or transition in Jira, in its field ids and value names."""
        incident = self.incidents[key]
        ours, theirs = incident.servicenow, incident.jira
        theirs.update(values)
        for pair in self.maps.fields:
            if pair.jira in values:
                ours[pair.servicenow] = pair.values.to_servicenow(theirs[pair.jira], ours[pair.servicenow])
        if "priority" in values:
            self._priority_to_servicenow(incident)
        if not values.keys().isdisjoint(("status", "resolution", self.maps.close_notes)):
            self._status_to_servicenow(incident)

    def _status_to_jira(self, incident: Expected) -> None:
        ours, theirs = incident.servicenow, incident.jira
        theirs["status"] = self.maps.status_of(ours["state"], ours["hold_reason"], theirs.get("status", ""))
        if ours["state"] in ENDED:
            current = theirs.get("resolution", "")
            theirs["resolution"] = self.maps.resolution.to_jira(ours.get("close_code", ""), current)
            theirs[self.maps.close_notes] = ours.get("close_notes", "")
        else:
            theirs["resolution"] = ""

    def _status_to_servicenow(self, incident: Expected) -> None:
        ours, theirs = incident.servicenow, incident.jira
        current = ours.get("state", ""), ours.get("hold_reason", "")
        if self.maps.status_of(*current, theirs["status"]) != theirs["status"]:
            token = self.maps.status.to_servicenow(theirs["status"])
            ours["state"], _, ours["hold_reason"] = token.partition("/")
        if ours["state"] in ENDED:
            ours["close_code"] = self.maps.resolution.to_servicenow(
                theirs["resolution"], ours.get("close_code", "")
            )
            ours["close_notes"] = theirs.get(self.maps.close_notes, "")
        else:
            theirs["resolution"] = ""

    def _priority_to_servicenow(self, incident: Expected) -> None:
        ours, theirs = incident.servicenow, incident.jira
        wanted = self.maps.priority.to_servicenow(theirs["priority"], ours.get("priority", ""))
        if wanted == ours.get("priority"):
            return
        here = ours.get("impact", "3"), ours.get("urgency", "3")
        moved = {way: self.maps.moves(*way, wanted)[:1] for way in {here, *incident.ways}}
        if not moved[here]:
            raise ValueError(f"no impact and urgency give priority {wanted}")
        ours["impact"], ours["urgency"] = moved[here][0]
        ours["priority"] = wanted
        incident.ways = frozenset({here, *incident.ways}.union(*moved.values()))


def _kept(choices: Sequence[str], current: str) -> str:
    return current if current in choices else choices[0]


def _value_map(entries: Sequence[Mapping[str, Any]]) -> ValueMap:
    return ValueMap(tuple((_several(e["servicenow"]), _several(e["jira"])) for e in entries))


def _several(value: object) -> tuple[str, ...]:
    return (value,) if isinstance(value, str) else tuple(cast("list[str]", value))
