"""Every fault of Jira at 2 %, many passes, then calm: nothing is doubled, nothing is lost in silence."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tieline.connectors.sandbox.core import VirtualClock
from tieline.connectors.sandbox.expected import Maps
from tieline.connectors.sandbox.story import Story
from tieline.connectors.sandbox.theatre import MONDAY
from tieline.connectors.sandbox.world import World

from .storm import QUIET_PASSES, every_fault, storm, told

RATE = 0.02


@pytest.mark.parametrize("seed", range(int(os.environ.get("TIELINE_STORM_SEEDS", "2"))))
def test_a_story_in_a_storm_of_jira_ends_in_step(
    seed: int, root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = VirtualClock(MONDAY)
    with World(clock, seed=seed, troubles=every_fault(RATE, ("jira",))) as world:
        text = world.configuration((root / "config.example.toml").read_text(encoding="utf-8"))
        story = Story(world, clock, Maps.read(text), seed=seed, incidents=40)
        with storm(world, clock, text, story.ledger, tmp_path, monkeypatch) as found:
            for _ in story.acts():
                found.bring_to_rest(8)
            struck = world.requests.faults.total()
            world.trouble()
            found.bring_to_rest(QUIET_PASSES)
            assert found.run(), told(found)
            assert found.summaries[-1].counts.get("writes", 0) == 0, told(found)
            report = found.compare()
            assert report.duplicates == (), told(found)
            assert report.missing == (), told(found)
            assert found.unexplained(report) == [], told(found)
    assert struck > 20
