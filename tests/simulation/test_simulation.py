"""A fixed number of seeds, every scenario that ever failed, and no proof by runs without reach."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from tests.simulation.modes import MODES, mode_of
from tests.simulation.oracle import judge
from tests.simulation.reach import below_floor
from tests.simulation.scenario import generate
from tests.simulation.shrink import load, mode_kept, save
from tests.simulation.simulation import run
from tests.simulation.soak import FLOORS_OF_ALL
from tests.simulation.ties import with_ties

SEEDS = 24
BLOCK = 12
FAILURES = sorted((Path(__file__).parent / "failures").glob("*.json"))


@pytest.mark.parametrize("first", range(0, SEEDS, BLOCK))
def test_seeds(first: int) -> None:
    reach: Counter[str] = Counter()
    for seed in range(first, first + BLOCK):
        story = run(generate(seed))
        reach.update(story.world.reach)
        broken = [str(violation) for violation in judge(story)]
        assert not broken, f"seed {seed}: {broken}; python -m tests.simulation.replay --mode plain {seed}"
    assert not below_floor(reach, BLOCK)


def test_a_long_run_can_reach_its_floors_of_modes() -> None:
    """Each mode has one, and the seeds of a long run are spread so that it is met."""
    reach = Counter(f"mode {mode_of(seed).name}" for seed in range(1000))
    floors = {what: floor for what, floor in FLOORS_OF_ALL.items() if what.startswith("mode ")}
    assert len(floors) == len(MODES)
    assert not below_floor(reach, 1000, floors)


@pytest.mark.parametrize("path", FAILURES, ids=lambda path: path.stem)
def test_what_failed_once(path: Path) -> None:
    defect, scenario = load(path)
    broken = [str(violation) for violation in MODES[mode_kept(path)].check(scenario)]
    assert not broken, f"{defect} is back: {broken}; python -m tests.simulation.replay {path}"


def test_a_kept_scenario_still_has_its_ties(tmp_path: Path) -> None:
    scenario = with_ties(generate(2))
    save(scenario, tmp_path / "kept.json", "a defect", "ties")
    assert load(tmp_path / "kept.json") == ("a defect", scenario)


def test_a_seed_always_gives_the_same_run() -> None:
    first, second = (run(generate(3)).world.trace for _ in range(2))
    assert first == second
    assert run(generate(4)).world.trace != first
