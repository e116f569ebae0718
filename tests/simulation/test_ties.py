"""Relations under everything that goes wrong: they converge, none is doubled, invented, lost or undone."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest

from tests.simulation.oracle import judge
from tests.simulation.scenario import Scenario, generate
from tests.simulation.shrink import load
from tests.simulation.simulation import Story, run
from tests.simulation.ties import Tied, with_affected, with_ties
from tests.simulation.ties_oracle import broken_promises, for_the_oracle, reached
from tests.simulation.world import Look
from tieline.sync.links import affected, relations_aspect, relations_merge, relations_steps
from tieline.sync.model import Step

SEEDS = (2, 3)
CAUGHT = 3
LISTED = (7, 21)
LISTED_CAUGHT = 21


def played(seed: int, people: Callable[[Scenario], Tied] = with_ties) -> tuple[Story, list[str]]:
    """A seed, and everything that was broken in it."""
    story = run(people(generate(seed)))
    if story.crash:
        return story, [story.crash]
    return story, broken_promises(story) + [str(each) for each in judge(for_the_oracle(story))]


def test_ties_converge_and_none_is_doubled_invented_lost_or_undone() -> None:
    stories = []
    for seed in SEEDS:
        story, broken = played(seed)
        assert broken == [], f"seed {seed}"
        stories.append(story)
    reach = reached(stories)
    for what in ("made column", "made link", "took away column", "took away link"):
        assert reach[f"person {what}"] >= 3, reach
    for what in ("made column", "made link", "made remote"):
        assert reach[f"tieline {what}"] >= 3, reach


def _forgets(rule: object, standings: object) -> relations_merge.Ends:
    """A Base that knows nothing: what was removed comes back."""
    return relations_merge.Ends()


def _clears(now: relations_merge.Ends, base: relations_merge.Ends, **rules: Any) -> Any:
    """A merge that takes a link with an empty column for a removal."""
    merged = relations_merge.merge_relation(now, base, **rules)
    return merged if now.column else relations_merge.Merged()


def _again(job: relations_steps.Job) -> Iterator[Step]:
    """Every link that should stand is made, whether it stands or not."""
    shown = replace(job.view, links={}, remote=frozenset(), unseen=frozenset())
    return _made(replace(job, view=shown))


_made = relations_steps._made


@pytest.mark.parametrize(
    ("owner", "name", "defect", "promise"),
    [
        (relations_aspect, "base", _forgets, "P2"),
        (relations_aspect, "merge_relation", _clears, "P2"),
        (relations_steps, "_made", _again, "P1"),
    ],
    ids=["removals are forgotten", "new links are cleared", "links are made again"],
)
def test_a_defect_is_caught(owner: object, name: str, defect: Callable[..., object], promise: str) -> None:
    with patch.object(owner, name, defect):
        _, broken = played(CAUGHT)
    assert any(each.startswith(promise) for each in broken), broken


@pytest.mark.parametrize("near", ["", "not told", "told of another", "told long after", "seen before"])
def test_a_tie_that_a_write_met_is_excused_where_that_race_is_told(near: str) -> None:
    kept = Path(__file__).parent / "failures" / "tied-while-the-column-was-written.json"
    story = run(load(kept)[1])
    (met,) = (each for each in story.sides["servicenow"].ties.log if each.who == "person")
    told = story.lists.conflicts
    ((key, race),) = told.items()
    match near:
        case "not told":
            told.clear()
        case "told of another":
            told[key] = replace(race, unit="duplicate")
        case "told long after":
            told[key] = replace(race, at=race.at + timedelta(hours=1))
        case "seen before":
            story.world.looks["servicenow", met.triple[1]].append(Look(met.seq, met.at))
    assert bool(broken_promises(story)) == bool(near)


@pytest.mark.parametrize("near", ["", "seen before", "taken by the engine", "taken away by nobody"])
def test_one_of_two_that_a_person_took_away_unseen_may_go_with_the_other(near: str) -> None:
    """Both say the same: nothing is left of it on that side, as they wanted, and the column follows."""
    kept = Path(__file__).parent / "failures" / "one-of-two-taken-away.json"
    story = run(load(kept)[1])
    log = story.sides["jira"].ties.log
    gone = [each for each in log if not each.made and each.triple[0] == "duplicate"]
    assert [each.who for each in gone] == ["person", "tieline"]
    theirs = gone[0]
    match near:
        case "seen before":
            story.world.looks["jira", theirs.triple[1]].append(Look(theirs.seq, theirs.at))
        case "taken by the engine":
            log[log.index(theirs)] = replace(theirs, who="tieline")
        case "taken away by nobody":
            log.remove(theirs)
    assert any("duplicate" in each and "by nobody" in each for each in broken_promises(story)) == bool(near)


def test_affected_items_are_shown_once_and_the_list_stays_peoples() -> None:
    stories = []
    for seed in LISTED:
        story, broken = played(seed, with_affected)
        assert broken == [], f"seed {seed}"
        stories.append(story)
    reach = reached(stories)
    for what in ("person made listed", "person took away listed", "person took away remote"):
        assert reach[what] >= 3, reach
    for what in ("tieline made remote", "tieline took away remote"):
        assert reach[what] >= 3, reach


def _puts_back(items: affected.Items) -> Iterator[Step]:
    """What is listed is shown, whatever people took away."""
    return _steps(replace(items, known={}))


def _keeps(items: affected.Items) -> Iterator[Step]:
    """Nothing is ever taken away."""
    return _steps(replace(items, told=replace(items.told, whole=False)))


def _drops(items: affected.Items) -> Iterator[Step]:
    """An answer that could not be read is taken for an empty list."""
    told = replace(items.told, items=items.told.items[1:])
    return _steps(replace(items, told=told))


_steps = affected.steps


@pytest.mark.parametrize(
    ("defect", "promise"),
    [(_puts_back, "P2"), (_keeps, "P3"), (_drops, "P")],
    ids=["removals are undone", "what is off the list stays", "what is listed goes"],
)
def test_a_defect_in_showing_affected_items_is_caught(defect: Callable[..., object], promise: str) -> None:
    with patch.object(affected, "steps", defect):
        _, broken = played(LISTED_CAUGHT, with_affected)
    assert any(each.startswith(promise) for each in broken), broken
