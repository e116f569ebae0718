"""The hostile Jira: a workflow, screens, a changelog, a search index that lags, answers that show nothing."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Final

from tests.simulation.settings import NOTES, PLACE, WORKFLOW
from tests.simulation.sides import US, Entry, HostileSide, Row
from tests.simulation.world import Who
from tieline.connectors.base import (
    Action,
    AddNote,
    Applied,
    Create,
    Entity,
    Race,
    Record,
    Ref,
    RemoveLink,
    Reviewed,
    ShowLink,
    Touch,
    Transition,
    Update,
    Value,
)
from tieline.connectors.errors import ConnectorError, Rejected, Stale

DONE: Final = ("Resolved", "Closed", "Canceled")
SET_FIELDS: Final = ("labels",)
TEXT_FIELDS: Final = ("description", NOTES)


class Jira(HostileSide):
    """One site. With `cloud` False an edit's answer shows nothing, as on Data Center."""

    side = "jira"
    place = PLACE
    overlap = timedelta(minutes=5)

    def _id(self, number: int) -> str:
        return str(10_000 + number)

    def _label(self, number: int) -> str:
        return f"OPS-{number}"

    def _blank(self) -> Mapping[str, Value]:
        return {
            "summary": None, "description": None, "customfield_10051": None, "customfield_10052": None,
            "labels": None, "assignee": None, "customfield_10050": None, "status": "Open", "resolution": None,
            NOTES: None, "priority": "Medium",
        }  # fmt: skip

    def _system_rules(self, row: Row, before: Mapping[str, Value]) -> None:
        if row.values["status"] not in DONE:
            row.values["resolution"] = None

    def _remember(
        self, row: Row, before: Mapping[str, Value], changed: frozenset[str], who: Who, stamp: datetime
    ) -> None:
        person = who != "automation"
        row.changelog.extend(
            Entry(stamp, self._by(who), person, name, before.get(name), row.values[name])
            for name in sorted(changed)
        )

    def _index(self, row: Row) -> None:
        """The search index learns of a change a little later."""
        known = (row.updated, row.marker, row.place)

        def learn() -> None:
            row.indexed = known

        self.world.at(self.world.chance.uniform(0, self.world.scenario.traits.lag), learn)

    def _is_fed(self, row: Row) -> bool:
        return not row.deleted and row.indexed is not None and row.indexed[2].startswith("OPS/")

    def _holders(self, marker: str, watermark: str) -> list[Row]:
        """By the index, and by reading the keys above the watermark."""
        above = int(watermark) if watermark else len(self.rows) + 1
        return [
            row
            for number, row in enumerate(self.rows.values(), 1)
            if row.visible and row.marker == marker
            and (number > above or (row.indexed is not None and row.indexed[1] == marker))
        ]  # fmt: skip

    def watermark(self, place: str) -> str:
        """The highest key so far."""
        self._read("watermark")
        self.world.answered()
        return str(len(self.rows))

    def refusal(self, row: Row | None, action: Action) -> ConnectorError | None:
        """The workflow and its screens."""
        match action:
            case Update(values=values):
                wrong = {"status", "resolution"} & values.keys()
                return Rejected("not on the screen", dict.fromkeys(wrong, "cannot be set")) if wrong else None
            case Create(values=values):
                return (
                    Rejected("not on the screen", {"status": "cannot be set"}) if "status" in values else None
                )
            case Transition():
                assert row is not None
                return self._transition_refusal(row, action)
            case _:
                return None

    def _transition_refusal(self, row: Row, action: Transition) -> ConnectorError | None:
        move = next((m for m in self.moves(row) if m.id == action.move.id), None)
        if move is None:
            return Stale(f"transition {action.move.id} is not open from {row.values['status']}")
        unknown = action.values.keys() - move.fields
        missing = [name for name in move.required if not action.values.get(name)]
        if unknown or missing:
            wrong = dict.fromkeys([*unknown, *missing], "is wrong here")
            return Rejected("the screen does not take this", wrong)
        return None

    @staticmethod
    def moves(row: Row) -> tuple:  # type: ignore[type-arg]
        """The transitions open now."""
        return WORKFLOW[str(row.values["status"])]

    def _take(self, row: Row | None, action: Action) -> Applied:
        if isinstance(action, Create):
            made = self.insert(action.values, "tieline", marker=action.marker, place=action.place)
            made.origin = action.origin
            return Applied(Ref(self.side, made.id))
        assert row is not None
        match action:
            case Update():
                self.change(row, {**action.values, **_element_by_element(row, action)}, "tieline")
                if not self.world.scenario.traits.cloud:
                    return Applied(action.ref)
                races = self._races(row, action)
                return Applied(action.ref, self.record(row), self._alone(row, action, races), races)
            case Transition():
                self.change(row, {**action.values, "status": action.move.to}, "tieline")
            case ShowLink():
                row.links[action.global_id] = action.label
                self.touch(row, "tieline")
            case AddNote():
                row.notes.append(action.text)
                self.touch(row, "tieline")
            case RemoveLink():
                row.links.pop(action.global_id, None)
            case _:
                raise AssertionError("files, entries and ties are taken elsewhere")
        return Applied(action.ref)

    def _reviewed(self, row: Row, write: Update | Transition) -> Reviewed:
        record, since, sent = self.record(row), _since(write), _sent(write)
        changed = [name for name, value in sent.items() if write.before.get(name) != value]
        if any(_is_it(entry, write, since) for entry in row.changelog if entry.field in changed):
            races = self._races(row, write, exactly=True)
            return Reviewed(record, True, self._alone(row, write, races), races)
        return Reviewed(record, False if changed else None)

    def _races(self, row: Row, action: Update | Transition, *, exactly: bool = False) -> tuple[Race, ...]:
        since, sent = _since(action), _sent(action)
        found = []
        for name in sorted(sent):
            own = [entry for entry in row.changelog if entry.field == name]
            mine = [
                _is_it(e, action, since)
                if exactly
                else _is_ours(e, since) and not _led_to_it(e, action, since)
                for e in own
            ]
            ours = next((n for n in range(len(own) - 1, -1, -1) if mine[n]), None)
            if ours is None or own[ours].old == action.before.get(name) or name not in action.before:
                continue
            theirs = next((entry for entry in reversed(own[:ours]) if entry.at >= since), None)
            if name in (*SET_FIELDS, *TEXT_FIELDS) and (theirs is None or theirs.by == US):
                continue
            found.append(
                Race(name, own[ours].old, True, theirs.at if theirs else None, theirs.by if theirs else "")
            )
        return tuple(found)

    def _alone(self, row: Row, action: Update | Transition, races: tuple[Race, ...]) -> bool | None:
        since = _since(action)
        if races:
            return False
        if not any(entry.by == US and entry.at >= since for entry in row.changelog):
            return None
        later = [entry for entry in row.changelog if entry.at > since]
        return True if all(entry.by == US for entry in later) else None

    def record(self, row: Row) -> Record:
        """The row with its open transitions and the last change of each field."""
        touched = {entry.field: Touch(entry.at, entry.by, entry.person) for entry in row.changelog}
        return self._shown(row, touched, self.moves(row))

    def entity(self, kind: str, id_: str) -> Entity | None:
        """People are a1, a2, ... (each thirteenth does not exist); groups are known by name."""
        if kind == "person":
            number = id_[1:]
            known = int(number) % 13 != 0
            return (
                Entity("jira", "person", id_, f"Person {number}", f"p{number}@example.com") if known else None
            )
        known = int(id_.removeprefix("Group ")) % 11 != 0
        return Entity("jira", "group", id_, id_) if known else None

    def entity_by_key(self, kind: str, key: str) -> Entity | None:
        """By e-mail address, or by name."""
        return self.entity(kind, "a" + key.removeprefix("p").partition("@")[0] if kind == "person" else key)


