"""The same storms while waves overlap: which lane goes on after each question to a side, the seed says."""

from __future__ import annotations

from functools import partial

import pytest

from tests.simulation.interleaved import Interleaved
from tests.simulation.modes import LANES, small_waves
from tests.simulation.oracle import judge
from tests.simulation.scenario import generate
from tests.simulation.simulation import Story, run
from tieline.sync import engine

SEEDS = (0, 1, 4, 5, 13, 16, 17, 19)
"""Seeds of which each has more due than one wave takes, and hands the turn on a hundred times or more."""


def overlapping(seed: int) -> tuple[Story, Interleaved]:
    lanes = Interleaved(LANES, seed)
    return run(small_waves(generate(seed)), partial(engine.run_pass, lanes=lanes)), lanes


@pytest.mark.parametrize("seed", SEEDS)
def test_the_promises_hold_while_waves_overlap(seed: int) -> None:
    story, lanes = overlapping(seed)
    assert lanes.switches > 50, "nothing overlapped"
    broken = [str(violation) for violation in judge(story)]
    assert not broken, f"seed {seed}: {broken}"


def test_a_seed_always_gives_the_same_overlap() -> None:
    first, second = (overlapping(5)[0].world.trace for _ in range(2))
    assert first == second
