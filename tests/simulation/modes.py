"""In which ways a seed can be run: as it is, with lanes, a policy, talk, files, ties, or all of it at once.

A mode changes the scenario, may stand in for `engine.run_pass`, and adds its promises to those of the oracle.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from functools import partial
from types import MappingProxyType
from typing import Final

from tests.simulation import files, talk, ties, ties_oracle
from tests.simulation.drills import drill
from tests.simulation.evidence import Violation
from tests.simulation.interleaved import Interleaved
from tests.simulation.oracle import judge
from tests.simulation.policy import POLICY
from tests.simulation.scenario import Scenario, generate
from tests.simulation.simulation import Story, run
from tieline.sync import engine

LANES: Final = 3


def _as_it_is(scenario: Scenario) -> Scenario:
    return scenario


def _nothing(_story: Story) -> Iterable[Violation]:
    return ()


@dataclass(frozen=True, slots=True)
class Mode:
    """One way to run a seed. `share` is its part of a hundred seeds of a long run."""

    name: str
    what: str
    share: int
    prepare: Callable[[Scenario], Scenario] = _as_it_is
    overlaps: bool = False
    promises: Callable[[Story], Iterable[Violation]] = _nothing

    def scenario(self, seed: int) -> Scenario:
        """The scenario of a seed as this mode runs it."""
        return self.prepare(generate(seed))

    def run(self, scenario: Scenario) -> Story:
        """Run a scenario of this mode (or a shortened one) to its end."""
        if not self.overlaps:
            return run(scenario)
        lanes = Interleaved(LANES, scenario.seed)
        story = run(scenario, partial(engine.run_pass, lanes=lanes))
        story.world.reach["turn handed to another lane"] += lanes.switches
        return story

    def judge(self, story: Story) -> list[Violation]:
        """Every promise that was not kept."""
        return [*judge(ties_oracle.for_the_oracle(story)), *(() if story.crash else self.promises(story))]

    def check(self, scenario: Scenario) -> list[Violation]:
        """What a scenario breaks in this mode."""
        return self.judge(self.run(scenario))


def small_waves(scenario: Scenario) -> Scenario:
    """The same scenario with waves of two, so that there are several to overlap."""
    return replace(scenario, traits=replace(scenario.traits, wave=2))


def governed(scenario: Scenario) -> Scenario:
    """The same scenario with a policy at work."""
    return replace(scenario, traits=replace(scenario.traits, policy=POLICY))


def _drill(scenario: Scenario) -> Scenario:
    return drill(scenario.seed)


def _everything(scenario: Scenario) -> Scenario:
    return small_waves(governed(files.with_files(talk.with_talk(scenario))))


def _talk(story: Story) -> Iterable[Violation]:
    return (Violation("P5", text) for text in talk.broken_promises(story))


def _files(story: Story) -> Iterable[Violation]:
    return (Violation("files", text) for text in files.broken_promises(story))


def _ties(story: Story) -> Iterable[Violation]:
    return (Violation(*text.split(": ", 1)) for text in ties_oracle.broken_promises(story))


def _both(story: Story) -> Iterable[Violation]:
    return (*_talk(story), *_files(story))


MODES: Final = MappingProxyType({
    mode.name: mode
    for mode in (
        Mode("plain", "one wave after the other, fields alone", 30),
        Mode("drills", "short scenarios that go for one thing each", 4, _drill),
        Mode("lanes", "waves overlap", 15, small_waves, overlaps=True),
        Mode("policy", "a policy is at work", 15, governed),
        Mode("talk", "people talk on both sides", 13, talk.with_talk, promises=_talk),
        Mode("files", "people put files on both sides", 10, files.with_files, promises=_files),
        Mode("ties", "people tie and untie records", 5, ties.with_ties, promises=_ties),
        Mode("affected", "and put items on lists", 3, ties.with_affected, promises=_ties),
        Mode("all", "lanes, policy, talk and files at once", 5, _everything, overlaps=True, promises=_both),
    )
})  # fmt: skip
"""By name. Their shares are a hundred."""


def mode_of(seed: int) -> Mode:
    """The mode in which a long run meets a seed: spread evenly, always the same one for a seed."""
    place = seed * 37 % 100
    for mode in MODES.values():
        place -= mode.share
        if place < 0:
            return mode
    raise AssertionError("the shares of all modes are a hundred")
