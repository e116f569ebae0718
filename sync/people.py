"""Finds out who is who: a Directory for the people and groups of a wave, from the state or the sides."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from pathlib import Path

from tieline.connectors.base import SIDES, Connector, Entity, PersonKey, Record, Side, other
from tieline.connectors.errors import ConfigError
from tieline.sync.config.model import Config, ValueEdge
from tieline.sync.entities import EntityUnit
from tieline.sync.mapping import Directory, EntityKind
from tieline.sync.store import Store
from tieline.sync.vocabulary import Vocabulary

Key = tuple[Side, EntityKind, str]


class People:
    """Looks each person and group up once, keeps what it found for as long as the configuration believes it.

    With `remember=False` nothing is written to the state (a dry run).
    """

    def __init__(
        self, config: Config, store: Store, sides: Mapping[Side, Connector], *, remember: bool = True
    ) -> None:
        self._config = config
        self._store = store
        self._sides = sides
        self._remember = remember
        self._edges = {"person": person_edges(config), "group": config.groups.map}
        self._partners: dict[Key, str | None] = {}
        self._names: dict[Key, str] = {}
        self._checked: dict[Key, datetime] = {}

    def directory(self, looked_at: Iterable[tuple[Record, Vocabulary]], now: datetime) -> Directory:
        """The Directory for everybody in these records."""
        wanted: set[Key] = set()
        for record, vocabulary in looked_at:
            side = record.ref.side
            for unit in vocabulary.units:
                wanted |= {(side, kind, id_) for kind, id_ in unit.entities(side, record.values)}
                wanted |= set(unit.lookups()) if isinstance(unit, EntityUnit) else set()
        oldest = now - self._config.people.max_age
        stale = {key for key in wanted if self._checked.get(key, oldest) <= oldest}
        for side in SIDES:
            for kind in ("person", "group"):
                ids = sorted(id_ for s, k, id_ in stale if s == side and k == kind)
                if ids:
                    self._find(side, kind, ids, oldest, now)
        return Directory(self._partners, self._names)

    def known(
        self, side: Side, kind: EntityKind, ids: Sequence[str], now: datetime
    ) -> list[tuple[Entity, Entity | None]]:
        """These people or groups, each with its partner, as they are found now; whatever is remembered."""
        return self._find(side, kind, list(ids), now, now) if ids else []

    def _find(
        self, side: Side, kind: EntityKind, ids: list[str], oldest: datetime, now: datetime
    ) -> list[tuple[Entity, Entity | None]]:
        with self._store.read() as tx:
            cached = tx.entities(side, kind, ids)
        fresh = {id_: row for id_, row in cached.items() if row[2] > oldest}
        for entity, partner, at in fresh.values():
            self._keep(entity, partner, at)
        missing = [id_ for id_ in ids if id_ not in fresh]
        if not missing:
            return [(entity, partner) for entity, partner, _ in fresh.values()]
        found = {entity.id: entity for entity in self._sides[side].entities(kind, missing)}
        entities = [found.get(id_, Entity(side, kind, id_, id_, active=False)) for id_ in missing]
        rows = self._match(side, kind, entities)
        for entity, partner in rows:
            self._keep(entity, partner, now)
        if self._remember:
            with self._store.transaction() as tx:
                tx.save_entities(rows, now)
        return [*rows, *((entity, partner) for entity, partner, _ in fresh.values())]

    def _match(
        self, side: Side, kind: EntityKind, entities: list[Entity]
    ) -> list[tuple[Entity, Entity | None]]:
        """Each entity with its counterpart: by the configured map, else by what is said to make them one."""
        mapped = {entity.id: self._mapped(entity) for entity in entities}
        across = self._sides[other(side)]
        named = sorted({name for name in mapped.values() if name})
        found = {entity.id.casefold(): entity for entity in across.entities(kind, named)} if named else {}
        partners = {id_: found.get(name.casefold()) for id_, name in mapped.items() if name}
        ways: tuple[PersonKey, ...] = self._config.people.match if kind == "person" else ("email",)
        for number, way in enumerate(ways):
            keys = {e.id: _key(e, way) for e in entities if not mapped[e.id]}
            if number == 0:
                keys |= {id_: name for id_, name in mapped.items() if name}
            sought = sorted({key for id_, key in keys.items() if key and partners.get(id_) is None})
            if sought:
                told = (
                    across.search_entities(kind, sought, way)
                    if way != "email"
                    else (across.search_entities(kind, sought))
                )
                by_key = {key.casefold(): partner for key, partner in told.items()}
                partners |= {
                    id_: partners.get(id_) or by_key.get(key.casefold()) for id_, key in keys.items()
                }
        return [(entity, partners.get(entity.id)) for entity in entities]

    def _mapped(self, entity: Entity) -> str:
        """The counterpart that the map names: an account id, a user name, a group's name; "" for none."""
        for edge in self._edges[entity.kind]:
            ours, theirs = edge.servicenow, edge.jira
            if entity.side == "jira":
                ours, theirs = theirs, ours
            if {entity.id, entity.user_name, entity.name} & set(ours):
                return theirs[0]
        return ""

    def _keep(self, entity: Entity, partner: Entity | None, at: datetime) -> None:
        key = (entity.side, entity.kind, entity.id)
        if partner is not None and not is_usable(partner, self._config):
            partner = None
        self._partners[key] = None if partner is None else partner.id
        self._names[key] = entity.name
        self._checked[key] = at
        if partner is not None:
            back = (partner.side, partner.kind, partner.id)
            self._partners.setdefault(back, entity.id)
            self._names.setdefault(back, partner.name)


def _key(entity: Entity, way: PersonKey) -> str:
    """What a counterpart is searched by where no map names it."""
    if entity.kind == "group":
        return entity.name
    return {"email": entity.email, "user_name": entity.user_name, "name": entity.name}[way]


def is_usable(partner: Entity, config: Config) -> bool:
    """Whether a partner counts: one whose account is deactivated does only if the configuration says so."""
    return partner.active or partner.kind == "group" or config.people.inactive == "use"


def person_edges(config: Config) -> tuple[ValueEdge, ...]:
    """The configured map of people, with that of its file. ConfigError names the line that is no use."""
    people = config.people
    if not people.map_file:
        return people.map
    path = config.path.parent / people.map_file
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            rows = csv.DictReader(file)
            if not {"servicenow", "jira"} <= set(rows.fieldnames or ()):
                raise ConfigError(f"{path}: its first line must name the columns servicenow and jira")
            return people.map + tuple(_edge(path, rows.line_num, row) for row in rows)
    except OSError as error:
        raise ConfigError(f"people.map_file: {path} cannot be read ({error.strerror})") from None
    except (UnicodeDecodeError, csv.Error):
        raise ConfigError(f"people.map_file: {path} is no CSV file in UTF-8") from None


def _edge(path: Path, line: int, row: Mapping[str, str | None]) -> ValueEdge:
    ours, theirs = ((row.get(side) or "").strip() for side in SIDES)
    if not ours or not theirs:
        raise ConfigError(f"{path}, line {line}: name one person on each side")
    return ValueEdge(servicenow=(ours,), jira=(theirs,))
