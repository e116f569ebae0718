"""The simulator with a policy at work: promises hold, people win where rules say so, and there is an end."""

from __future__ import annotations

import re
from collections import Counter

from tests.simulation.modes import governed
from tests.simulation.oracle import judge
from tests.simulation.scenario import generate
from tests.simulation.simulation import Story, run

SEEDS = (3, 5, 7, 11, 17, 172)
"""Those in which every rule is at work, and one that once made a second mirror."""


def ruled(story: Story) -> Counter[str]:
    """What rules did, by rule, as the audit has it."""
    whys = " ".join(why for entry in story.lists.audit for why in entry.why)
    return Counter(re.findall(r"rule (\S+) \(", whys))


def test_seeds() -> None:
    done: Counter[str] = Counter()
    held = 0
    for seed in SEEDS:
        story = run(governed(generate(seed)))
        broken = [str(violation) for violation in judge(story)]
        assert not broken, f"seed {seed} with a policy: {broken}"
        done += ruled(story)
        held += sum(park.reason == "rule" for park in story.lists.parks)
    assert {"to-one", "urgent", "working", "old"} <= done.keys(), done
    assert held
