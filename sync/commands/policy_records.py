"""Mirrored incidents as records of a policy: from the state, or as both systems show them now."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tieline.sync.commands.session import Adapters, open_session, open_state, utc_now

if TYPE_CHECKING:
    from datetime import datetime

    from tieline.connectors.base import Side, Values
    from tieline.sync.commands.session import Session
    from tieline.sync.commands.show import Shown
    from tieline.sync.mapping import Unit
    from tieline.sync.model import Pair
    from tieline.sync.policy.evaluate import Engine
    from tieline.sync.policy.explain import Explanation
    from tieline.sync.policy.fields import Record as Cells
    from tieline.sync.policy.fields import Said
    from tieline.sync.policy.load import Loaded
    from tieline.sync.policy.records import Row
    from tieline.sync.vocabulary import Vocabulary

WAVE = 100


@contextmanager
def of_pairs(adapters: Adapters, config_path: Path, loaded: Loaded, *, live: bool) -> Iterator[Iterator[Row]]:
    """Every pair as a record, a wave at a time."""
    if live:
        with open_session(adapters, config_path) as session:
            yield _live(session, loaded)
        return
    with open_state(config_path) as (config, store):
        yield _remembered(config, store, loaded)


def _remembered(config: Any, store: Any, loaded: Loaded) -> Iterator[Row]:
    """What was last dealt with; people and groups by their ids, as no side is asked."""
    from tieline.connectors.base import SIDES
    from tieline.sync.mapping import Directory
    from tieline.sync.vocabulary import vocabulary

    known = {route.name: vocabulary(config, route) for route in config.routes}
    for pair in _pairs(store):
        if pair.route in known:
            values = {side: _dealt(pair, known[pair.route], side) for side in SIDES}
            yield _row(loaded, pair, known[pair.route].units, values, Directory())


def _pairs(store: Any) -> Iterator[Pair]:
    last = 0
    while True:
        with store.read() as tx:
            pairs = tx.walk_pairs(last, WAVE)
        if not pairs:
            return
        yield from pairs
        last = pairs[-1].id


def _dealt(pair: Pair, vocabulary: Vocabulary, side: Side) -> Values:
    held = [pair.base.unit(unit.name).of(side) for unit in vocabulary.units]
    return {name: value for dealt in held if dealt is not None for name, value in dealt.values.items()}


def _live(session: Session, loaded: Loaded) -> Iterator[Row]:
    from itertools import islice

    from tieline.connectors.base import SIDES
    from tieline.connectors.base import Record as Shown
    from tieline.sync.policy.bridge import View, standing_of
    from tieline.sync.policy.records import Row
    from tieline.sync.run import EVERYTHING, new_run

    view = View(loaded.policy)
    run = new_run("", session.config, session.store, session.sides, utc_now, EVERYTHING, remember=False)
    pairs = (pair for pair in _pairs(session.store) if pair.route in run.vocabularies)
    while wave := list(islice(pairs, WAVE)):
        read = {side: run.read(side, [pair.ref(side) for pair in wave]) for side in SIDES}
        talks = _talks(session, loaded, wave)
        for number, pair in enumerate(wave):
            records = [r for side in SIDES for r in [read[side][number]] if isinstance(r, Shown)]
            if len(records) == len(SIDES):
                vocabulary = run.vocabularies[pair.route]
                directory = run.people.directory([(record, vocabulary) for record in records], utc_now())
                memory, _ = standing_of(vocabulary.units, pair.base)
                found = view.of_records(vocabulary.units, records, directory, memory)
                yield Row(pair.id, pair.number, None, _with_talk(found, talks.get(pair.id)))


def _talks(session: Session, loaded: Loaded, pairs: Sequence[Pair]) -> dict[int, Said]:
    """What people say about these pairs on both sides, from the beginning; only where a rule asks it."""
    from tieline.connectors.base import SIDES, Ask, Conversation
    from tieline.sync.policy.fields import Said
    from tieline.sync.policy.hearing import questions

    if session.config.comments is None or not questions(loaded.policy):
        return {}
    found: dict[int, set[str]] = {pair.id: set() for pair in pairs}
    for side in SIDES:
        told = session.sides[side].conversations([Ask(pair.ref(side)) for pair in pairs])
        for pair, talk in zip(pairs, told, strict=True):
            entries = talk.entries if isinstance(talk, Conversation) else ()
            found[pair.id] |= {entry.text for entry in entries if entry.text and not entry.own}
    return {id_: Said(frozenset(texts)) for id_, texts in found.items() if texts}


def _with_talk(record: Cells, said: Said | None) -> Cells:
    """The record with what people say now, beside what is remembered."""
    from tieline.sync.policy.fields import COMMENTS

    return record if said is None else {**record, COMMENTS: said.and_also(record.get(COMMENTS))}


def _row(
    loaded: Loaded,
    pair: Pair,
    units: Sequence[Unit],
    values: dict[Side, Values],
    directory: Any,
) -> Row:
    from tieline.sync.policy.bridge import incident, standing_of
    from tieline.sync.policy.fields import Said
    from tieline.sync.policy.records import Row

    found = incident(loaded.policy, units, values, directory, pair.created_at, pair.checked_at)
    memory, _ = standing_of(units, pair.base)
    if memory.heard:
        found = _with_talk(found, Said(marks=memory.heard))
    return Row(pair.id, pair.number, None, found)


def one_pair(adapters: Adapters, config_path: Path, ref: str, loaded: Loaded) -> tuple[Shown, Said | None]:
    """One mirrored incident as both systems show it now, and what people say, if a rule asks that.

    ConfigError if it has no pair.
    """
    from tieline.connectors.errors import ConfigError
    from tieline.sync.commands.show import find

    with open_session(adapters, config_path) as session:
        found = find(session, ref)
        if isinstance(found, str):
            raise ConfigError(found)
        return found, _talks(session, loaded, [found.pair]).get(found.pair.id)


def explained(found: Shown, engine: Engine, now: datetime, said: Said | None = None) -> Explanation:
    """Why the policy makes of a mirrored incident what it makes of it."""
    from tieline.sync.policy.bridge import View, given_by, standing_of
    from tieline.sync.policy.explain import explain

    memory, standing = standing_of(found.units, found.pair.base)
    view = View(engine.policy)
    record = view.of_records(found.units, found.records.values(), found.directory, memory)
    record = _with_talk(record, said)
    return explain(engine, record, now, standing, given_by(found.units, found.pair.base))
