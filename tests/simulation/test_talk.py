"""Conversations under everything that goes wrong: each entry stands once, in order, for no more eyes (P5)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from unittest.mock import patch

import pytest

from tests.simulation.oracle import judge
from tests.simulation.scenario import generate
from tests.simulation.simulation import run
from tests.simulation.talk import broken_promises, with_talk
from tieline.sync.conversation import aspect, decide

SEEDS = 4


def test_every_entry_stands_once_in_order_for_no_more_eyes() -> None:
    reach: Counter[str] = Counter()
    for seed in range(SEEDS):
        story = run(with_talk(generate(seed)))
        reach.update(story.world.reach)
        assert not story.crash, f"seed {seed}: {story.crash}"
        assert broken_promises(story) == [], f"seed {seed}"
        assert [str(v) for v in judge(story)] == [], f"seed {seed}"
    for side in ("servicenow", "jira"):
        assert reach[f"remark say at {side}"] >= 10
    assert reach["remark edit at jira"] >= 1


@pytest.mark.parametrize(
    ("owner", "name", "defect"),
    [
        (aspect, "marks_of", lambda _talk: []),
        (aspect, "due", lambda weighed, rules, now: decide.due(weighed, rules, now)[::-1]),
        (aspect, "after_sent", lambda known, _mark: known),
    ],
    ids=["marks are not looked for", "the last goes first", "nothing is remembered"],
)
def test_a_defect_is_noticed(owner: object, name: str, defect: Callable[..., object]) -> None:
    for seed in range(12):
        with patch.object(owner, name, defect):
            story = run(with_talk(generate(seed)))
        if story.crash or broken_promises(story) or judge(story):
            return
    raise AssertionError(f"12 seeds did not notice {name}")
