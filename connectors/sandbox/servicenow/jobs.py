"""What the instance does by itself, as user "system": rules that run after the fact, and auto-close."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Final

from tieline.connectors.sandbox.servicenow.answers import Refusal
from tieline.connectors.sandbox.servicenow.choices import CLOSED, RESOLVED
from tieline.connectors.sandbox.servicenow.moments import stored
from tieline.connectors.sandbox.servicenow.properties import AUTOCLOSE_DAYS, Properties
from tieline.connectors.sandbox.servicenow.records import Actor, Records
from tieline.connectors.sandbox.servicenow.rules import BusinessRule
from tieline.connectors.sandbox.servicenow.schema import Row
from tieline.connectors.sandbox.servicenow.store import Store

_CLOSING_COMMENT: Final = "Incident automatically closed after {days:g} days in the Resolved state."


class Jobs:
    """Runs when told to; each change it makes is a write of its own."""

    def __init__(
        self, store: Store, records: Records, properties: Properties, now: Callable[[], datetime]
    ) -> None:
        self._incident = store.tables["incident"]
        self._rows = store.rows("incident")
        self._records = records
        self._properties = properties
        self._now = now
        self.rules: list[BusinessRule] = []

    def run(self, system: Actor) -> int:
        """Run the rules on what was written since the last run, then auto-close; the number of writes."""
        return self._run_rules(system) + self._close_resolved(system)

    def _run_rules(self, system: Actor) -> int:
        written, touched = 0, list(self._records.touched)
        self._records.touched.clear()
        for sys_id in touched if self.rules else ():
            for rule in self.rules:
                row = self._rows.get(sys_id)
                changes = None if row is None else rule(row, row, system.user_name)
                if changes:
                    written += self._write(sys_id, dict(changes), system)
        self._records.touched.clear()
        return written

    def _close_resolved(self, system: Actor) -> int:
        days = self._properties.days(AUTOCLOSE_DAYS)
        if days is None:
            return 0
        before = stored(self._now() - timedelta(days=days))
        due = [r["sys_id"] for r in self._rows.having("state", RESOLVED) if r["sys_updated_on"] <= before]
        comment = _CLOSING_COMMENT.format(days=days)
        return sum(self._write(i, {"state": CLOSED, "comments": comment}, system) for i in due)

    def _write(self, sys_id: str, changes: dict[str, str], system: Actor) -> int:
        before: Row | None = self._rows.get(sys_id)
        try:
            return int(self._records.update(self._incident, sys_id, changes, system) is not before)
        except Refusal:
            return 0
