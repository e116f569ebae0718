"""Lets scripted people work on both stand-ins in time order; the ledger learns what the rules let through."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from tieline.connectors.sandbox import talk
from tieline.connectors.sandbox.core import Refused, VirtualClock
from tieline.connectors.sandbox.engineers import Clash, Step
from tieline.connectors.sandbox.expected import Ledger, Side
from tieline.connectors.sandbox.jira import Ticket
from tieline.connectors.sandbox.talk import Remark
from tieline.connectors.sandbox.world import PROJECT, World

ISSUE_TYPE: Final = "Incident"
PEOPLE: Final = ("assigned_to", "caller_id")
"""Fields that hold people: scripts and the ledger name them by e-mail address."""
RELATED: Final = {"problem_id": "problem", "rfc": "change_request", "caused_by": "change_request"}
"""Columns that name problems and changes, by number in scripts and the ledger, with their tables."""
CHILD_LINK: Final = "Parent/Child"
"""The type of issue link of the site by which one issue is another's child."""
UNSAID: Final = {"category": "inquiry", "impact": "3", "urgency": "3", "state": "1"}
"""What a fresh instance puts where a new incident does not name a field at all."""

_SERVICENOW_UNITS: Final = (
    {"state", "hold_reason", "close_code", "close_notes"},
    {"impact", "urgency"},
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class DeskEdit:
    """One edit in ServiceNow: when, on which incident, who (user name), new values; `first` raises it.

    People are e-mail addresses, groups are names. `number` is what the incident must be called, "" for the
    next number. `line` is the line of the log that records the edit, 0 for none.
    """

    at: datetime
    key: str
    by: str
    values: Mapping[str, str]
    first: bool = False
    line: int = 0
    number: str = ""


@dataclass(frozen=True, slots=True)
class Raise:
    """An engineer (e-mail) raises an issue in Jira, with values by field id."""

    at: datetime
    key: str
    by: str
    values: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class FileRecord:
    """Somebody (user name) opens a problem or a change in ServiceNow under a number, and moves it on.

    `table` is its table; `values` are those of opening it, then those of each further edit. People are user
    names, groups are names.
    """

    at: datetime
    table: str
    key: str
    by: str
    values: Sequence[Mapping[str, str]]


@dataclass(frozen=True, slots=True)
class LinkIssue:
    """An engineer (e-mail) makes the issue of `key` a child of the issue of `parent`."""

    at: datetime
    key: str
    by: str
    parent: str


Script = DeskEdit | Step | Raise | FileRecord | LinkIssue | Remark


@dataclass(frozen=True, slots=True)
class Refusal:
    """An edit that the system's rules did not let through, wholly or in part, and why in its own words."""

    line: int
    key: str
    at: datetime
    reason: str

    def __str__(self) -> str:
        place = f"line {self.line}" if self.line else f"{self.at:%Y-%m-%d %H:%M}"
        return f"{place} ({self.key}): {self.reason}"


@dataclass(frozen=True, slots=True)
class Deed:
    """Something that a person did: when, where, who, to which record (its label), and the values."""

    at: datetime
    side: Side
    by: str
    label: str
    values: Mapping[str, str]
    first: bool = False
    clash: Clash = ""


def _moved(
    values: Mapping[str, str],
    before: Mapping[str, object],
    after: Mapping[str, object],
    units: Iterable[Collection[str]],
) -> dict[str, str]:
    """What an edit moved: setting what is there already leaves no trace that anybody could follow.

    Fields that are one (`units`) have moved if any of them has.
    """
    moved = {name for name in values if before.get(name) != after.get(name)}
    for unit in units:
        moved |= set(unit) if moved & set(unit) else set()
    return {name: value for name, value in values.items() if name in moved}


class Stage:
    """The two stand-ins with people on them. `clock` is the world's own; None: all happens at once, now."""

    def __init__(self, world: World, clock: VirtualClock | None, ledger: Ledger) -> None:
        self.world = world
        self.clock = clock
        self.ledger = ledger
        self.refusals: list[Refusal] = []
        self._people = {row["email"]: row["sys_id"] for row in world.servicenow.rows("sys_user")}
        self._groups = {row["name"]: row["sys_id"] for row in world.servicenow.rows("sys_user_group")}
        self._related = {
            column: {row["number"]: row["sys_id"] for row in world.servicenow.rows(table)}
            for column, table in RELATED.items()
        }
        self._ids: dict[str, dict[Side, str]] = {}
        self._keys: dict[str, str] = {}
        self._issues_seen = 0

    def play(self, script: Iterable[Script]) -> list[Deed]:
        """Carry out the script in the order of its times; what came of it, without what was refused."""
        deeds = [self._one(entry) for entry in sorted(script, key=lambda entry: entry.at)]
        return [deed for deed in deeds if deed is not None]

    def mirrored(self) -> None:
        """Find the mirrors that were made since the last call, so that people can edit them."""
        for side, record_id, marker in self._new_mirrors():
            key = self._keys.get(marker.rpartition(":")[2])
            if key is not None:
                self._ids[key].setdefault(side, record_id)

    def on_both_sides(self, key: str) -> bool:
        """Whether both halves of an incident are known."""
        return len(self._ids.get(key, ())) == 2

    def both_ids(self, key: str) -> tuple[str, str] | None:
        """The sys_id and the issue id of an incident, None before both halves are known."""
        ids = self._ids.get(key, {})
        return (ids["servicenow"], ids["jira"]) if len(ids) == 2 else None

    def _new_mirrors(self) -> Iterator[tuple[Side, str, str]]:
        """Side, id and marker of records that may be mirrors; issues are looked at once, in order of keys."""
        maps = self.ledger.maps
        while (ticket := self._next_issue()) is not None:
            yield "jira", ticket.id, str(ticket.values.get(maps.jira_marker) or "")
        if any("servicenow" not in ids for ids in self._ids.values()):
            for row in self.world.servicenow.rows():
                yield "servicenow", row["sys_id"], row[maps.servicenow_marker]

    def _next_issue(self) -> Ticket | None:
        try:
            ticket = self.world.jira.by_key(f"{PROJECT}-{self._issues_seen + 1}")
        except Refused:
            return None
        self._issues_seen += 1
        return ticket

    def _one(self, entry: Script) -> Deed | None:
        if self.clock is not None:
            self.clock.move_to(max(entry.at, self.clock.now()))  # what waits took may have passed it
        try:
            match entry:
                case DeskEdit():
                    return self._raised(entry) if entry.first else self._edited(entry)
                case Step():
                    return self._stepped(entry)
                case Raise():
                    return self._raised_in_jira(entry)
                case FileRecord():
                    return self._filed(entry)
                case LinkIssue():
                    return self._linked(entry)
                case Remark():
                    return self._said(entry)
        except Refused as refused:
            self._refuse(entry, str(refused))
            return None

    def _said(self, remark: Remark) -> Deed:
        record = self._id(remark.key, remark.side)
        values = talk.said(self.world, remark, record)
        label = self.ledger.incidents[remark.key].label
        return Deed(remark.at, remark.side, remark.by, label, values)

    def _refuse(self, entry: Script, reason: str) -> None:
        line = entry.line if isinstance(entry, DeskEdit) else 0
        self.refusals.append(Refusal(line, entry.key, entry.at, reason))

    def _raised(self, edit: DeskEdit) -> Deed:
        row = self.world.servicenow.create(edit.by, {"number": edit.number, **self._stored(edit.values)})
        self._known(edit.key, "servicenow", row["sys_id"])
        taken = self._taken(edit, edit.values, row)
        self.ledger.raised(edit.key, "servicenow", row["sys_id"], row["number"], UNSAID | taken)
        return Deed(edit.at, "servicenow", edit.by, row["number"], taken, first=True)

    def _edited(self, edit: DeskEdit) -> Deed:
        sys_id = self._id(edit.key, "servicenow")
        before = dict(self.world.servicenow.get(sys_id))
        row = self.world.servicenow.update(edit.by, sys_id, self._stored(edit.values))
        taken = self._taken(edit, edit.values, row)
        self.ledger.edited_in_servicenow(edit.key, _moved(taken, before, row, _SERVICENOW_UNITS))
        return Deed(edit.at, "servicenow", edit.by, row["number"], taken)

    def _taken(self, edit: DeskEdit, values: Mapping[str, str], row: Mapping[str, str]) -> dict[str, str]:
        """The values that the record now holds; the others are noted as refused."""
        wanted = self._stored(values)
        for name, value in wanted.items():
            if row[name] != value:
                self._refuse(edit, f"{name} is not set to {value!r}: the system kept {row[name]!r}")
        return {name: value for name, value in values.items() if row[name] == wanted[name]}

    def _stored(self, values: Mapping[str, str]) -> dict[str, str]:
        """References as sys_ids; a name that nobody has is written as it stands, and lost by the system."""
        stored = dict(values)
        people = ((name, self._people) for name in PEOPLE)
        for name, known in (*people, ("assignment_group", self._groups), *self._related.items()):
            if stored.get(name):
                stored[name] = known.get(stored[name], stored[name])
        return stored

    def _raised_in_jira(self, entry: Raise) -> Deed:
        ticket = self.world.jira.create(entry.by, PROJECT, ISSUE_TYPE, entry.values)
        self._known(entry.key, "jira", ticket.id)
        self.ledger.raised(entry.key, "jira", ticket.id, ticket.key, entry.values)
        return Deed(entry.at, "jira", entry.by, ticket.key, entry.values, first=True)

    def _stepped(self, step: Step) -> Deed:
        issue = self._id(step.key, "jira")
        before = self.world.jira.get(issue).values
        if "status" in step.values:
            values = {name: value for name, value in step.values.items() if name != "status"}
            ticket = self.world.jira.transition(step.by, issue, step.values["status"], values)
        else:
            ticket = self.world.jira.update(step.by, issue, step.values)
        units = ({"status", "resolution", self.ledger.maps.close_notes},)
        self.ledger.edited_in_jira(step.key, _moved(step.values, before, ticket.values, units))
        return Deed(step.at, "jira", step.by, ticket.key, step.values, clash=step.clash)

    def _filed(self, entry: FileRecord) -> Deed:
        people = {row["user_name"]: row["sys_id"] for row in self.world.servicenow.rows("sys_user")}
        known = {"assigned_to": people, "assignment_group": self._groups}
        row = {"sys_id": "", "number": entry.key}
        for values in entry.values:
            stored = {name: known.get(name, {}).get(value, value) for name, value in values.items()}
            if row["sys_id"]:
                row = self.world.servicenow.update(entry.by, row["sys_id"], stored, table=entry.table)
            else:
                stored["number"] = entry.key
                row = self.world.servicenow.create(entry.by, stored, table=entry.table)
        for column, table in RELATED.items():
            if table == entry.table:
                self._related[column][entry.key] = row["sys_id"]
        return Deed(entry.at, "servicenow", entry.by, row["number"], entry.values[0], first=True)

    def _linked(self, entry: LinkIssue) -> Deed:
        child, parent = self._id(entry.key, "jira"), self._id(entry.parent, "jira")
        self.world.jira.link(entry.by, CHILD_LINK, parent, child)
        number = self.world.servicenow.get(self._id(entry.parent, "servicenow"))["number"]
        self.ledger.edited_in_servicenow(entry.key, {"parent_incident": number})
        shown = {"is child of": self.world.jira.get(parent).key}
        return Deed(entry.at, "jira", entry.by, self.world.jira.get(child).key, shown)

    def _known(self, key: str, side: Side, record_id: str) -> None:
        self._ids[key] = {side: record_id}
        self._keys[record_id] = key

    def _id(self, key: str, side: Side) -> str:
        found = self._ids.get(key, {}).get(side)
        if found is None:
            raise Refused("the incident does not exist here: raising it was refused, or it has no mirror yet")
        return found
