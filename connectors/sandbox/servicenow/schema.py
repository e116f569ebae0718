"""Describes tables the way the dictionary of an instance does; it holds no rows and decides nothing."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final

Row = dict[str, str]
"""One record as stored: every column of its table, in the table's order, "" where empty; times in UTC."""

MOMENTS: Final = frozenset({"glide_date_time", "due_date"})
JOURNALS: Final = frozenset({"journal", "journal_input", "journal_list"})
NUMBERS: Final = frozenset({"integer", "longint"})

SYSTEM_FIELDS: Final = frozenset(
    {"sys_id", "sys_created_on", "sys_created_by", "sys_updated_on", "sys_updated_by", "sys_mod_count",
     "sys_class_name", "sys_domain", "sys_domain_path", "sys_tags"}
)  # fmt: skip
"""What a request body cannot set: the platform fills these in."""


@dataclass(frozen=True, slots=True)
class Column:
    """One dictionary entry. `type` is the internal type; `choice` 1 or 3 means: values from a choice list."""

    name: str
    label: str
    type: str = "string"
    max_length: int = 40
    reference: str = ""
    default: str = ""
    choice: int = 0
    mandatory: bool = False
    dependent: str = ""
    table: str = ""

    @property
    def linked(self) -> bool:
        """Whether answers show it as an object with a link."""
        return self.type in ("reference", "domain_id")

    @property
    def cut(self) -> bool:
        """Whether a text longer than `max_length` is cut on writing."""
        return self.type == "string"


@dataclass(frozen=True, slots=True)
class Table:
    """A table with its inherited columns first; `labels` are its own names for some of those."""

    name: str
    label: str
    columns: Mapping[str, Column]
    display: str
    parent: str = ""
    labels: Mapping[str, str] = field(default_factory=dict)
    key: str = "sys_id"

    @property
    def own(self) -> list[Column]:
        """The columns that this table itself adds."""
        return [column for column in self.columns.values() if column.table == self.name]

    @property
    def lineage(self) -> tuple[str, ...]:
        """The table and its parent, nearest first: where choice lists are looked up."""
        return (self.name, self.parent) if self.parent else (self.name,)

    def label_of(self, name: str) -> str:
        """The label that people, and the messages of data policies, know a column by."""
        return self.labels.get(name) or self.columns[name].label

    def blank(self) -> Row:
        """A row with every column, empty."""
        return dict.fromkeys(self.columns, "")

    def fresh(self) -> Row:
        """A new row with the dictionary's defaults."""
        row = {column.name: column.default for column in self.columns.values()}
        if "sys_class_name" in row:
            row["sys_class_name"] = self.name
        return row


def text(name: str, label: str, max_length: int = 40, default: str = "") -> Column:
    """A column of plain text."""
    return Column(name, label, "string", max_length, default=default)


def number(name: str, label: str, default: str = "") -> Column:
    """A column of whole numbers."""
    return Column(name, label, "integer", default=default)


def flag(name: str, label: str, default: str = "false") -> Column:
    """A column that is true or false."""
    return Column(name, label, "boolean", default=default)


def moment(name: str, label: str, kind: str = "glide_date_time") -> Column:
    """A column with date and time."""
    return Column(name, label, kind)


def reference(name: str, label: str, table: str) -> Column:
    """A column that points to a row of another table."""
    return Column(name, label, "reference", 32, reference=table)


def people(name: str, label: str, table: str = "sys_user") -> Column:
    """A column with a list of sys_ids, joined by commas."""
    return Column(name, label, "glide_list", 4000, reference=table)


def choice(
    name: str, label: str, default: str = "", kind: str = "string", dependent: str = "", none: bool = True
) -> Column:
    """A column whose values come from a choice list; `none` if the list also offers "-- None --"."""
    return Column(name, label, kind, default=default, choice=1 if none else 3, dependent=dependent)


def system_columns() -> list[Column]:
    """The columns of every table."""
    return [
        Column("sys_id", "Sys ID", "GUID", 32),
        text("sys_updated_by", "Updated by"),
        moment("sys_updated_on", "Updated"),
        text("sys_created_by", "Created by"),
        moment("sys_created_on", "Created"),
        number("sys_mod_count", "Updates"),
        Column("sys_tags", "Tags", "related_tags"),
    ]


def domain_columns() -> list[Column]:
    """The columns of tables that are split by domain."""
    return [
        Column("sys_domain", "Domain", "domain_id", 32, reference="sys_user_group", default="global"),
        Column("sys_domain_path", "Domain Path", "domain_path", 255, default="/"),
    ]


def table(
    name: str,
    label: str,
    columns: Iterable[Column],
    *,
    display: str,
    parent: Table | None = None,
    labels: Mapping[str, str] | None = None,
    key: str = "sys_id",
) -> Table:
    """A table from its own columns and, if it extends one, those of its parent."""
    inherited = dict(parent.columns) if parent else {}
    own = {c.name: _owned(c, name) for c in columns}
    return Table(
        name, label, {**inherited, **own}, display, parent.name if parent else "", dict(labels or {}), key
    )


def _owned(column: Column, name: str) -> Column:
    return Column(
        column.name, column.label, column.type, column.max_length, column.reference, column.default,
        column.choice, column.mandatory, column.dependent, name,
    )  # fmt: skip
