"""Relations under everything that goes wrong: they converge, none is doubled, invented, lost or undone."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any
from unittest.mock import patch

import pytest

from tests.simulation.oracle import judge
from tests.simulation.scenario import generate
from tests.simulation.simulation import Story, run
from tests.simulation.ties import with_ties
from tests.simulation.ties_oracle import broken_promises, for_the_oracle, reached
from tieline.sync.links import relations_aspect, relations_merge, relations_steps
from tieline.sync.model import Step

SEEDS = (2, 3)
CAUGHT = 3


def played(seed: int) -> tuple[Story, list[str]]:
    """A seed, and everything that was broken in it."""
    story = run(with_ties(generate(seed)))
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
