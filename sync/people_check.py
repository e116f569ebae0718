"""Which people and groups of incidents in scope have no partner, asked before go-live; it writes nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from typing import Any, Final, Literal

from tieline.connectors.base import SIDES, Entity, Record, Ref, Side
from tieline.sync.candidates import in_scope
from tieline.sync.config.model import Config
from tieline.sync.mapping import EntityKind
from tieline.sync.people import is_usable
from tieline.sync.run import Run

Standing = Literal["joined", "deactivated", "hidden address", "no partner", "not shown"]
Progress = Callable[[str, int, int], None]
BATCH: Final = 100
ADVICE: Final[Mapping[Standing, tuple[str, str]]] = {
    "no partner": ("nobody across matches", "name them in the map of [people] or [groups]"),
    "hidden address": ("their address is hidden from our account", "name them in the map of [people]"),
    "deactivated": ("their partner's account is deactivated", 'with inactive = "use" it counts all the same'),
    "not shown": ("their own account is deleted, or hidden from ours", "nothing, or grant us more rights"),
}
"""Why somebody has no usable partner, and what can be done about it."""


@dataclass(frozen=True, slots=True)
class Known:
    """A person or group with its partner, and what is to be thought of it."""

    entity: Entity
    partner: Entity | None
    standing: Standing

    def as_json(self) -> dict[str, Any]:
        """For machines."""
        entity, partner = self.entity, self.partner
        return {"side": entity.side, "kind": entity.kind, "id": entity.id, "name": entity.name,
                "email": entity.email, "active": entity.active, "standing": self.standing,
                "partner": None if partner is None else {"id": partner.id, "name": partner.name,
                                                         "active": partner.active}}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Used:
    """Somebody whom incidents name: how often, in which fields, and one of the incidents."""

    known: Known
    count: int
    fields: tuple[str, ...]
    example: str

    def as_json(self) -> dict[str, Any]:
        """For machines."""
        return {**self.known.as_json(), "count": self.count, "fields": list(self.fields),
                "example": self.example}  # fmt: skip


def standing(entity: Entity, partner: Entity | None, config: Config) -> Known:
    """What is to be thought of a person or group with this partner."""
    if partner is not None:
        word: Standing = "joined" if is_usable(partner, config) else "deactivated"
    elif not entity.active and entity.name == entity.id:
        word = "not shown"
    elif entity.kind == "person" and not entity.email and "email" in config.people.match:
        word = "hidden address"
    else:
        word = "no partner"
    return Known(entity, partner, word)


def used(run: Run, since: datetime, limit: int, progress: Progress) -> list[Used]:
    """Everybody whom records in scope that changed since then name, at most `limit` records a side."""
    met: dict[tuple[Side, EntityKind, str], list[tuple[str, str]]] = {}
    for side in SIDES:
        seen = 0
        for refs in _batches(islice(_changed(run, side, since), limit)):
            for record in _in_scope(run, side, refs):
                _note(run, record, met)
            seen += len(refs)
            progress(f"reading who is named in {side}", seen, 0)
    return list(_judged(run, met))


def _changed(run: Run, side: Side, since: datetime) -> Iterator[Ref]:
    seen: set[Ref] = set()
    for page in run.sides[side].feed(None, since):
        for change in page.changes:
            if change.ref not in seen:
                seen.add(change.ref)
                yield change.ref


def _batches(refs: Iterable[Ref]) -> Iterator[list[Ref]]:
    left = iter(refs)
    while batch := list(islice(left, BATCH)):
        yield batch


def _in_scope(run: Run, side: Side, refs: Sequence[Ref]) -> Iterator[Record]:
    records = [record for record in run.read(side, refs) if isinstance(record, Record)]
    for name, route in run.routes.items():
        here = [r for r in records if r.place == run.vocabularies[name].place(side)]
        inside = in_scope(run, route, side, [record.ref for record in here])
        yield from (record for record in here if record.ref in inside)


def _note(run: Run, record: Record, met: dict[tuple[Side, EntityKind, str], list[tuple[str, str]]]) -> None:
    side = record.ref.side
    places = {name: v for name, v in run.vocabularies.items() if v.place(side) == record.place}
    units = {unit.name: unit for vocabulary in places.values() for unit in vocabulary.units}
    for unit in units.values():
        for kind, id_ in unit.entities(side, record.values):
            met.setdefault((side, kind, id_), []).append((unit.name, record.label))


def _judged(run: Run, met: dict[tuple[Side, EntityKind, str], list[tuple[str, str]]]) -> Iterator[Used]:
    kinds: tuple[EntityKind, ...] = ("person", "group")
    for side in SIDES:
        for kind in kinds:
            ids = sorted(id_ for s, k, id_ in met if (s, k) == (side, kind))
            found = run.people.known(side, kind, ids, run.clock())
            rows = [(entity, partner, met[side, kind, entity.id]) for entity, partner in found]
            for entity, partner, uses in sorted(rows, key=lambda row: (-len(row[2]), row[0].name)):
                fields = tuple(sorted({name for name, _ in uses}))
                yield Used(standing(entity, partner, run.config), len(uses), fields, uses[0][1])
