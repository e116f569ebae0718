"""Shows stored rows as the Table API does: raw, as display values, or both; it selects and decides nothing.

Source: REST API reference, Table API, `sysparm_display_value`, `sysparm_fields`,
`sysparm_exclude_reference_link`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal

from tieline.connectors.sandbox.servicenow.choices import ChoiceLists
from tieline.connectors.sandbox.servicenow.moments import Preferences, duration_shown, shown
from tieline.connectors.sandbox.servicenow.paths import Path, find_path
from tieline.connectors.sandbox.servicenow.schema import JOURNALS, MOMENTS, NUMBERS, Column, Row, Table
from tieline.connectors.sandbox.servicenow.store import Store

Display = Literal["false", "true", "all"]

_BY_NAME: Final = frozenset({"sys_glide_object", "sys_db_object"})
"""Tables that references of the dictionary address by name instead of sys_id."""


@dataclass(frozen=True, slots=True)
class View:
    """How one request wants its records: mode, whether links are left out, and the asking user's taste.

    `tables_url` is the address of the Table API as the client wrote it: links in the answer start with it.
    """

    display: Display
    exclude_link: bool
    user: Preferences
    tables_url: str


class Wire:
    """Renders rows of the store."""

    def __init__(self, store: Store, choices: ChoiceLists) -> None:
        self._store = store
        self._choices = choices
        self._linked = {t.name: [c for c in t.columns.values() if c.linked] for t in store.tables.values()}

    def records(self, table: Table, rows: Sequence[Row], fields: str, view: View) -> list[dict[str, Any]]:
        """The rows with the named fields (comma-separated, dot-walked too); all of them without names.

        Names that mean nothing are left out, as they are by the instance.
        """
        if not fields.strip():
            return [self._whole(table, row, view) for row in rows]
        render = self._renderer(view)
        named = [(n, p.table, p.column, p.reader) for n, p in self.paths(table, fields).items()]
        records = [{name: render(at, column, read(row)) for name, at, column, read in named} for row in rows]
        return records if view.display == "false" else self._with_journals(table, rows, records, view)

    def paths(self, table: Table, fields: str) -> Mapping[str, Path]:
        """The paths behind a comma-separated list of names, without those that mean nothing."""
        names = dict.fromkeys(name.strip() for name in fields.split(","))
        found = {name: find_path(self._store, table, name) for name in names}
        return {name: path for name, path in found.items() if path is not None}

    def shown(self, table: Table, column: Column, value: str, user: Preferences) -> str:
        """A stored value as people see it; an empty due date of an SLA reads "UNKNOWN"."""
        if value == "":
            return "UNKNOWN" if column.type == "due_date" else ""
        if column.choice:
            return self._choices.labels(table, column.name).get(value, value)
        return self._shown_by_type(column, value, user)

    def _shown_by_type(self, column: Column, value: str, user: Preferences) -> str:
        kind = column.type
        if kind in MOMENTS:
            return shown(value, user)
        if kind in NUMBERS:
            return f"{int(value):,}"
        if kind == "glide_duration":
            return duration_shown(value)
        if kind == "reference":
            by_name = column.reference in _BY_NAME
            return value if by_name else self._store.display(column.reference, value)
        if kind == "glide_list":
            return ", ".join(self._store.display(column.reference, v) or v for v in value.split(","))
        if kind == "sys_class_name":
            known = self._store.tables.get(value)
            return known.label if known else value
        return value

    def _whole(self, table: Table, row: Row, view: View) -> dict[str, Any]:
        if view.display == "false":
            return row if view.exclude_link else self._raw_whole(table, row, view)
        render = self._renderer(view)
        record = {name: render(table, column, row[name]) for name, column in table.columns.items()}
        return self._with_journals(table, [row], [record], view)[0]

    def _with_journals(
        self, table: Table, rows: Sequence[Row], records: list[dict[str, Any]], view: View
    ) -> list[dict[str, Any]]:
        """Journals are empty as values; as people see them they are all entries, the newest first."""
        names = {n for n, column in table.columns.items() if column.type in JOURNALS}
        for row, record in zip(rows, records, strict=True):
            for name in names & record.keys():
                text = self._journal(table, row["sys_id"], name, view.user)
                record[name] = text if view.display == "true" else {"display_value": text, "value": ""}
        return records

    def _journal(self, table: Table, sys_id: str, name: str, user: Preferences) -> str:
        column = table.columns[name]
        entries = [
            row for row in self._store.rows("sys_journal_field").having("element_id", sys_id)
            if column.type == "journal_list" or row["element"] == name
        ]  # fmt: skip
        entries.sort(key=lambda row: row["sys_created_on"])
        shown_entries = []
        for entry in reversed(entries):
            when, by = shown(entry["sys_created_on"], user), self._named(entry["sys_created_by"])
            label = table.label_of(entry["element"])
            shown_entries.append(f"{when} - {by} ({label})\n{entry['value']}\n\n")
        return "".join(shown_entries)

    def _named(self, user_name: str) -> str:
        found = self._store.rows("sys_user").having("user_name", user_name)
        return next((row["name"] for row in found), user_name)

    def _raw_whole(self, table: Table, row: Row, view: View) -> dict[str, Any]:
        answer: dict[str, Any] = dict(row)
        for column in self._linked[table.name]:
            value = row[column.name]
            if value:
                answer[column.name] = {"link": _link(column, value, view), "value": value}
        return answer

    def _renderer(self, view: View) -> Callable[[Table, Column, str], Any]:
        def raw(table: Table, column: Column, value: str) -> Any:
            if view.exclude_link or not column.linked or not value:
                return value
            return {"link": _link(column, value, view), "value": value}

        def people(table: Table, column: Column, value: str) -> Any:
            display = self.shown(table, column, value, view.user)
            if view.exclude_link or not column.linked or not value:
                return display
            return {"display_value": display, "link": _link(column, value, view)}

        def both(table: Table, column: Column, value: str) -> Any:
            answer = {"display_value": self.shown(table, column, value, view.user), "value": value}
            if column.linked and value and not view.exclude_link:
                answer["link"] = _link(column, value, view)
            return answer

        return {"false": raw, "true": people, "all": both}[view.display]


def _link(column: Column, value: str, view: View) -> str:
    if column.reference in _BY_NAME:
        return f"{view.tables_url}/{column.reference}?name={value}"
    return f"{view.tables_url}/{column.reference}/{value}"
