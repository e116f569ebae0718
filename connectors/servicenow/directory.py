"""Finds people and groups, by sys_id and by what both sides know them by; it decides nothing about them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice
from typing import Final, Literal, TypeVar

from tieline.connectors.base import Entity, PersonKey
from tieline.connectors.errors import Malformed
from tieline.connectors.servicenow import query
from tieline.connectors.servicenow.records import groups, people
from tieline.connectors.servicenow.wire import Wire

EntityKind = Literal["person", "group"]
T = TypeVar("T")

_TABLES: Final[Mapping[EntityKind, str]] = {"person": "sys_user", "group": "sys_user_group"}
_KEYS: Final[Mapping[EntityKind, str]] = {"person": "email", "group": "name"}
"""What people and groups are known by on both sides."""
_FIELDS: Final = ("sys_id", "name", "email", "user_name", "active")
_SEARCH_LIMIT: Final = 1000


class Directory:
    """sys_user and sys_user_group; up to `read_batch` rows are asked for at once."""

    def __init__(self, wire: Wire, read_batch: int) -> None:
        self._wire = wire
        self._read_batch = read_batch

    def entities(self, kind: EntityKind, ids: Sequence[str]) -> list[Entity]:
        """Those with these sys_ids; Malformed if the answer holds others."""
        found: list[Entity] = []
        for chunk in chunks(askable_ids(ids), self._read_batch):
            entities = self._rows(kind, query.by_ids(chunk), len(chunk) + 1)
            if not {entity.id for entity in entities} <= set(chunk):
                raise Malformed(f"reading {_TABLES[kind]}: the answer holds rows not asked for")
            found += entities
        return found

    def search(self, kind: EntityKind, keys: Sequence[str], by: PersonKey = "email") -> Mapping[str, Entity]:
        """People by e-mail address, or by user name where a key is none; groups by name; only unique matches.

        Each key is asked for as it is and in lower case (instances may compare with case), and compared
        without case.
        """
        found: dict[str, Entity] = {}
        askable = list(dict.fromkeys(key for key in keys if query.is_askable(key)))
        for field in sorted({_field(kind, key, by) for key in askable}):
            mine = (key for key in askable if _field(kind, key, by) == field)
            for chunk in chunks(mine, self._read_batch):
                found |= self._unique(kind, field, chunk)
        return found

    def _unique(self, kind: EntityKind, field: str, keys: Sequence[str]) -> Mapping[str, Entity]:
        spellings = {spelling for key in keys for spelling in (key, key.lower())}
        entities = self._rows(kind, query.any_of(field, spellings), _SEARCH_LIMIT)
        shown = Counter(_known_by(field, entity) for entity in entities)
        if not shown.keys() <= {key.casefold() for key in keys}:
            raise Malformed(f"searching {_TABLES[kind]}: the answer holds rows not asked for")
        unique = {
            _known_by(field, entity): entity for entity in entities if shown[_known_by(field, entity)] == 1
        }
        return {key: unique[key.casefold()] for key in keys if key.casefold() in unique}

    def _rows(self, kind: EntityKind, asked: str, limit: int) -> list[Entity]:
        table, key = _TABLES[kind], _KEYS[kind]
        page = self._wire.all_rows(table, asked, _FIELDS, limit=limit, insist=True)
        if any(key not in row for row in page.rows):
            raise Malformed(f"ServiceNow does not show {key} of {table}: grant the account the right")
        return people(page.rows) if kind == "person" else groups(page.rows)


def askable_ids(ids: Iterable[str]) -> list[str]:
    """Those that can stand in a query, each once."""
    return [each for each in dict.fromkeys(ids) if query.is_id(each)]


def chunks(items: Iterable[T], size: int) -> Iterator[list[T]]:
    """The items in lists of `size` at most."""
    left = iter(items)
    while chunk := list(islice(left, size)):
        yield chunk


def _field(kind: EntityKind, key: str, by: PersonKey = "email") -> str:
    """The column that a key is searched in: an address has an @, a user name in the map has none."""
    if kind == "person" and by != "email":
        return by
    return "user_name" if kind == "person" and "@" not in key else _KEYS[kind]


def _known_by(field: str, entity: Entity) -> str:
    value = {"email": entity.email, "user_name": entity.user_name, "name": entity.name}[field]
    return value.strip().casefold()
