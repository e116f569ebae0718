"""Follows columns over references (`caller_id.vip`) through the dictionary; it reads no record."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from tieline.connectors.metadata import FieldInfo

Fields = Callable[[str], Mapping[str, FieldInfo]]
"""The columns of a table by name; nothing where they are not shown."""


def astray(place: str, names: Sequence[str], fields_of: Fields) -> dict[str, str]:
    """Those of the names that lead nowhere, with the reason; nothing is said of what is not shown."""
    known: dict[str, Mapping[str, FieldInfo]] = {}

    def fields(table: str) -> Mapping[str, FieldInfo]:
        if table not in known:
            known[table] = fields_of(table)
        return known[table]

    found = {name: _walk(place, name.split("."), fields) for name in names}
    return {name: why for name, why in found.items() if why}


def _walk(table: str, steps: Sequence[str], fields_of: Fields) -> str:
    for number, step in enumerate(steps, 1):
        fields = fields_of(table)
        if not fields:
            return ""
        info = fields.get(step)
        if info is None:
            return f"{table} has no column {step}"
        if number == len(steps):
            return ""
        if not info.reference:
            return f"{table}.{step} is no reference ({info.type})"
        table = info.reference
    return ""
