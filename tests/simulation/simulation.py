"""Runs one scenario: people, systems, faults and deaths around the real engine, then a quiet end.

It decides nothing about right and wrong: the `oracle` does, from what this hands over.
"""

from __future__ import annotations

import tempfile
from collections import Counter
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from pathlib import Path

from tests.simulation import rules, ties
from tests.simulation.jira import Jira
from tests.simulation.people import People
from tests.simulation.process import StateFile, storage
from tests.simulation.scenario import Errand, Scenario
from tests.simulation.servicenow import ServiceNow
from tests.simulation.settings import configuration
from tests.simulation.sides import HostileSide
from tests.simulation.world import Killed, World
from tieline.connectors.base import SIDES, Side, Value
from tieline.connectors.errors import TielineError
from tieline.sync import engine
from tieline.sync.lock import Busy, Holder, one_pass
from tieline.sync.model import Arrival, AuditEntry, Conflict, Pair, Park
from tieline.sync.parking import BY_PERSON, arrival_ref
from tieline.sync.run import PassOptions, PassStopped

QUIET = ((9, 100, 13 * 3600), (5, 100, 25 * 3600), (3, 120, 0))
"""After people and faults ended: as many passes at most, so many seconds apart, and the pause after them.

A round ends early once the state is at rest: what the passes left of it would do is look at nothing.
"""
AT_REST = 2
"""So many passes in a row that had nothing to do, and left nothing to be done, are rest."""


@dataclass
class Passed:
    """What came of one pass: how much it wrote, and what stopped it."""

    number: int
    writes: int
    error: str
    stopped: bool
    allowed: bool
    """Whether a person allowed any number of records."""
    touched: int
    """How many records it wrote to."""
    begun: datetime
    ended: datetime


@dataclass
class Lists:
    """What people are shown: the lists of conflicts and of what is parked, and the audit trail."""

    conflicts: dict[tuple[int, int], Conflict] = field(default_factory=dict)
    open: tuple[Conflict, ...] = ()
    parks: tuple[Park, ...] = ()
    pairs: dict[tuple[int, int], Pair] = field(default_factory=dict)
    """By life and id: a state that was lost counts from one again."""
    audit: list[AuditEntry] = field(default_factory=list)


@dataclass
class Story:
    """Everything that a run leaves for the oracle to judge."""

    scenario: Scenario
    world: World
    sides: dict[Side, HostileSide]
    people: People
    lists: Lists
    passes: list[Passed]
    early: Lists | None = None
    early_values: dict[Side, dict[str, dict[str, Value]]] = field(default_factory=dict)
    quiet_from: int = 0
    """The number of the first pass after people and faults ended."""
    crash: str = ""
    """What broke that must never break: an exception that is none of Tieline's own."""
    error: Exception | None = None
    mode: int = 0


def run(scenario: Scenario, pass_: Callable[..., object] | None = None) -> Story:
    """Run a scenario to its end. `pass_` stands in for `engine.run_pass`."""
    with tempfile.TemporaryDirectory(prefix="tieline-sim-", dir=storage()) as folder:
        return _Run(scenario, Path(folder), pass_ or engine.run_pass).story()


