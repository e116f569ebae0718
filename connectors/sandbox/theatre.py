"""What `tieline demo` plays: the scripted days of a company, or a log of real incidents, act by act.

It builds the world, the configuration and the script, and compares both sides when asked. It runs no pass.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

from tieline.connectors.sandbox import eventlog, talk
from tieline.connectors.sandbox.check import Report
from tieline.connectors.sandbox.core import VirtualClock
from tieline.connectors.sandbox.expected import Ledger, Maps
from tieline.connectors.sandbox.outage import KEYS as OUTAGE
from tieline.connectors.sandbox.replay import Replay, first_incidents, related_incidents
from tieline.connectors.sandbox.stage import Deed, Refusal
from tieline.connectors.sandbox.story import INCIDENTS, Story
from tieline.connectors.sandbox.vocabulary import observe
from tieline.connectors.sandbox.world import PROJECT, World, log_changes

MONDAY: Final = datetime(2026, 1, 5, 8, 0, tzinfo=UTC)
BEFORE: Final = timedelta(hours=1)
"""The sandbox is up so long before the first row of a log."""


@dataclass(frozen=True, slots=True)
class Act:
    """What people did before a pass; `at` (UTC) is now. At a checkpoint both sides are compared."""

    title: str
    at: datetime
    deeds: Sequence[Deed]
    checkpoint: bool


class Theatre:
    """A world with a script. Use it as a context manager: both stand-ins are served until the block ends."""

    def __init__(
        self,
        world: World,
        clock: VirtualClock,
        configuration: str,
        ledger: Ledger,
        refusals: Sequence[Refusal],
        play: Callable[[], Iterator[Act]],
        notes: Sequence[str],
        clash: str,
        outage: Callable[[], Sequence[str]] = tuple,
        conversation: Callable[[], Sequence[str]] = tuple,
    ) -> None:
        self.notes = notes
        self._world = world
        self._clock = clock
        self._configuration = configuration
        self._ledger = ledger
        self._refusals = refusals
        self._play = play
        self._clash = clash
        self._outage = outage
        self._conversation = conversation

    def now(self) -> datetime:
        """The sandbox's time (UTC)."""
        return self._clock.now()

    def advance(self, by: timedelta) -> None:
        """Let time pass in which nobody does anything."""
        self._clock.advance(by)

    @property
    def configuration(self) -> str:
        """The configuration file's text."""
        return self._configuration

    def environment(self) -> Mapping[str, str]:
        """The variables that hold the sandbox's secrets."""
        return self._world.environment()

    def acts(self) -> Iterator[Act]:
        """The acts in order: people have worked, a pass is due."""
        return self._play()

    def compare(self) -> Report:
        """Read both sides over HTTP, apart from the engine, and compare them with what people did."""
        return self._world.compare(self._ledger.maps, self._ledger.incidents.values())

    def refused(self) -> Mapping[str, Sequence[str]]:
        """Edits that the systems' rules refused, wholly or in part: reason -> where."""
        found: dict[str, list[str]] = defaultdict(list)
        for refusal in self._refusals:
            place = f"line {refusal.line}" if refusal.line else f"{refusal.key} {refusal.at:%F %H:%M}"
            found[refusal.reason].append(place)
        return found

    @property
    def clash(self) -> str:
        """The number of the incident that two people changed apart; "" in a log."""
        incident = self._ledger.incidents.get(self._clash)
        return "" if incident is None else incident.label

    def outage(self) -> Sequence[str]:
        """What ties the incidents of the outage together, as both sides show it; nothing in a log."""
        return self._outage()

    def conversation(self) -> Sequence[str]:
        """What both sides show of what was said about the incident `clash`; nothing in a log."""
        return self._conversation()

    @property
    def requests(self) -> int:
        """Requests that both stand-ins have answered so far, whoever sent them."""
        return self._world.requests.total

    def __enter__(self) -> Theatre:
        return self

    def __exit__(self, *_: object) -> None:
        self._world.stop()


def story(template: str, *, seed: int, incidents: int | None) -> Theatre:
    """The plain demo: a few scripted days, with `incidents` incidents (None: the usual number)."""
    clock = VirtualClock(MONDAY)
    world = World(clock, seed=seed).start()
    world.jira.make_service_desk(PROJECT)
    text = world.configuration(template)
    told = Story(world, clock, Maps.read(text), seed=seed, incidents=incidents or INCIDENTS)

    def play() -> Iterator[Act]:
        for act in told.acts():
            yield Act(act.title, act.at, act.deeds, checkpoint=True)

    def outage() -> Sequence[str]:
        ids = [found for key in OUTAGE if (found := told.stage.both_ids(key)) is not None]
        return world.outage(told.ledger.maps, ids)

    def conversation() -> Sequence[str]:
        ids = told.stage.both_ids(told.clash)
        return () if ids is None else talk.shown(world, *ids)

    ledger, refusals = told.ledger, told.stage.refusals
    return Theatre(world, clock, text, ledger, refusals, play, (), told.clash, outage, conversation)


def log(template: str, path: Path, *, seed: int, incidents: int | None, related: bool = False) -> Theatre:
    """The replay of an incident event log (of its first `incidents` incidents, None for all).

    With `related` only those incidents are played that were ever tied to a problem or a change.

    Raises `EventLogError` with the lines at fault.
    """
    rows = eventlog.read(path)
    rows = related_incidents(rows) if related else rows
    rows = rows if incidents is None else first_incidents(rows, incidents)
    vocabulary = observe(rows)
    clock = VirtualClock(rows[0].at - BEFORE)
    world = World(clock, seed=seed, matrix=vocabulary.matrix).start()
    world.learn(vocabulary)
    text = world.configuration(template, log_changes(template, vocabulary))
    replay = Replay(world, clock, Maps.read(text), rows, vocabulary, seed=seed)

    def play() -> Iterator[Act]:
        for pause in replay.run():
            yield Act(f"until {pause.at:%Y-%m-%d}", pause.at, pause.deeds, pause.checkpoint)

    count = len({row.number for row in rows})
    notes = [f"{len(rows)} rows of {count} incidents, {rows[0].at:%F} to {rows[-1].at:%F}"]
    notes += [f"priority contradicts the log's own matrix: {row}" for row in vocabulary.contradictions]
    return Theatre(world, clock, text, replay.ledger, replay.stage.refusals, play, notes, "")
