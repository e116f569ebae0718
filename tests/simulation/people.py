"""People at work on both sides: carries out the deeds of a scenario on the rows, as each system allows it.

Values of an edit are unique wherever the field allows it: they are made of the deed's number.
"""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import partial

from tests.simulation.files import content_of
from tests.simulation.jira import Jira
from tests.simulation.scenario import SINGLE, Accord, Ambush, Deed, Put, Remark, Scenario
from tests.simulation.servicenow import ServiceNow
from tests.simulation.settings import (
    CATEGORIES,
    CODES,
    ELSEWHERE,
    JIRA_CATEGORIES,
    NOTES,
    PRIORITIES,
    RESOLUTIONS,
    STATES,
)
from tests.simulation.sides import HostileSide, Row
from tests.simulation.world import World
from tieline.connectors.base import SIDES, Action, Side, Transition, Update, Value, other

FIELDS: dict[Side, dict[str, str]] = {
    "servicenow": dict(
        zip(SINGLE, ("short_description", "description", "category", "subcategory", "u_labels", "assigned_to",
                     "assignment_group"), strict=True)
    ),
    "jira": dict(
        zip(SINGLE, ("summary", "description", "customfield_10051", "customfield_10052", "labels", "assignee",
                     "customfield_10050"), strict=True)
    ),
}  # fmt: skip


@dataclass
class Incident:
    """What people mean by an incident: the record they raised, found on the other side by its marker."""

    side: Side
    row: Row


