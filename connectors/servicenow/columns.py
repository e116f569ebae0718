"""Tells columns that this account is not shown from those that a single record hides; it changes nothing.

ServiceNow leaves out of an answer what it does not know, and out of a query a condition on it: then the
query matches everything. So names of the configuration are looked for before they are relied on.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from tieline.connectors.errors import ConfigError
from tieline.connectors.servicenow import query
from tieline.connectors.servicenow.records import Row, plain
from tieline.connectors.servicenow.wire import Wire

_SAMPLE: Final = 100
"""Records that are looked at to tell a column that does not exist from one that a record hides."""


class Columns:
    """The columns of one table that were seen, and the scopes that were checked, while the program runs."""

    def __init__(self, wire: Wire, table: str) -> None:
        self._wire = wire
        self._table = table
        self._known_scopes: frozenset[str] = frozenset({""})
        self._shown: frozenset[str] = frozenset()

    def saw(self, rows: Iterable[Row]) -> None:
        """Remember what these rows show."""
        self._shown = self._shown.union(*rows)

    def check(self, names: Iterable[str]) -> None:
        """ConfigError for columns that no record shows; what a single one hides is its own affair."""
        doubtful = sorted(set(names) - self._shown)
        if not doubtful:
            return
        page, _ = self._wire.rows(self._table, "", ("sys_id", *doubtful), limit=_SAMPLE)
        self.saw(page.rows)
        unknown = [name for name in doubtful if name not in self._shown]
        if page.rows and unknown:
            raise ConfigError(
                f"ServiceNow's table {self._table} shows this account no column "
                f"{', '.join(unknown)}; check the names in the configuration, and the account's rights"
            )

    def check_scope(self, condition: str) -> None:
        """ConfigError for a scope on what is not shown; asked once for each.

        A condition on an unknown column is dropped, and then all records match.
        """
        if condition in self._known_scopes:
            return
        fields = query.scope_fields(condition)
        columns = {field.partition(".")[0] for field in fields}
        asked = ("sys_id", *sorted(fields | columns))
        page, _ = self._wire.rows(self._table, "", asked, limit=1)
        if not page.rows:
            return
        # What a dot leads to shows only where its reference is set.
        row = page.rows[0]
        missing = sorted(
            field for field in fields | columns
            if field not in row and (field in columns or plain(row.get(field.partition(".")[0])))
        )  # fmt: skip
        if missing:
            shown = ", ".join(missing)
            raise ConfigError(f"the scope {condition!r} names what ServiceNow does not show: {shown}")
        self._known_scopes |= {condition}
