"""The simulated world: one virtual clock, what is due on it, what happened, and what goes wrong when.

Everything that the oracle judges by is written down here, by the two sides and by people, never by the
engine. Time passes only with requests and between passes, and never twice in the same way by accident.
"""

from __future__ import annotations

import heapq
import random
from collections import Counter, defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final, Literal

from tests.simulation.scenario import FaultKind, Scenario
from tieline.connectors.base import Action, Side, Value

START: Final = datetime(2026, 1, 5, 8, 0, tzinfo=UTC)

Who = Literal["person", "automation", "tieline"]


class Killed(BaseException):
    """The process is gone: no handler of the engine may do anything any more."""


@dataclass(frozen=True, slots=True)
class Happened:
    """One committed change of a record: who, and all its values afterwards.

    `changed` names the fields that differ. `seq` orders everything that happened in the world.
    """

    seq: int
    at: datetime
    side: Side
    id: str
    who: Who
    values: Mapping[str, Value]
    changed: frozenset[str]
    meant: frozenset[str]
    """What they meant to change; the rest of what changed was a rule's doing."""


@dataclass(frozen=True, slots=True)
class Effect:
    """One write of the engine that took effect, whatever its answer was."""

    seq: int
    at: datetime
    side: Side
    id: str
    action: Action
    answered: bool
    life: int


@dataclass(frozen=True, slots=True)
class Look:
    """One look of the engine at a record that it was shown: everything up to `seq` stood there."""

    seq: int
    at: datetime


class World:
    """Clock, events and faults of one run."""

    def __init__(self, scenario: Scenario) -> None:
        self.scenario = scenario
        self.chance = random.Random(f"world {scenario.seed}")
        self.log: list[Happened] = []
        self.effects: list[Effect] = []
        self.touched: list[tuple[int, datetime, str, Who]] = []
        """Number, time, record and author of what changed nothing that is mirrored."""
        self.looks: dict[tuple[Side, str], list[Look]] = defaultdict(list)
        """When the engine read which record, fresh and by its id."""
        self.trace: list[str] = []
        self.reach: Counter[str] = Counter()
        self.requests = 0
        self.writes = 0
        self.edits = 0
        """Counts those of the writes that are edits or transitions."""
        self.points = 0
        self.life = 0
        """Counts states: a backup that is restored or a state that is lost begins another."""
        self.life_began = 0
        """The number before which nothing is judged that the lost records of a state would have told."""
        self.armed = True
        """Whether faults, deaths and ambushes happen at all; at the end of a run they no longer do."""
        self.dead = False
        self.on_point: Callable[[str], None] = lambda _what: None
        self._now = START
        self._seq = 0
        self._due: list[tuple[datetime, int, Callable[[], None]]] = []
        self._read_faults = dict(scenario.read_faults)
        self._write_faults = dict(scenario.write_faults)
        self._deaths = frozenset(scenario.deaths)

    def now(self) -> datetime:
        """The time by our clock."""
        return self._now

    def next_seq(self) -> int:
        """A number above all before."""
        self._seq += 1
        return self._seq

    def look(self) -> Look:
        """What a look at a record shows now."""
        return Look(self._seq, self._now)

    def at(self, seconds: float, deed: Callable[[], None]) -> None:
        """Let something happen so many seconds from now."""
        heapq.heappush(self._due, (self._now + timedelta(seconds=seconds), self.next_seq(), deed))

    def elapse(self, seconds: float) -> None:
        """Let time pass; what falls due happens at its own moment."""
        end = self._now + timedelta(seconds=seconds)
        while self._due and self._due[0][0] <= end:
            at, _, deed = heapq.heappop(self._due)
            self._now = max(self._now, at)
            deed()
        self._now = end

    @property
    def quiet(self) -> bool:
        """Whether nothing happens any more by itself: no automation, no late commit."""
        return not self._due

    def another_life(self) -> None:
        """The state was restored from a backup, or lost."""
        self.life += 1
        self.life_began = self.next_seq()

    def tell(self, line: str) -> None:
        """A line of the trace, for people who look into a failure."""
        self.trace.append(f"{(self._now - START).total_seconds():9.2f}  {line}")

    # What goes wrong.

    def point(self, what: str) -> None:
        """A place where the process may die. Killed if it does, and always once it is dead."""
        self.alive()
        self.points += 1
        self.reach[f"point {what}"] += 1
        self.on_point(what)
        if self.armed and self.points in self._deaths:
            self.reach[f"death {what}"] += 1
            self.tell(f"the process dies: {what}")
            self.dead = True
            raise Killed(what)

    def alive(self) -> None:
        """Killed if the process is dead: the dead commit and send nothing."""
        if self.dead:
            raise Killed("dead already")

    def request(self, side: Side, what: str) -> FaultKind | None:
        """A request goes out: time passes, and the fault it meets, if any, is told."""
        self.point("before a request")
        self.requests += 1
        self.reach[f"request {side} {what}"] += 1
        self.elapse(self.scenario.traits.latency * self.chance.uniform(0.3, 2.0))
        fault = self._read_faults.get(self.requests) if self.armed and what != "write" else None
        if fault is not None:
            self.reach[f"fault {fault} on a read"] += 1
            self.tell(f"{what} at {side} meets {fault}")
        return fault

    def answered(self) -> None:
        """The answer of a request comes in."""
        self.elapse(self.scenario.traits.latency * 0.2)
        self.point("after a request")

    def write_fault(self, side: Side, action: Action) -> FaultKind | None:
        """A write is tried; the fault it meets, if any, is told. `writes` was raised by one for it."""
        fault = self._write_faults.get(self.writes) if self.armed else None
        name = type(action).__name__
        self.reach[f"write {name} at {side}"] += 1
        if fault is not None:
            self.reach[f"fault {fault} on a write"] += 1
            self.tell(f"write {self.writes} {name} at {side} meets {fault}")
        return fault