class _Run:
    def __init__(self, scenario: Scenario, folder: Path, run_pass: Callable[..., object]) -> None:
        self.scenario = scenario
        self.run_pass = run_pass
        self.world = World(scenario)
        traits = scenario.traits
        servicenow = ServiceNow(self.world, traits.skew[0], traits.page)
        jira = Jira(self.world, traits.skew[1], traits.page)
        self.sides: dict[Side, HostileSide] = {"servicenow": servicenow, "jira": jira}
        rules.set_up(self.world, self.sides)
        self.people = People(self.world, servicenow, jira)
        self.people.schedule(scenario)
        ties.schedule(scenario, self.people)
        self.file = StateFile(self.world, folder)
        self.config = configuration(traits)
        if traits.policy:
            path = folder / "policy.toml"
            path.write_text(traits.policy, encoding="utf-8")
            self.config = self.config.model_copy(update={"policy": {}}).read_from(path)
        self.lists = Lists()
        self.passes: list[Passed] = []
        self.allow = False
        self._rival_at = -1
        self.world.on_point = self._at_point
        self._held: object = nullcontext()

    def story(self) -> Story:
        story = Story(self.scenario, self.world, self.sides, self.people, self.lists, self.passes)
        try:
            self._busy_days()
            story.quiet_from = len(self.passes)
            self._quiet(story)
        except (TielineError, Killed):
            raise
        except Exception as error:  # the engine must break with nothing but its own failures
            story.crash = f"{type(error).__name__}: {error}"
            self.world.tell(f"the engine broke: {story.crash}")
            story.error = error
        finally:
            story.mode = self.file.path.stat().st_mode & 0o777
            self.file.close()
        return story

    def _busy_days(self) -> None:
        for number, gap in enumerate(self.scenario.gaps):
            for errand in self.scenario.errands:
                if errand.before_pass == number:
                    self._errand(errand)
            self._pass()
            self.world.elapse(gap)
        self.world.elapse(
            max(0.0, max((d.at for d in self.scenario.deeds), default=0.0) - sum(self.scenario.gaps))
        )

    def _quiet(self, story: Story) -> None:
        """Nobody does anything any more, nothing fails; what is owed must be paid."""
        self.world.armed = False
        self.world.elapse(450)
        for number, (most, apart, pause) in enumerate(QUIET):
            self._round(most, apart)
            if number == 0:
                story.early = self._look(Lists(conflicts=dict(self.lists.conflicts)))
                self.world.reach["early look"] += 1
                story.early_values = {
                    side: {id_: dict(row.values) for id_, row in self.sides[side].rows.items()}
                    for side in SIDES
                }
            self.world.elapse(pause)

    def _round(self, most: int, apart: float) -> None:
        """So many quiet passes, or fewer if the state is at rest; the time that they take passes anyway."""
        idle = 0
        for number in range(most):
            self._pass()
            self.world.elapse(apart)
            left = most - number - 1
            idle = idle + 1 if self._nothing_left(apart * left) else 0
            if idle == AT_REST:
                self.world.reach["quiet passes left out"] += left
                self.world.elapse(apart * left)
                return

    def _nothing_left(self, seconds: float) -> bool:
        """Whether the last pass had nothing to do, and none within so many seconds will have."""
        last, until = self.passes[-1], self.world.now() + timedelta(seconds=seconds)
        with self.file.store.read() as tx:
            waiting = tx.inbox_count() + len(tx.parks_due(until, 1)) + len(tx.open_intents())
        return self.world.quiet and not (last.writes or last.error or waiting)

    # One pass.

    def _pass(self) -> None:
        world = self.world
        writes, effects, number = world.writes, len(world.effects), len(self.passes)
        error, stopped, begun = "", False, world.now()
        options = PassOptions(initial=self.allow)
        world.tell(f"pass {number}{' (any number allowed)' if self.allow else ''}")
        allowed, self.allow = self.allow, False
        world.dead = False
        try:
            with one_pass(self.file.url, Holder.here(world.now())):
                store = self.file.store
                self.run_pass(
                    self.config, store, self.sides, clock=world.now, id_=f"p{number}", options=options
                )
        except Killed:
            error = "killed"
            self.file.close()
        except PassStopped as why:
            error, stopped, self.allow = str(why), True, True
        except TielineError as why:
            error = f"{type(why).__name__}: {why}"
            self.allow = allowed
        world.dead = False
        if error == "killed" and allowed:
            self.allow = True
        world.reach["passes"] += 1
        world.reach["passes that failed"] += bool(error)
        if error:
            world.tell(f"the pass ends: {error}")
        refs = {(e.side, e.id) for e in world.effects[effects:] if e.answered}
        touched = len({self._incident(side, id_) for side, id_ in refs})
        made = world.writes - writes
        self.passes.append(Passed(number, made, error, stopped, allowed, touched, begun, world.now()))
        self._look(self.lists)

    def _incident(self, side: Side, id_: str) -> tuple[Side, str]:
        origin = self.sides[side].rows[id_].origin
        return (side, id_) if origin is None else (origin.side, origin.id)

    def _look(self, lists: Lists) -> Lists:
        """Read what people are shown."""
        was, self.world.on_point = self.world.on_point, lambda _what: None
        armed, self.world.armed = self.world.armed, False
        life = self.world.life
        try:
            with self.file.store.read() as tx:
                for conflict in tx.conflicts(open_only=False, limit=100_000):
                    lists.conflicts[life, conflict.id] = conflict
                lists.open = tuple(tx.conflicts(open_only=True, limit=100_000))
                lists.parks = tuple(tx.all_parks())
                for pair in tx.walk_pairs(0, 100_000):
                    lists.pairs[life, pair.id] = pair
                lists.audit = tx.audit_trail(limit=1_000_000)
                lists.intents = len(tx.open_intents())  # type: ignore[attr-defined]
        finally:
            self.world.on_point, self.world.armed = was, armed
        return lists

    # What administrators do.

    def _errand(self, errand: Errand) -> None:
        world = self.world
        world.tell(f"errand: {errand.kind}")
        match errand.kind:
            case "backup":
                self.file.back_up()
            case "restore" if self.file.has_backup:
                world.elapse(300)
                self.file.restore()
                world.another_life()
            case "lose":
                world.elapse(300)
                self.file.lose()
                world.another_life()
                self.allow = True
            case "rival":
                self._rival_at = world.points + 15 + errand.n % 60
                return
            case "resolve":
                self._resolve(errand.n)
            case "retry":
                self._retry()
            case _:
                return
        world.reach[f"errand {errand.kind}"] += 1

    def _resolve(self, n: int) -> None:
        """As `tieline conflicts resolve` does."""
        armed, self.world.armed = self.world.armed, False
        with self.file.store.transaction() as tx:
            found = tx.conflicts(open_only=True)
            if found:
                conflict = found[n % len(found)]
                tx.save_conflict(replace(conflict, choice=SIDES[n % 2]))
                pair = tx.pairs([conflict.pair]).get(conflict.pair)
                self.world.reach["conflict decided by a person"] += 1
                if pair is not None:
                    tx.arrive([Arrival(pair.servicenow, BY_PERSON)], self.world.now())
        self.world.armed = armed

    def _retry(self) -> None:
        """As `tieline parked retry --all` does."""
        armed, self.world.armed = self.world.armed, False
        with self.file.store.transaction() as tx:
            keys = [park.key for park in tx.all_parks()]
            pairs = tx.pairs([int(key[2:]) for key in keys if key.startswith("p:")])
            refs = [pair.servicenow for pair in pairs.values()]
            refs += [arrival_ref(key) for key in keys if key.startswith("r:")]
            tx.arrive([Arrival(ref, BY_PERSON) for ref in refs], self.world.now())
        self.world.armed = armed

    def _at_point(self, what: str) -> None:
        """A second process starts while the first is at work on the same state."""
        if not (0 <= self._rival_at <= self.world.points and what == "after a request"):
            return
        self._rival_at = -1
        armed, self.world.armed = self.world.armed, False
        self.world.reach["errand rival"] += 1
        try:
            with one_pass(self.file.url, Holder.here(self.world.now())):
                self.world.tell("a second process runs on the same state")
                self.run_pass(
                    self.config,
                    self.file.store,
                    self.sides,
                    clock=self.world.now,
                    id_=f"r{self.world.points}",
                )
        except Busy:
            self.world.reach["second process turned away"] += 1
        except TielineError as error:
            self.world.tell(f"the second process ends: {error}")
        self.world.armed = armed


def reach(stories: list[Story]) -> Counter[str]:
    """What all these runs came across, added up."""
    total: Counter[str] = Counter()
    for story in stories:
        total.update(story.world.reach)
    return total


def moment(at: datetime) -> str:
    """A time for people."""
    return f"{at:%H:%M:%S}"
