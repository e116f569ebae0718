"""Turns rows of the Table API into the port's values and back; it sends nothing."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Any, Final, assert_never

from tieline.connectors.base import Change, Entity, FieldKind, Record, Ref, Tie, Value, Values, Version
from tieline.connectors.errors import Malformed
from tieline.connectors.richtext import canonical_text
from tieline.connectors.servicenow.query import TIME_FORMAT
from tieline.connectors.servicenow.settings import ServiceNowSettings

Row = Mapping[str, Any]

SYSTEM_FIELDS: Final = (
    "sys_id",
    "number",
    "sys_created_on",
    "sys_updated_on",
    "sys_updated_by",
    "sys_mod_count",
)
FEED_FIELDS: Final = ("sys_id", "number", "sys_updated_on", "sys_mod_count")
NOTE_FIELD: Final = "work_notes"


def plain(value: object) -> str:
    """A cell's stored value: bare, or out of {value, link} or {value, display_value}."""
    if isinstance(value, Mapping):
        value = value.get("value")
    if value is None:
        return ""
    return str(value).lower() if isinstance(value, bool) else str(value)


def utc(row: Row, field: str) -> datetime:
    """A time column as UTC; Malformed where it is missing, empty or in somebody's own format."""
    text = plain(row.get(field))
    try:
        return datetime.strptime(text, TIME_FORMAT).replace(tzinfo=UTC)
    except ValueError:
        raise Malformed(f"{label_of(row)}: {field} is not a time: {text!r}") from None


def label_of(row: Row) -> str:
    """What people call the row's record, for messages."""
    return plain(row.get("number")) or plain(row.get("sys_id")) or "a record without number"


def version_of(row: Row) -> Version:
    """sys_mod_count, and sys_updated_on for writes that do not count."""
    return Version(f"{plain(row.get('sys_mod_count'))}@{plain(row.get('sys_updated_on'))}")


def mod_count(version: Version) -> int | None:
    """The sys_mod_count in a version, None if it holds none."""
    text = version.token.partition("@")[0]
    return int(text) if text.isascii() and text.isdigit() else None


def change_of(row: Row) -> Change:
    """One row of the feed."""
    ref = Ref("servicenow", plain(row.get("sys_id")))
    return Change(ref, plain(row.get("number")), version_of(row), utc(row, "sys_updated_on"))


def asked_fields(settings: ServiceNowSettings) -> tuple[str, ...]:
    """The columns that make a Record, in a stable order; what a tie's target is called comes behind a dot."""
    labels = (label_column(name, kind) for name, kind in settings.ties.items())
    own = (
        *SYSTEM_FIELDS,
        settings.marker,
        *link_field(settings),
        *settings.fields,
        *settings.ties,
        *settings.watched,
    )
    return tuple(dict.fromkeys((*own, *labels)))


def link_field(settings: ServiceNowSettings) -> dict[str, FieldKind]:
    """The column that shows the other half, with its kind; empty where none is configured."""
    return {settings.link: "line"} if settings.link else {}


def label_column(column: str, kind: str) -> str:
    """Where the number of the record behind a reference stands; a configuration item has a name instead."""
    return f"{column}.name" if kind == "ci" else f"{column}.number"


def record_of(row: Row, settings: ServiceNowSettings, base_url: str) -> Record:
    """The record in a row.

    Malformed if a column that was asked for is not there: it does not exist, or this account may not read
    it, and taking it for an empty one would carry a deletion across. What is only watched may be hidden.
    """
    missing = sorted(
        f for f in asked_fields(settings) if f not in row and "." not in f and f not in settings.watched
    )
    if missing:
        shown = ", ".join(missing)
        raise Malformed(f"{label_of(row)}: ServiceNow does not show {shown}: no such column, or no right")
    sys_id = plain(row["sys_id"])
    kinds: Mapping[str, FieldKind] = {**settings.watched, **link_field(settings), **settings.fields}
    return Record(
        ref=Ref("servicenow", sys_id),
        label=plain(row["number"]),
        version=version_of(row),
        values=MappingProxyType({field: value_of(row.get(field), kind) for field, kind in kinds.items()}),
        created=utc(row, "sys_created_on"),
        updated=utc(row, "sys_updated_on"),
        updated_by=plain(row["sys_updated_by"]),
        place=settings.table,
        marker=plain(row[settings.marker]),
        url=f"{base_url.rstrip('/')}/nav_to.do?uri={settings.table}.do?sys_id={sys_id}",
        ties=ties_of(row, settings.ties) if settings.ties else None,
    )


def ties_of(row: Row, columns: Mapping[str, str]) -> tuple[Tie, ...]:
    """The references that these columns hold; `columns` tells what kind of record each leads to."""
    return tuple(
        Tie(name, Ref("servicenow", id_, kind), label=plain(row.get(label_column(name, kind))))
        for name, kind in columns.items()
        if (id_ := plain(row.get(name)).strip())
    )


def value_of(cell: object, kind: FieldKind) -> Value:
    """A cell as a value of its kind: text canonical, a list as a set, empty as None."""
    text = plain(cell)
    match kind:
        case "text":
            return canonical_text(text)
        case "line":
            lines = (line.strip() for line in (canonical_text(text) or "").split("\n"))
            return " ".join(filter(None, lines)) or None
        case "choice" | "person" | "group":
            return text.strip() or None
        case "set" | "people":
            return frozenset(part.strip() for part in text.split(",") if part.strip()) or None
        case _:
            assert_never(kind)


def body_of(values: Values) -> dict[str, str]:
    """Values as the Table API takes them: everything a string, a set joined by commas, None as ""."""
    return {field: _wire(value) for field, value in values.items()}


def _wire(value: Value) -> str:
    match value:
        case None:
            return ""
        case frozenset():
            return ",".join(sorted(value))
        case _:
            return value


def people(rows: Iterable[Row]) -> list[Entity]:
    """Rows of sys_user."""
    return [
        Entity(
            "servicenow",
            "person",
            plain(row.get("sys_id")),
            plain(row.get("name")),
            plain(row.get("email")),
            plain(row.get("user_name")),
            plain(row.get("active")) != "false",
        )
        for row in rows
    ]


def groups(rows: Iterable[Row]) -> list[Entity]:
    """Rows of sys_user_group."""
    return [
        Entity(
            "servicenow",
            "group",
            plain(row.get("sys_id")),
            plain(row.get("name")),
            plain(row.get("email")),
            active=plain(row.get("active")) != "false",
        )
        for row in rows
    ]
