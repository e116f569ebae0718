"""Every fault of both sides at 2 %, then calm: nothing is doubled, nothing is lost in silence.

A few seeds by default; `make soak-hostile` runs twenty, and as many replays of 2,000 incidents of the log.
"""

from __future__ import annotations

import os
from collections import Counter
from datetime import timedelta
from pathlib import Path

import pytest

from tieline.connectors.sandbox import eventlog
from tieline.connectors.sandbox.check import Report
from tieline.connectors.sandbox.core import VirtualClock
from tieline.connectors.sandbox.expected import Maps
from tieline.connectors.sandbox.replay import Replay, first_incidents, related_incidents
from tieline.connectors.sandbox.story import Story
from tieline.connectors.sandbox.theatre import BEFORE, MONDAY
from tieline.connectors.sandbox.vocabulary import observe
from tieline.connectors.sandbox.world import World, log_changes

from .storm import QUIET_PASSES, Storm, every_fault, only_clocks, storm, told

RATE = float(os.environ.get("TIELINE_SOAK_RATE", "0.02"))
SEEDS = int(os.environ.get("TIELINE_SOAK_SEEDS", "2"))
LOGS = int(os.environ.get("TIELINE_SOAK_LOGS", "1"))
INCIDENTS = int(os.environ.get("TIELINE_SOAK_INCIDENTS", "40"))
BOTH = every_fault(RATE, ("servicenow", "jira"))
PASSES_A_DAY = 4
REPLAYS = [("first", 7 + n) for n in range(LOGS)] + [("related", 8 + n) for n in range(max(1, LOGS // 5))]
"""Which incidents of the log: the first ones, or those that were ever tied to a problem or a change."""


def check(found: Storm, world: World) -> None:
    """The trouble ends, passes run out, both sides are compared with each other and with people's edits."""
    stood = standing(found)
    world.trouble(only_clocks(BOTH))
    found.bring_to_rest(QUIET_PASSES)
    assert found.run(), told(found)
    assert found.summaries[-1].counts.get("writes", 0) == 0, told(found)
    report = found.compare()
    assert report.duplicates == (), told(found)
    assert report.missing == (), told(found)
    assert found.unexplained(report) == [], told(found)
    assert doubled(report) == [], "a link stands twice"
    assert unexplained_relations(found, report) == [], told(found)
    print(
        f"{report.pairs} pairs, {report.relations} relations, {len(found.summaries)} passes,",
        f"{found.failures.total()} stopped,",
        f"{world.requests.faults.total()} faults; {len(report.differences)} differences, all of them told;",
        f"at the storm's end {stood}; in the end {standing(found)}",
    )


def standing(found: Storm) -> str:
    """How many pairs are parked, and how many conflicts stand open, each by its reason."""
    with found.store.read() as tx:
        parked = Counter(park.reason for park in tx.all_parks())
        conflicts = Counter(each.kind for each in tx.conflicts(open_only=True, limit=10**6))
    return f"parked: {dict(parked) or 'none'}, open conflicts: {dict(conflicts) or 'none'}"


def doubled(report: Report) -> list[str]:
    """Relations that Jira shows more than once."""
    return [said for said in report.misrelated if " times in Jira" in said and " 0 times" not in said]


def unexplained_relations(found: Storm, report: Report) -> list[str]:
    """Relations that are not as they should be, of incidents about which nothing was said."""
    with found.store.read() as tx:
        held = {s.pair for s in tx.walk_relations(None, 100_000) if s.held}
        known = {p.number: p.id for p in tx.walk_pairs(0, 100_000)}
    parked = found.parked()
    return [
        said for said in report.misrelated
        if known.get(said.partition(":")[0]) not in held and not any(said.startswith(n) for n in parked)
    ]  # fmt: skip


@pytest.mark.parametrize("seed", range(100, 100 + SEEDS))
def test_a_story_with_trouble_on_both_sides_ends_in_step(
    seed: int, root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = VirtualClock(MONDAY)
    with World(clock, seed=seed, troubles=BOTH) as world:
        text = world.configuration((root / "config.example.toml").read_text(encoding="utf-8"))
        story = Story(world, clock, Maps.read(text), seed=seed, incidents=40)
        with storm(world, clock, text, story.ledger, tmp_path, monkeypatch) as found:
            for _ in story.acts():
                found.bring_to_rest(8)
            assert world.requests.faults.total() > 20
            check(found, world)


@pytest.mark.timeout(3600)
@pytest.mark.parametrize(("which", "seed"), REPLAYS)
def test_the_log_with_trouble_on_both_sides_ends_in_step(
    which: str, seed: int, shared: Path, root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = eventlog.read(shared / "data" / "incident_event_log.csv.gz")
    if which == "related":
        rows = first_incidents(related_incidents(rows), max(INCIDENTS // 4, 4))
    rows = first_incidents(rows, INCIDENTS)
    vocabulary = observe(rows)
    clock = VirtualClock(rows[0].at - BEFORE)
    template = (root / "config.example.toml").read_text(encoding="utf-8")
    with World(clock, seed=seed, matrix=vocabulary.matrix, troubles=BOTH) as world:
        world.learn(vocabulary)
        text = world.configuration(template, log_changes(template, vocabulary))
        replay = Replay(world, clock, Maps.read(text), rows, vocabulary, seed=seed)
        with storm(world, clock, text, replay.ledger, tmp_path, monkeypatch) as found:
            for _ in replay.run():
                for _ in range(PASSES_A_DAY):
                    found.run()
                    clock.advance(timedelta(minutes=3))
            check(found, world)
