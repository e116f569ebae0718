"""Reads the values of a write the way the Table API does; what makes no sense is left out, never an error."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from tieline.connectors.sandbox.servicenow import moments
from tieline.connectors.sandbox.servicenow.choices import ChoiceLists
from tieline.connectors.sandbox.servicenow.moments import Preferences
from tieline.connectors.sandbox.servicenow.properties import FREE_CHOICES, Properties
from tieline.connectors.sandbox.servicenow.schema import (
    JOURNALS,
    MOMENTS,
    NUMBERS,
    SYSTEM_FIELDS,
    Column,
    Table,
)
from tieline.connectors.sandbox.servicenow.store import Store

_TRUE: Final = frozenset({"true", "1", "yes"})

_ALWAYS_CHOSEN: Final = 3
"""The dictionary's word for a choice list that offers no "-- None --"."""


@dataclass(frozen=True, slots=True)
class Given:
    """What a write gives: stored values by column, and journal entries as (column, text)."""

    values: Mapping[str, str]
    notes: tuple[tuple[str, str], ...] = ()


class Inputs:
    """Reads bodies against the dictionary."""

    def __init__(self, store: Store, choices: ChoiceLists, properties: Properties) -> None:
        self._store = store
        self._choices = choices
        self._properties = properties

    def read(self, table: Table, body: Mapping[str, Any], user: Preferences, *, display: bool) -> Given:
        """The body's values. With `display` they are labels, names and the user's dates."""
        values: dict[str, str] = {}
        notes: list[tuple[str, str]] = []
        for name, said in body.items():
            column = table.columns.get(name)
            if column is None or name in SYSTEM_FIELDS:
                continue
            text = _text(said)
            if column.type in JOURNALS:
                if column.type == "journal_input" and text:
                    notes.append((name, text))
                continue
            value = self._stored(table, column, text, user, display) if text else _emptied(column)
            if value is not None:
                values[name] = value
        return Given(values, tuple(notes))

    def _stored(
        self, table: Table, column: Column, text: str, user: Preferences, display: bool
    ) -> str | None:
        if column.choice:
            return self._choice(table, column, text, display)
        if column.type == "reference":
            return self._reference(column, text)
        if column.type in MOMENTS:
            return moments.understood(text, user) if display else moments.literal(text)
        if column.type in NUMBERS:
            return _whole(text)
        if column.type == "boolean":
            return "true" if text.casefold() in _TRUE else "false"
        return text[: column.max_length] if column.cut else text

    def _choice(self, table: Table, column: Column, text: str, display: bool) -> str | None:
        labels = self._choices.labels(table, column.name)
        if text in labels or not labels:
            return text
        found = self._choices.value_of(table, column.name, text) if display else None
        free = found is None and self._properties.on(FREE_CHOICES)
        return text[: column.max_length] if free else found

    def _reference(self, column: Column, text: str) -> str | None:
        if column.reference not in self._store.tables or self._store.find(column.reference, text):
            return text
        return self._store.named(column.reference, text)


def _text(said: Any) -> str:
    if isinstance(said, bool):
        return "true" if said else "false"
    if isinstance(said, Mapping):
        return _text(said.get("value"))
    if isinstance(said, list):
        return ",".join(_text(item) for item in said)
    return "" if said is None else str(said)


def _emptied(column: Column) -> str | None:
    return None if column.choice == _ALWAYS_CHOSEN else ""


def _whole(text: str) -> str | None:
    bare = text.replace(",", "")
    return str(int(bare)) if bare.lstrip("-").isdecimal() else None
