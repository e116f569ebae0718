"""What every part of a pass works with: configuration, state, both sides, the clock, and what was counted."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import partial
from typing import Final

from tieline.connectors.base import (
    SIDES,
    Connector,
    Identity,
    Move,
    Record,
    Ref,
    Reviewed,
    Side,
    Transition,
    Update,
)
from tieline.connectors.errors import ConnectorError, TielineError
from tieline.sync.aspects import Aspect, aspects_of
from tieline.sync.config.model import Config, Route
from tieline.sync.decide import Govern
from tieline.sync.lanes import Lanes
from tieline.sync.people import People
from tieline.sync.store import Store
from tieline.sync.vocabulary import Vocabulary, vocabulary

CLOCK_TOLERANCE: Final = timedelta(seconds=2)
"""A difference between clocks below this cannot be told from the way of an answer."""


class PassStopped(TielineError):
    """The pass stopped before its first write: what it found cannot be believed, or is too much (P7)."""


@dataclass(frozen=True, slots=True)
class PassOptions:
    """What a person asked of one pass.

    `initial` allows the first mirroring of routes, and any number of records. `only` names records by
    number or key. `max_changes` ends the pass after so many writes; the rest waits for the next. `accept`
    takes a changed mapping on.
    """

    initial: bool = False
    only: tuple[str, ...] = ()
    max_changes: int | None = None
    accept: bool = False


EVERYTHING: Final = PassOptions()


def never() -> bool:
    """Nobody asks a pass to stop."""
    return False


@dataclass
class Run:
    """One pass at work: what it was given, and what it counted and learned on the way."""

    id: str
    config: Config
    store: Store
    sides: Mapping[Side, Connector]
    clock: Callable[[], datetime]
    options: PassOptions
    people: People
    vocabularies: Mapping[str, Vocabulary]
    routes: Mapping[str, Route]
    started: datetime
    """When the pass began. It takes on what was due then, and what it finds itself: what is put off on the
    way waits for the next pass, or one with a busy side would have no end."""
    govern: Govern | None = None
    """The policy, where the configuration has one."""
    aspects: tuple[Aspect, ...] = ()
    """What is kept in step besides the fields."""
    counts: Counter[str] = field(default_factory=Counter)
    identities: dict[Side, Identity] = field(default_factory=dict)
    workflows: dict[str, dict[str, tuple[Move, ...]]] = field(default_factory=dict)
    stop: Callable[[], bool] = never
    """Asked between waves: whether somebody wants the pass to end soon."""
    blocked: set[str] = field(default_factory=set)
    """Inbox keys whose intents are open: nothing else happens to them in this pass."""
    lanes: Lanes = field(default_factory=Lanes)
    parked_on: dict[str, Side] = field(default_factory=dict)
    """By inbox key the pairs that this pass parked, with the side on whose record that can be told."""
    room: int | None = None
    """How many records more than the guard counted this pass may take on; None for any number."""
    shown_moves: set[tuple[str, str, str, str]] = field(default_factory=set)
    """Place, status, id and target of the transitions that are known by now: no news in this pass."""
    taken: set[str] = field(default_factory=set)
    """Inbox keys that a lane is at work on: no other lane begins with them."""
    _own_names: dict[Side, frozenset[str]] = field(default_factory=dict)

    @property
    def writes_left(self) -> int | None:
        """How many writes `max_changes` still allows; None for any number."""
        limit = self.options.max_changes
        return None if limit is None else max(0, limit - self.counts["writes"])

    def read(self, side: Side, refs: Sequence[Ref]) -> list[Record | ConnectorError]:
        """Records by id, their times on our clock."""
        found = self.sides[side].read(refs) if refs else []
        return [self.on_our_clock(record) if isinstance(record, Record) else record for record in found]

    def read_both(self, asked: Mapping[Side, Sequence[Ref]]) -> dict[Side, list[Record | ConnectorError]]:
        """The same on both sides at once. Raises what kept either side from being read."""
        wanted = [side for side in SIDES if asked.get(side)]
        found = self.lanes.together([partial(self.sides[side].read, asked[side]) for side in wanted])
        shown: dict[Side, list[Record | ConnectorError]] = {side: [] for side in SIDES}
        for side, records in zip(wanted, found, strict=True):
            if isinstance(records, Exception):
                raise records
            shown[side] = [self.on_our_clock(r) if isinstance(r, Record) else r for r in records]
        return shown

    def review(self, side: Side, writes: Sequence[Update | Transition]) -> list[Reviewed | ConnectorError]:
        """What became of writes, their records' times on our clock."""
        found = self.sides[side].review(writes)
        return [
            replace(each, record=self.on_our_clock(each.record)) if isinstance(each, Reviewed) else each
            for each in found
        ]

    def on_our_clock(self, record: Record) -> Record:
        """The record with the difference between the side's clock and ours taken out.

        What was last touched by our own account is no person's: a rule or post-function within our write.
        """
        side = record.ref.side
        known = self.identities.get(side)
        skew = timedelta(0) if known is None or abs(known.skew) < CLOCK_TOLERANCE else known.skew
        if not skew and not record.touched:
            return record
        touched = {
            name: replace(t, at=t.at - skew, person=False if self.is_us(side, t.by) else t.person)
            for name, t in record.touched.items()
        }
        return replace(record, updated=record.updated - skew, touched=touched)

    def is_us(self, side: Side, name: str) -> bool:
        """Whether a side's user id or name is that of our own account."""
        if side not in self._own_names:
            known = self.identities.get(side)
            auth = self.config.servicenow.auth if side == "servicenow" else self.config.jira.auth
            names = [getattr(auth, "user", ""), *([known.id, known.name] if known else [])]
            self._own_names[side] = frozenset(n.casefold() for n in names if n)
        return name.casefold() in self._own_names[side]

    def wrote_last(self, record: Record) -> bool | None:
        """Whether the record names our own account as its last writer; None where it names nobody."""
        return self.is_us(record.ref.side, record.updated_by) if record.updated_by else None

    def identity(self, side: Side) -> Identity:
        """Who the side says that we are, asked once a pass. Raises `Denied` if the answer is not ours."""
        if side not in self.identities:
            self.identities[side] = self.sides[side].identity()
            self._own_names.pop(side, None)
        return self.identities[side]


