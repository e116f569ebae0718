"""Finds out who is who: a Directory for the people and groups of a wave, from the state or the sides."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime

from tieline.connectors.base import SIDES, Connector, Entity, Record, Side, other
from tieline.sync.config.model import Config
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
        oldest = now - self._config.people.max_age
        stale = {key for key in wanted if self._checked.get(key, oldest) <= oldest}
        for side in SIDES:
            for kind in ("person", "group"):
                ids = sorted(id_ for s, k, id_ in stale if s == side and k == kind)
                if ids:
                    self._find(side, kind, ids, oldest, now)
        return Directory(self._partners, self._names)

    def _find(self, side: Side, kind: EntityKind, ids: list[str], oldest: datetime, now: datetime) -> None:
        with self._store.read() as tx:
            cached = tx.entities(side, kind, ids)
        fresh = {id_: row for id_, row in cached.items() if row[2] > oldest}
        for entity, partner, at in fresh.values():
            self._keep(entity, partner, at)
        missing = [id_ for id_ in ids if id_ not in fresh]
        if not missing:
            return
        found = {entity.id: entity for entity in self._sides[side].entities(kind, missing)}
        entities = [found.get(id_, Entity(side, kind, id_, id_, active=False)) for id_ in missing]
        rows = self._match(side, kind, entities)
        for entity, partner in rows:
            self._keep(entity, partner, now)
        if self._remember:
            with self._store.transaction() as tx:
                tx.save_entities(rows, now)

    def _match(
        self, side: Side, kind: EntityKind, entities: list[Entity]
    ) -> list[tuple[Entity, Entity | None]]:
        """Each entity with its counterpart: by the configured map, else by e-mail address or name."""
        mapped = {entity.id: self._mapped(entity) for entity in entities}
        across = self._sides[other(side)]
        named = sorted({name for name in mapped.values() if name})
        found = {entity.id.casefold(): entity for entity in across.entities(kind, named)} if named else {}
        keys = {entity.id: mapped[entity.id] or _key(entity) for entity in entities}
        sought = sorted({key for key in keys.values() if key and key.casefold() not in found})
        known = {key.casefold(): partner for key, partner in across.search_entities(kind, sought).items()}
        return [(entity, (found | known).get(keys[entity.id].casefold())) for entity in entities]

    def _mapped(self, entity: Entity) -> str:
        """The counterpart that the map names: an account id, a user name, a group's name; "" for none."""
        edges = self._config.people.map if entity.kind == "person" else self._config.groups.map
        for edge in edges:
            ours, theirs = edge.servicenow, edge.jira
            if entity.side == "jira":
                ours, theirs = theirs, ours
            if {entity.id, entity.user_name, entity.name} & set(ours):
                return theirs[0]
        return ""

    def _keep(self, entity: Entity, partner: Entity | None, at: datetime) -> None:
        key = (entity.side, entity.kind, entity.id)
        self._partners[key] = None if partner is None else partner.id
        self._names[key] = entity.name
        self._checked[key] = at
        if partner is not None:
            back = (partner.side, partner.kind, partner.id)
            self._partners.setdefault(back, entity.id)
            self._names.setdefault(back, partner.name)


def _key(entity: Entity) -> str:
    """What a counterpart is searched by where no map names it."""
    return entity.email if entity.kind == "person" else entity.name
