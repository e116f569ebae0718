"""Checks the mapped fields of one route against the live metadata: they exist, fit, and can be written."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from tieline.connectors.base import SIDES, FieldKind, Side, other
from tieline.connectors.metadata import FieldInfo, PlaceInfo
from tieline.sync.config.model import FieldConfig
from tieline.sync.marker import Marker, parse_marker
from tieline.sync.setup.findings import Finding
from tieline.sync.setup.live import Live, columns, listing, values

_HOLDS: Final[Mapping[tuple[Side, FieldKind], frozenset[FieldKind]]] = {
    ("servicenow", "line"): frozenset({"line", "text", "choice"}),
    ("servicenow", "text"): frozenset({"line", "text"}),
    ("servicenow", "choice"): frozenset({"choice", "line"}),
    ("servicenow", "person"): frozenset({"person"}),
    ("servicenow", "group"): frozenset({"group"}),
    ("servicenow", "set"): frozenset({"set"}),
    ("servicenow", "people"): frozenset({"set"}),
    ("jira", "line"): frozenset({"line", "text"}),
    ("jira", "text"): frozenset({"text", "line"}),
    ("jira", "choice"): frozenset({"choice", "line"}),
    ("jira", "person"): frozenset({"person"}),
    ("jira", "group"): frozenset({"choice", "group", "line"}),
    ("jira", "set"): frozenset({"set"}),
    ("jira", "people"): frozenset({"set", "line", "text"}),
}
"""The live kinds that can hold what a configured kind says."""
_PLAIN_TYPES: Final = frozenset({"integer", "boolean", "longint"})
"""ServiceNow types without a list that a choice may well be."""
_MARKER_SAMPLE: Final = "f" * 32


def check_fields(live: Live) -> Iterator[Finding]:
    """Existence, types, lengths, lists, screens and the marker."""
    yield from _readable(live)
    for field in live.fields:
        for side in SIDES:
            yield from _one_side(live, field, side)
        yield from _values(live, field)
    yield from _screens(live)
    yield from _marker(live)


def missing(place: PlaceInfo, name: str) -> bool:
    """Whether a field is known not to be there."""
    return bool(place.fields) and name not in place.fields


def _readable(live: Live) -> Iterator[Finding]:
    shown = live.servicenow.readable
    if shown is None:
        yield Finding("TD016", live.route.servicenow.table, "the table has no record that this account sees")
        return
    hidden = [c for c in columns(live.config) if c not in shown and not missing(live.servicenow, c)]
    if hidden:
        yield Finding("TD011", live.route.servicenow.table, f"not shown: {', '.join(hidden)}")


def _one_side(live: Live, field: FieldConfig, side: Side) -> Iterator[Finding]:
    place, name = live.place(side), getattr(field, side)
    where = f"field {field.name}, {side} = {name!r}"
    if missing(place, name):
        yield Finding("TD020", where, f"{place.place} has no {name}")
        return
    info = place.fields.get(name)
    if info is None:
        return
    if not _fits(side, field.kind, info):
        yield Finding("TD021", where, f"kind = {field.kind!r}, and {name} is of the type {info.type}")
    limit = field.longest(side)
    if limit is not None and info.length is not None and limit > info.length:
        yield Finding("TD022", where, f"the limit is {limit} characters, {name} takes {info.length}")


def _fits(side: Side, kind: FieldKind, info: FieldInfo) -> bool:
    if info.kind is None:
        return not info.type or (kind == "choice" and info.type in _PLAIN_TYPES)
    return info.kind in _HOLDS[side, kind]


def _values(live: Live, field: FieldConfig) -> Iterator[Finding]:
    """Mapped values exist, and the lists' values are mapped (or, passed on as they are, exist across)."""
    if field.kind not in ("choice", "set"):
        return
    where = f"field {field.name}, map"
    codes: Mapping[Side, str] = {"servicenow": "TD030", "jira": "TD031"}
    for side, code in codes.items():
        info = live.place(side).fields.get(getattr(field, side))
        known = _listed(info)
        absent = [v for v in values(field.map, side) if known and v not in known]
        if absent and info is not None:
            yield Finding(code, where, f"{info.id} has no {listing(absent)}")
    for side in SIDES:
        yield from _partners(live, field, side, other(side))


