"""The simulator with a policy at work: promises hold, people win where rules say so, and there is an end."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace

from tests.simulation.evidence import Evidence
from tests.simulation.modes import governed
from tests.simulation.oracle import judge
from tests.simulation.policy import POLICY
from tests.simulation.scenario import generate
from tests.simulation.simulation import Story, run
from tests.simulation.talk import broken_promises, with_talk
from tieline.connectors.base import SIDES

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


HEARD = (
    POLICY
    + """
[[rule]]
id = "heard"
when = { comments = { matches = 'w[0-9]*[37]x' } }
then = { impact = 1 }
strength = "always"
"""
)
HEARING = (3, 8)
"""In the first a rule is at work for what people say; the second once tried a locked issue in every pass."""


def spoken(story: Story) -> Iterator[tuple[str, bool]]:
    """The couples of which a comment of people asks for the rule, and whether it was done."""
    evidence = Evidence(story)
    held = {conflict.pair for conflict in story.lists.open}
    pairs = {pair.servicenow.id: pair for pair in story.lists.pairs.values()}
    for couple in evidence.couples:
        pair = pairs.get(couple.servicenow.id)
        excused = evidence.is_parked(story.lists, couple) or not couple.visible
        if pair is None or pair.state != "active" or pair.id in held or excused:
            continue
        entries = [e for side in SIDES for e in story.sides[side].talks.talk.of(couple.row(side).id)]
        if any(re.search("w[0-9]*[37]x", e.text or "") for e in entries if not e.own):
            yield str(couple), couple.servicenow.values["impact"] == "1"


def test_what_people_say_is_heard_whatever_goes_wrong() -> None:
    done = 0
    for seed in HEARING:
        scenario = with_talk(generate(seed))
        story = run(replace(scenario, traits=replace(scenario.traits, policy=HEARD)))
        assert not story.crash, f"seed {seed}: {story.crash}"
        broken = [str(violation) for violation in judge(story)] + broken_promises(story)
        assert not broken, f"seed {seed}: {broken}"
        found = dict(spoken(story))
        assert [name for name, heard in found.items() if not heard] == [], f"seed {seed}"
        done += len(found)
    assert done