def new_run(
    id_: str,
    config: Config,
    store: Store,
    sides: Mapping[Side, Connector],
    clock: Callable[[], datetime],
    options: PassOptions,
    *,
    remember: bool = True,
    stop: Callable[[], bool] = never,
    lanes: Lanes | None = None,
) -> Run:
    """A pass that is about to start. With `remember=False` it keeps nothing in the state (a dry run)."""
    lanes = lanes or Lanes()
    lent = lanes.lend(sides, lambda: store.inside)
    return Run(
        id=id_,
        config=config,
        stop=stop,
        store=store,
        sides=lent,
        clock=clock,
        options=options,
        lanes=lanes,
        people=People(config, store, lent, remember=remember),
        vocabularies={route.name: vocabulary(config, route) for route in config.routes},
        routes={route.name: route for route in config.routes},
        started=clock(),
        # It asks while it plans, within a transaction: never without the baton.
        govern=None if config.policy is None else _govern(config, sides),
        aspects=aspects_of(config),
    )


def _govern(config: Config, sides: Mapping[Side, Connector]) -> Govern:
    """The policy of the configuration. PolicyError if it cannot be read or used."""
    from tieline.sync.policy.govern import Governor
    from tieline.sync.policy.load import engine_of

    found: dict[str, tuple[str, str] | None] = {}

    def resolve(name: str) -> tuple[str, str] | None:
        if name not in found:
            groups = [sides[side].search_entities("group", [name]).get(name) for side in SIDES]
            ids = [group.id for group in groups if group is not None]
            found[name] = (ids[0], ids[1]) if len(ids) == len(SIDES) else None
        return found[name]

    people: dict[tuple[Side, str], str] = {}

    def account(side: Side, email: str) -> str:
        if (side, email) not in people:
            person = sides[side].search_entities("person", [email]).get(email)
            people[side, email] = email if person is None else person.id
        return people[side, email]

    engine, fingerprint = engine_of(config)
    return Governor(engine, resolve, fingerprint, account)