def _partners(live: Live, field: FieldConfig, side: Side, back: Side) -> Iterator[Finding]:
    """Values of one side's list that would be held on their way to the other."""
    if field.direction == f"to_{side}":
        return
    mapped = set(values(field.map, side))
    across = _listed(live.place(back).fields.get(getattr(field, back)))
    info = live.place(side).fields.get(getattr(field, side))
    left = [v for v in _listed(info) if v not in mapped]
    if field.unmapped == "pass":
        left = [v for v in left if across and v not in across]
    used = live.place(side).used.get(getattr(field, side), {})
    where = f"field {field.name}, {side} = {getattr(field, side)!r}"
    if in_use := [v for v in left if v in used]:
        yield Finding("TD032", where, f"{listing(in_use)} in use, without a partner in {back}")
    if unused := [v for v in left if v not in used]:
        yield Finding("TD033", where, f"{listing(unused)} without a partner in {back}")


def _listed(info: FieldInfo | None) -> Sequence[str]:
    return [option.value for option in info.options] if info is not None and info.listed else []


# Screens


def given(live: Live) -> dict[str, str]:
    """The Jira fields that a mirror is made with, and the setting that each comes from."""
    config = live.config
    found = {f.jira: f"field {f.name}" for f in live.fields if f.direction != "to_servicenow"}
    if config.priority is not None and config.priority.direction != "to_servicenow":
        found[config.priority.jira] = "priority"
    return found


def _screens(live: Live) -> Iterator[Finding]:
    jira, config = live.jira, live.config
    used = {name: where for name, where in given(live).items() if not missing(jira, name)}
    marked = {config.jira.marker: "jira.marker"}
    if jira.create is not None and live.creates_in_jira:
        for name, where in {**used, **marked}.items():
            if name not in jira.create.fields and (name == "labels" or not missing(jira, name)):
                yield Finding("TD023", where, f"{name} is not on the create screen of {jira.place}")
        for name in sorted(jira.create.required - set(used) - {"reporter"}):
            label = jira.fields[name].label if name in jira.fields else name
            yield Finding("TD025", jira.place, f"the create screen asks for {name} ({label})")
    if jira.edit is None:
        return
    for name, where in used.items():
        if name not in jira.edit.fields:
            yield Finding("TD024", where, f"{name} is not on the edit screen of {jira.place}")


# Marker


def _marker(live: Live) -> Iterator[Finding]:
    yield from _jira_marker(live)
    column, servicenow = live.config.servicenow.marker, live.servicenow
    sample = str(Marker(live.config.installation, live.route.name, _MARKER_SAMPLE))
    info = servicenow.fields.get(column)
    if missing(servicenow, column):
        yield Finding("TD060", "servicenow.marker", f"{servicenow.place} has no column {column}")
    elif info is not None and (info.kind != "line" or len(sample) > (info.length or len(sample))):
        yield Finding("TD060", "servicenow.marker", f"{column} is {info.type}, {info.length} characters")
    foreign = [value for value in servicenow.used.get(column, {}) if parse_marker(value) is None]
    if foreign:
        yield Finding("TD062", "servicenow.marker", f"{len(foreign)} recent incidents carry other values")


def _jira_marker(live: Live) -> Iterator[Finding]:
    name, jira = live.config.jira.marker, live.jira
    if name == "labels":
        return
    info = jira.fields.get(name)
    if info is None and jira.fields:
        yield Finding("TD060", "jira.marker", f"Jira has no field {name}")
    elif info is not None and info.kind != "line":
        yield Finding("TD060", "jira.marker", f"{name} ({info.label}) is of the type {info.type}")
    elif info is not None and not info.searchable:
        yield Finding("TD061", "jira.marker", f"{name} ({info.label}) has no searcher")
