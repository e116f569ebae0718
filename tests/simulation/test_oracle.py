"""Each excuse that the oracle knows, and the same run without it: then it sees a broken promise."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from tests.simulation.modes import MODES
from tests.simulation.shrink import load
from tests.simulation.simulation import Story

FAILURES = Path(__file__).parent / "failures"
TALK = MODES["talk"]


def told(name: str) -> Story:
    """A kept scenario, run: nothing is broken in it."""
    story = TALK.run(load(FAILURES / f"{name}.json")[1])
    assert TALK.judge(story) == []
    return story


def broken(story: Story) -> set[str]:
    """The promises that the oracle sees broken."""
    return {violation.promise for violation in TALK.judge(story)}


def test_a_race_that_is_told_late_counts_by_the_moment_it_names() -> None:
    story = told("race-told-late")
    conflicts = story.lists.conflicts
    story.lists.conflicts = {key: c for key, c in conflicts.items() if c.kind != "race"}
    assert "P2" in broken(story)
    story.lists.conflicts = {
        key: replace(c, reason=c.reason.replace("2026-01-05", "2026-01-04")) for key, c in conflicts.items()
    }
    assert "P2" in broken(story)


def test_a_rule_s_value_is_taken_for_a_person_s_only_where_nothing_told() -> None:
    """The create's answer came, or nobody else had written: then the engine had to know better."""
    story = told("rule-in-a-lost-create")
    audit, touched = list(story.lists.audit), list(story.world.touched)
    story.lists.audit = [replace(entry, detail="") for entry in audit]
    assert "P2" in broken(story)
    story.lists.audit = audit
    assert TALK.judge(story) == []
    story.world.touched = []
    story.world.log = [each for each in story.world.log if each.who != "person" or each.side == "jira"]
    assert touched
    assert "P2" in broken(story)
