"""Writes records: reads the input, runs the rules, stamps and stores; people and the REST APIs share it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from random import Random
from typing import Any, Final

from tieline.connectors.sandbox.servicenow.answers import no_record, operation_failed
from tieline.connectors.sandbox.servicenow.inputs import Given, Inputs
from tieline.connectors.sandbox.servicenow.moments import Preferences, stored
from tieline.connectors.sandbox.servicenow.rules import Abort, BusinessRule, PlainRules, TableRules
from tieline.connectors.sandbox.servicenow.schema import Row, Table
from tieline.connectors.sandbox.servicenow.store import Store

_PREFIXES: Final = {"incident": "INC", "problem": "PRB", "change_request": "CHG"}
_FIRST_NUMBER: Final = 10_001
"""Numbers below are those of demo data."""


_FIRST_STATES: Final[Mapping[str, Mapping[str, str]]] = {
    "problem": {"state": "101"},
    "change_request": {"state": "-5"},
}
"""Where a table's own state list begins; the column's default is that of all tasks."""


@dataclass(frozen=True, slots=True)
class Actor:
    """Who writes: user name, sys_id, and taste in dates."""

    user_name: str
    sys_id: str
    user: Preferences


@dataclass(slots=True)
class Writing:
    """How writes behave on this instance.

    `idle_writes_count` makes a write that changes nothing bump sys_mod_count and sys_updated_on.
    `rules` run, in order, in the transaction of each write of an incident.
    """

    idle_writes_count: bool = False
    rules: list[BusinessRule] = field(default_factory=list)


class Records:
    """The one way rows come to be, change and go. `now` gives the server's time, skew included."""

    def __init__(
        self,
        store: Store,
        inputs: Inputs,
        rules: Mapping[str, TableRules],
        writing: Writing,
        now: Callable[[], datetime],
        random: Random,
    ) -> None:
        self._store = store
        self._inputs = inputs
        self._rules = rules
        self._writing = writing
        self._now = now
        self._random = random
        self._last_number: dict[str, int] = {}
        self.touched: dict[str, None] = {}

    def insert(self, table: Table, body: Mapping[str, Any], actor: Actor, *, display: bool = False) -> Row:
        """Add a record and return it; `Refusal` if a policy or rule says no."""
        now, rules = stored(self._now()), self._rules.get(table.name) or PlainRules()
        given = self._inputs.read(table, body, actor.user, display=display)
        start = _FIRST_STATES.get(table.name, {})
        defaults = rules.defaults(self._next_number(table), now, actor.sys_id)
        values = {name: value for name, value in given.values.items() if value or name not in defaults}
        row = self._settle(table, rules, None, {**table.fresh(), **start, **defaults, **values}, now, actor)
        row["sys_id"] = self.new_id()
        self._stamp(row, now, actor, created=True)
        self._keep(table, row, given, now, actor)
        return row

    def update(
        self, table: Table, sys_id: str, body: Mapping[str, Any], actor: Actor, *, display: bool = False
    ) -> Row:
        """Change the named fields and return the record; `Refusal` (404 if it is missing)."""
        before = self._store.rows(table.name).get(sys_id)
        if before is None:
            raise no_record()
        now, rules = stored(self._now()), self._rules.get(table.name) or PlainRules()
        given = self._inputs.read(table, body, actor.user, display=display)
        after = self._settle(table, rules, before, {**before, **given.values}, now, actor)
        if not rules.takes_notes(before, after):
            given = Given(given.values)
        if after == before and not given.notes and not self._writing.idle_writes_count:
            return before
        self._stamp(after, now, actor, created=False)
        self._keep(table, after, given, now, actor)
        return after

    def delete(self, table: Table, sys_id: str) -> None:
        """Remove the record; `Refusal` if it is missing."""
        if self._store.rows(table.name).get(sys_id) is None:
            raise no_record()
        self._store.rows(table.name).remove(sys_id)

    def _next_number(self, table: Table) -> str:
        prefix = _PREFIXES.get(table.name)
        if prefix is None:
            return ""
        taken = True
        while taken:
            self._last_number[table.name] = self._last_number.get(table.name, _FIRST_NUMBER - 1) + 1
            number = f"{prefix}{self._last_number[table.name]:07}"
            taken = bool(self._store.rows(table.name).having("number", number))
        return number

    def new_id(self) -> str:
        """A sys_id, from the seed."""
        return f"{self._random.getrandbits(128):032x}"

    def _settle(
        self, table: Table, rules: TableRules, before: Row | None, wished: Row, now: str, actor: Actor
    ) -> Row:
        row = rules.settle(before, wished, now, actor.sys_id)
        changes = self._rule_changes(table, before, row, actor)
        if changes:
            row = rules.settle(before, {**wished, **changes}, now, actor.sys_id)
        missing = [table.label_of(name) for name in rules.missing(row)]
        if missing:
            fields = ", ".join(missing)
            raise operation_failed(f"Data Policy Exception: The following fields are mandatory: {fields}")
        return row

    def _rule_changes(self, table: Table, before: Row | None, row: Row, actor: Actor) -> Mapping[str, str]:
        rules: Sequence[BusinessRule] = self._writing.rules if table.name == "incident" else ()
        changes: dict[str, str] = {}
        for rule in rules:
            try:
                wanted = rule(before, row | changes, actor.user_name) or {}
            except Abort as abort:
                where = f"Operation against file '{table.name}' was aborted by Business Rule"
                stack = f"Business Rule Stack:{abort}"
                raise operation_failed(f"{where} '{abort}^{self.new_id()}'. {stack}") from None
            changes.update((name, value) for name, value in wanted.items() if name in table.columns)
        return changes

    def _stamp(self, row: Row, now: str, actor: Actor, *, created: bool) -> None:
        stamps = {"sys_updated_on": now, "sys_updated_by": actor.user_name}
        if created:
            stamps |= {"sys_created_on": now, "sys_created_by": actor.user_name}
        if "sys_mod_count" in row:
            row["sys_mod_count"] = "0" if created else str(int(row["sys_mod_count"]) + 1)
        row.update((name, value) for name, value in stamps.items() if name in row)

    def _keep(self, table: Table, row: Row, given: Given, now: str, actor: Actor) -> None:
        self._store.rows(table.name).put(row)
        if table.name == "incident":
            self.touched[row["sys_id"]] = None
        for element, text in given.notes:
            self._journal(table, row["sys_id"], element, text, now, actor)

    def _journal(self, table: Table, sys_id: str, element: str, text: str, now: str, actor: Actor) -> None:
        rows = self._store.rows("sys_journal_field")
        entry = {
            "sys_id": self.new_id(), "sys_created_on": now, "sys_created_by": actor.user_name,
            "name": table.name, "element": element, "element_id": sys_id, "value": text,
        }  # fmt: skip
        rows.put(rows.table.blank() | entry)
