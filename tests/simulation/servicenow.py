"""The hostile ServiceNow: whole seconds, `sys_mod_count`, a computed priority and the close-data policy."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Final

from tests.simulation.settings import LINK, TABLE
from tests.simulation.sides import US, HostileSide, Row
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
    Reviewed,
    ShowLink,
    Transition,
    Update,
    Value,
)
from tieline.connectors.errors import ConnectorError, Rejected

MATRIX: Final = {(i, u): str(i + u - 1) for i in (1, 2, 3) for u in (1, 2, 3)}
ENDED: Final = ("6", "7")


class ServiceNow(HostileSide):
    """One table of incidents."""

    side = "servicenow"
    place = TABLE
    overlap = timedelta(minutes=2)

    def server_now(self) -> datetime:
        """Whole seconds."""
        return super().server_now().replace(microsecond=0)

    def _id(self, number: int) -> str:
        return f"{number:032x}"

    def _label(self, number: int) -> str:
        return f"INC{number:07d}"

    def _blank(self) -> Mapping[str, Value]:
        return {
            "short_description": None, "description": None, "category": "inquiry", "subcategory": None,
            "u_labels": None, "assigned_to": None, "assignment_group": None, "state": "1",
            "hold_reason": None, "close_code": None, "close_notes": None, "impact": "3", "urgency": "3",
            "priority": "5", LINK: None,
        }  # fmt: skip

    def _system_rules(self, row: Row, before: Mapping[str, Value]) -> None:
        values = row.values
        if values["state"] != "3":
            values["hold_reason"] = None
        values["priority"] = MATRIX[int(str(values["impact"])), int(str(values["urgency"]))]

    def _remember(
        self, row: Row, before: Mapping[str, Value], changed: frozenset[str], who: Who, stamp: datetime
    ) -> None:
        """The table keeps no history that we can read."""

    def refusal(self, row: Row | None, action: Action) -> ConnectorError | None:
        """The data policy: a closed incident has a close code and notes."""
        if not isinstance(action, Create | Update):
            return None
        after = {**({} if row is None else row.values), **action.values}
        missing = [name for name in ("close_code", "close_notes") if not after.get(name)]
        if after.get("state") in ENDED and missing:
            return Rejected("Data Policy Exception: mandatory", {missing[0]: "is mandatory"})
        return None

    def _take(self, row: Row | None, action: Action) -> Applied:
        if isinstance(action, Create):
            values = {**action.values, LINK: action.shown or None}
            made = self.insert(values, "tieline", marker=action.marker)
            made.origin = action.origin
            made.notes.extend([action.note] if action.note else [])
            return Applied(Ref(self.side, made.id), self.record(made), alone=True)
        assert row is not None
        seen = (
            int(action.seen.token.partition("@")[0])
            if isinstance(action, Update) and action.seen.token
            else -1
        )
        last = (row.updated, row.updated_by)
        match action:
            case Update():
                self.change(row, action.values, "tieline")
            case ShowLink():
                self._note(row, action.note)
                self.change(row, {LINK: action.label}, "tieline")
            case AddNote():
                self._note(row, action.text)
            case _:
                self.change(row, {LINK: None}, "tieline")
        if not isinstance(action, Update) or seen < 0:
            return Applied(action.ref, self.record(row))
        theirs = row.mod_count == seen + 1 and row.updated_by != US  # set before, and ours changed nothing
        alone = row.mod_count <= seen + 1
        lost = () if alone else (Race("", None, False, row.updated, "" if last[1] == US else last[1]),)
        return Applied(action.ref, self.record(row), alone and not theirs, lost)

    def _reviewed(self, row: Row, write: Update | Transition) -> Reviewed:
        record = self.record(row)
        seen = int(write.seen.token.partition("@")[0])
        stands = all(row.values.get(name) == value for name, value in write.values.items())
        race = (Race("", None, False, row.updated, "" if row.updated_by == US else row.updated_by),)
        if stands and row.mod_count == seen + 1 and row.updated_by != US:  # the one change is somebody else's
            return Reviewed(record, made=False, alone=False)
        if stands:
            alone = row.mod_count <= seen + 1
            return Reviewed(record, True, alone, () if alone else race)
        if row.mod_count == seen:
            return Reviewed(record, made=False)
        return Reviewed(record, None, row.mod_count <= seen + 1, race if row.mod_count > seen + 2 else ())

    def _note(self, row: Row, text: str) -> None:
        if text:
            row.notes.append(text)
            self.touch(row, "tieline")

    def record(self, row: Row) -> Record:
        """The row; ServiceNow tells nothing about single fields."""
        return self._shown(row, {})

    def entity(self, kind: str, id_: str) -> Entity | None:
        """People are u1, u2, ...; groups g1, g2, ..."""
        number = id_[1:]
        if kind == "person":
            return Entity("servicenow", "person", id_, f"Person {number}", f"p{number}@example.com")
        return Entity("servicenow", "group", id_, f"Group {number}")

    def entity_by_key(self, kind: str, key: str) -> Entity | None:
        """Everybody is known here."""
        if kind == "person":
            return self.entity(kind, "u" + key.removeprefix("p").partition("@")[0])
        return self.entity(kind, "g" + key.removeprefix("Group "))
