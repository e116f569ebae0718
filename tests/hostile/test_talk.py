"""Random conversations with every fault of both sides on: exactly once, in order, by whom, for no more eyes.

A small one by default; `make soak-conversation` runs 5,000 entries on 500 pairs with twenty seeds, from the
one that `TALK=320` names on.
"""

from __future__ import annotations

import os
from datetime import timedelta
from pathlib import Path

import pytest

from tieline.connectors.sandbox.core import VirtualClock
from tieline.connectors.sandbox.expected import Maps
from tieline.connectors.sandbox.story import Story
from tieline.connectors.sandbox.theatre import MONDAY
from tieline.connectors.sandbox.world import PROJECT, World

from .storm import INTERVAL, QUIET_PASSES, every_fault, only_clocks, storm, told
from .talk import Said, Talk, out_of_order

RATE = 0.02
SEEDS = int(os.environ.get("TIELINE_TALK_SEEDS", "1"))
FIRST = int(os.environ.get("TIELINE_TALK_FIRST", "300"))
PAIRS = int(os.environ.get("TIELINE_TALK_PAIRS", "12"))
ENTRIES = int(os.environ.get("TIELINE_TALK_ENTRIES", "150"))
FILED = int(os.environ.get("TIELINE_TALK_FILED", "1"))
BOTH = every_fault(RATE, ("servicenow", "jira"))


def play(
    seed: int, pairs: int, entries: int, text: str, world: World, clock: VirtualClock, folder: Path,
    monkeypatch: pytest.MonkeyPatch, long: float = 0.004,
) -> int:  # fmt: skip
    """Let people talk while all goes wrong that can, and judge it; how many entries stand as files."""
    rounds = max(6, entries // 250)
    story = Story(world, clock, Maps.read(text), seed=seed, incidents=pairs)
    with storm(world, clock, text, story.ledger, folder, monkeypatch) as found:
        story.raise_all(clock.now())
        found.bring_to_rest(QUIET_PASSES)
        with found.store.read() as tx:
            paired = [(p.servicenow.id, p.jira.id) for p in tx.walk_pairs(0, 10**6)]
        assert len(paired) == pairs
        talk = Talk(world, clock, paired, seed, long)
        world.trouble(BOTH)
        for number in range(rounds):
            talk.go_on(entries // rounds + (number < entries % rounds))
            clock.advance(INTERVAL)
            found.run()
        world.trouble(only_clocks(BOTH))
        found.bring_to_rest(QUIET_PASSES)
        clock.advance(timedelta(days=1))
        found.bring_to_rest(QUIET_PASSES)
        assert found.run(), told(found)
        assert found.summaries[-1].counts.get("writes", 0) == 0, told(found)
        faults = list(talk.faults())
        assert faults == [], (len(faults), faults[:10], told(found))
        carried = sum(s.counts.get("comments", 0) for s in found.summaries)
        print(f"{len(talk.said)} entries on {pairs} pairs, {carried} writes of entries,",
              f"{len(found.summaries)} passes, {found.failures.total()} stopped,",
              f"{world.requests.faults.total()} faults, {world.requests.total} requests")  # fmt: skip
        return talk.filed()


@pytest.mark.timeout(3600)
@pytest.mark.parametrize("seed", range(FIRST, FIRST + SEEDS))
def test_conversations_with_trouble_on_both_sides(
    seed: int, root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = VirtualClock(MONDAY)
    with World(clock, seed=seed) as world:
        world.jira.make_service_desk(PROJECT)
        text = world.configuration((root / "config.example.toml").read_text(encoding="utf-8"))
        assert play(seed, PAIRS, ENTRIES, text, world, clock, tmp_path, monkeypatch) == 0


@pytest.mark.timeout(3600)
@pytest.mark.parametrize("seed", range(FIRST, FIRST + FILED))
def test_long_entries_as_files_with_trouble_on_both_sides(
    seed: int, root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = VirtualClock(MONDAY)
    with World(clock, seed=seed) as world:
        world.jira.make_service_desk(PROJECT)
        text = world.configuration((root / "config.example.toml").read_text(encoding="utf-8"))
        text = text.replace("\n[comments]\n", '\n[comments]\ntoo_long = "file"\n')
        assert play(seed, 4, 24, text, world, clock, tmp_path, monkeypatch, long=0.3)


def said(word: str, minute: int) -> Said:
    entry = Said("jira", "1", str(minute), "Fred Luddy", public=False, at=MONDAY + timedelta(minutes=minute))
    entry.versions.append((word, word))
    return entry


def test_the_judge_tells_of_a_wrong_order_also_where_an_entry_stands_twice() -> None:
    talk = [said("word000001x", 1), said("word000002x", 2), said("word000003x", 3)]
    first, second, third = (entry.versions[0][0] for entry in talk)
    assert list(out_of_order(talk, [first, second, third])) == []
    assert list(out_of_order(talk, [first, second, first, third])) == []  # that it stands twice is told apart
    assert list(out_of_order(talk, [second, second, first, third])) == [
        f"{second} stands before {first}, which was said first"
    ]