def _sent(action: Update | Transition) -> Mapping[str, Value]:
    return {**action.values, "status": action.move.to} if isinstance(action, Transition) else action.values


def _is_it(entry: Entry, action: Update | Transition, since: datetime) -> bool:
    if not _is_ours(entry, since) or _led_to_it(entry, action, since):
        return False
    return entry.field in (*SET_FIELDS, *TEXT_FIELDS) or entry.new == _sent(action)[entry.field]


def _is_ours(entry: Entry, since: datetime) -> bool:
    return entry.by == US and entry.at >= since


def _led_to_it(entry: Entry, action: Update | Transition, since: datetime) -> bool:
    """Whether an entry made what the write was decided from, so that it is an earlier write of ours."""
    name, before = entry.field, action.before
    if name not in before or entry.new != before[name]:
        return False
    return _sent(action).get(name) != before[name] or entry.at <= since


def _since(action: Update | Transition) -> datetime:
    return datetime.fromisoformat(action.seen.token.partition("@")[2])


def _element_by_element(row: Row, action: Update) -> Mapping[str, Value]:
    """Sets are edited by adding and removing, so that what others did to them stays."""
    if "labels" not in action.values or "labels" not in action.before:
        return {}
    now, before, wanted = (_set(v.get("labels")) for v in (row.values, action.before, action.values))
    return {"labels": ((now - (before - wanted)) | (wanted - before)) or None}


def _set(value: Value) -> frozenset[str]:
    return value if isinstance(value, frozenset) else frozenset()