class People:
    """Everybody who works on either side."""

    def __init__(self, world: World, servicenow: ServiceNow, jira: Jira) -> None:
        self.world = world
        self.sides: dict[Side, HostileSide] = {"servicenow": servicenow, "jira": jira}
        self.jira = jira
        self.incidents: list[Incident] = []
        self.clones: list[Row] = []
        self._ambushes = {(a.write, a.before): a for a in world.scenario.ambushes}
        for side in self.sides.values():
            side.ambush = self._ambush

    def schedule(self, scenario: Scenario) -> None:
        """Let the deeds of a scenario happen when their time comes."""
        for deed in scenario.deeds:
            self.world.at(deed.at, lambda deed=deed: self.do(deed))  # type: ignore[misc]

        for remark in scenario.remarks:
            self.world.at(remark.at, lambda remark=remark: self.talk(remark))  # type: ignore[misc]
        for accord in scenario.accords:
            self.world.at(accord.at, lambda accord=accord: self.agree(accord))  # type: ignore[misc]
        for put in scenario.puts:
            self.world.at(put.at, lambda put=put: self.put(put))  # type: ignore[misc]

    def agree(self, accord: Accord) -> None:
        """Two people set one value, one on each side; later one of them goes back to what stood before."""
        for side in SIDES:
            row = self.row_of(accord.incident, side)
            if row is None or not row.visible:
                return
            name = FIELDS[side]["subcategory"]
            if side == accord.side:
                self.world.at(accord.back, partial(self._take_back, accord, {name: row.values[name]}))
            self.world.at(
                self.world.chance.uniform(0, 0.9),
                partial(self._change, self.sides[side], row, {name: f"sub{accord.n}"}, 0.0),
            )
        self.world.reach["deed agree"] += 1

    def _take_back(self, accord: Accord, values: Mapping[str, Value]) -> None:
        row = self.row_of(accord.incident, accord.side)
        if row is not None and row.visible:
            self.world.reach["deed take back"] += 1
            self.sides[accord.side].change(row, values, "person")

    def talk(self, remark: Remark) -> None:
        """Say something about a record that can be seen and is not locked."""
        row = self.row_of(remark.incident, remark.side)
        if row is not None and row.visible and not row.sour:
            self.sides[remark.side].talks.do(row, remark)

    def put(self, put: Put) -> None:
        """Put a file on a record that can be seen and is not locked."""
        row = self.row_of(put.incident, put.side)
        if row is not None and row.visible and not row.sour:
            self.world.reach["deed put"] += 1
            self.sides[put.side].files.put(row, put.name, content_of(put), ours=False)

    def do(self, deed: Deed) -> None:
        """Carry out one deed, if it is possible at all."""
        if deed.kind in ("raise", "foreign"):
            self._raise(deed)
            return
        row = self.row_of(deed.incident, deed.side)
        if row is None or (row.deleted and deed.kind != "edit") or (row.hidden and deed.kind == "delete"):
            return
        if row.deleted:
            return
        self.world.reach[f"deed {deed.kind}"] += 1
        match deed.kind:
            case "edit":
                self._edit(deed, row)
            case "both":
                self._edit(replace(deed, late=0.0), row)
                again = replace(deed, side=other(deed.side), kind="edit", late=0.0, n=deed.n + 20_000)
                self.world.at(self.world.chance.uniform(0, 0.9), lambda: self.do(again))
            case "resolve" | "close" | "reopen" | "hold":
                self._status(deed, row)
            case _:
                self._tamper(deed, row)

    def row_of(self, number: int, side: Side) -> Row | None:
        """A record of the incident with this number on that side; None if there is none (yet)."""
        if number >= len(self.incidents):
            return None
        incident = self.incidents[number]
        if incident.side == side:
            return incident.row
        mirrors = (r for r in self.sides[side].rows.values() if r.origin and r.origin.id == incident.row.id)
        return next(mirrors, None)

    def _raise(self, deed: Deed) -> None:
        side, n = self.sides[deed.side], deed.n
        names = FIELDS[deed.side]
        values: dict[str, Value] = {names["summary"]: f"Summary {n}", names["description"]: f"Text {n}"}
        values |= self.values_for(deed.side, "subcategory", None, n)
        if n % 2:
            values |= self.values_for(deed.side, "assignee", None, n)
            values |= self.values_for(deed.side, "labels", None, n)
        marker = "elsewhere:ops:4711" if deed.kind == "foreign" else "ALERT-77" if n % 5 == 0 else ""
        row = side.insert(values, "person", marker=marker)
        if n % 4 == 0:
            self._status(replace(deed, unit="status", kind="edit"), row)
        self.incidents.append(Incident(deed.side, row))
        self.world.reach[f"deed {deed.kind}"] += 1

    def _edit(self, deed: Deed, row: Row) -> None:
        if deed.unit == "status":
            self._status(deed, row)
            return
        if deed.unit == "headline":
            values = _headline(deed, row)
        else:
            values = self.values_for(deed.side, deed.unit, row, deed.n)
        self.world.reach[f"edit {deed.unit} at {deed.side}"] += 1
        self._change(self.sides[deed.side], row, values, deed.late)

    def _change(self, side: HostileSide, row: Row, values: Mapping[str, Value], late: float) -> None:
        stamp = side.server_now()
        if not late:
            side.change(row, values, "person")
            return
        self.world.reach["late commit of a person's edit"] += 1
        self.world.at(late, lambda: self._commit(side, row, values, stamp))

    def _commit(self, side: HostileSide, row: Row, values: Mapping[str, Value], stamp: object) -> None:
        if not row.deleted:
            side.change(row, values, "person", stamp=stamp)  # type: ignore[arg-type]

    def values_for(self, side: Side, unit: str, row: Row | None, n: int) -> dict[str, Value]:
        """What a person puts into a field."""
        chance = random.Random(f"{unit} {n}")
        if unit == "priority":
            if side == "jira":
                return {"priority": chance.choice(PRIORITIES)}
            return {"impact": chance.choice("123"), "urgency": chance.choice("123")}
        name = FIELDS[side][unit]
        people, group = ("u", f"g{n}") if side == "servicenow" else ("a", f"Group {n}")
        match unit:
            case "summary":
                return {name: f"Summary {n}"}
            case "description":
                long = f"\n{'long ' * 30}end {n}" if n % 4 == 0 and side == "jira" else ""
                return {name: f"Text {n}{long}"}
            case "category":
                known = CATEGORIES if side == "servicenow" else JIRA_CATEGORIES
                return {name: chance.choice(known)}
            case "subcategory":
                return {name: f"sub{n}"}
            case "labels":
                return {name: self._labels(row, name, n, chance)}
            case "assignee":
                return {name: None if chance.random() < 0.15 else f"{people}{n}"}
            case _:
                return {name: None if chance.random() < 0.15 else group}

    @staticmethod
    def _labels(row: Row | None, name: str, n: int, chance: random.Random) -> Value:
        now = row.values.get(name) if row is not None else None
        members = sorted(now) if isinstance(now, frozenset) else []
        kept = members[1:] if members and chance.random() < 0.4 else members
        added = [] if kept != members and chance.random() < 0.5 else [f"l{n}"]
        return frozenset([*kept, *added]) or None

    def _status(self, deed: Deed, row: Row) -> None:
        self.world.reach[f"edit status at {deed.side}"] += 1
        if deed.side == "jira":
            self._take_transition(deed, row)
        else:
            self._set_state(deed, row)

    def _set_state(self, deed: Deed, row: Row) -> None:
        chance = random.Random(f"status {deed.n}")
        wanted = {"resolve": "6", "close": "7", "reopen": "2", "hold": "3"}.get(deed.kind)
        state = wanted or chance.choice(STATES)
        values: dict[str, Value] = {"state": state}
        if state == "3":
            values["hold_reason"] = chance.choice(("1", "3", "4"))
        if state in ("6", "7"):
            values |= {"close_code": chance.choice(CODES), "close_notes": f"Notes {deed.n}"}
        self._change(self.sides["servicenow"], row, values, deed.late)

    def _take_transition(self, deed: Deed, row: Row) -> None:
        chance = random.Random(f"status {deed.n}")
        moves = self.jira.moves(row)
        wanted = {"resolve": "Resolved", "close": "Closed", "reopen": "In Progress", "hold": "Waiting"}
        fitting = [move for move in moves if move.to == wanted.get(deed.kind, move.to)]
        if not fitting:
            return
        move = chance.choice(fitting)
        values: dict[str, Value] = {"status": move.to}
        if "resolution" in move.required:
            values["resolution"] = chance.choice(RESOLUTIONS)
        if NOTES in move.fields:
            values[NOTES] = f"Notes {deed.n}"
        self.jira.change(row, values, "person")

    def _tamper(self, deed: Deed, row: Row) -> None:
        side = self.sides[deed.side]
        match deed.kind:
            case "note":
                side.touch(row, "person")
            case "move":
                self._move(row, deed.n)
            case "clone":
                self._clone(side, row)
            case "hide" | "unhide":
                # Nothing can find a mirror that is hidden the moment it is made.
                row.hidden = deed.kind == "hide" and self._is_known(row)
                side.touch(row, "person")
            case "delete":
                row.deleted = self._is_known(row)
            case "sour" | "sweeten":
                row.sour = deed.kind == "sour"
            case "garble" | "mend":
                row.garbled = deed.kind == "garble"
                side.touch(row, "automation")
        self.world.tell(f"person at {deed.side} {row.label}: {deed.kind}")

    def _is_known(self, row: Row) -> bool:
        return (self.world.now() - row.created).total_seconds() > 1200

    def _move(self, row: Row, n: int) -> None:
        if row.label.startswith("OPS") and row.id in self.jira.rows and self._is_known(row):
            row.place, row.label = ELSEWHERE, f"DEV-{n}"
            self.jira.touch(row, "person")

    def _clone(self, side: HostileSide, row: Row) -> None:
        """A copy has all fields, the marker too."""
        values = {
            n: v for n, v in row.values.items() if n not in ("status", "resolution", "priority", "state")
        }
        copy = side.insert(values, "person", marker=row.marker)
        copy.copied = True
        if row.marker.startswith("sim:"):
            self.clones.append(copy)
        else:
            self.incidents.append(Incident(side.side, copy))

    def _ambush(self, action: Action, before: bool) -> None:
        """Somebody edits the very record that the engine is writing to."""
        ambush = self._ambushes.get((self.world.edits, before)) if self.world.armed else None
        if ambush is None or not isinstance(action, Update | Transition):
            return
        side = action.ref.side
        row = self.sides[side].rows.get(action.ref.id)
        if row is None or row.deleted:
            return
        unit = _unit_of(action, ambush)
        self.world.reach[f"ambush {'before' if before else 'after'} a write"] += 1
        self.world.tell(f"ambush on {unit}")
        deed = Deed(0, "edit", 0, side, unit, ambush.n)
        self._edit(deed, row)


def _headline(deed: Deed, row: Row) -> dict[str, Value]:
    """Only the first line of the description is edited: the mark of a cut, if there is one, stays."""
    name = FIELDS[deed.side]["description"]
    _, line, rest = str(row.values[name] or "").partition("\n")
    return {name: f"Text {deed.n}{line}{rest}"}


def _unit_of(action: Update | Transition, ambush: Ambush) -> str:
    chance = random.Random(f"ambush {ambush.n}")
    if not ambush.same_field:
        return chance.choice(SINGLE)
    if isinstance(action, Transition):
        return "status"
    names = {name: unit for unit, name in FIELDS[action.ref.side].items()}
    units = [names.get(name, _GROUPED.get(name, "status")) for name in sorted(action.values)]
    return chance.choice(units)


_GROUPED = {"impact": "priority", "urgency": "priority", "priority": "priority"}
