"""The simulator with a policy at work: promises hold, people win where rules say so, and there is an end."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import replace

from tests.simulation.oracle import judge
from tests.simulation.scenario import Scenario, generate
from tests.simulation.simulation import Story, run

POLICY = """
[[rule]]
id = "to-one"
when = { category = "network" }
then = { group = "Group 1" }

[[rule]]
id = "urgent"
when = { category = "hardware" }
then = { urgency = 1, note = "Hardware is urgent." }
strength = "always"

[[rule]]
id = "working"
when = { status = "2" }
then = { labels = "worked-on", note = { servicenow = "Somebody works on it." } }

[[rule]]
id = "old"
when = { category = "software", opened = { older_than = "10m" } }
then = { category = "inquiry" }

[[rule]]
id = "not-yet"
when = { summary = { contains = "3" }, not = { opened = { older_than = "10m" } } }
then = { hold = "wait for ten minutes" }

[[rule]]
id = "held"
when = { subcategory = { contains = "sub4" } }
then = { hold = "somebody looks at it" }
"""
SEEDS = (3, 5, 7, 11, 17, 172)
"""Those in which every rule is at work, and one that once made a second mirror."""


def governed(seed: int) -> Scenario:
    scenario = generate(seed)
    return replace(scenario, traits=replace(scenario.traits, policy=POLICY))


def ruled(story: Story) -> Counter[str]:
    """What rules did, by rule, as the audit has it."""
    whys = " ".join(why for entry in story.lists.audit for why in entry.why)
    return Counter(re.findall(r"rule (\S+) \(", whys))


def test_seeds() -> None:
    done: Counter[str] = Counter()
    held = 0
    for seed in SEEDS:
        story = run(governed(seed))
        broken = [str(violation) for violation in judge(story)]
        assert not broken, f"seed {seed} with a policy: {broken}"
        done += ruled(story)
        held += sum(park.reason == "rule" for park in story.lists.parks)
    assert {"to-one", "urgent", "working", "old"} <= done.keys(), done
    assert held
