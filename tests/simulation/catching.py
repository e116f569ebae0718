"""Which scenario catches which mutant: `make soak` tries the known one first, then drills, then seeds.

A mutant counts as caught where the oracle sees a broken promise on a scenario on which the engine itself
breaks none. An exception of the defective engine proves nothing: it would have been seen without an oracle.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Final

from tests.simulation.drills import NUMBER, drill
from tests.simulation.mutants import MUTANTS
from tests.simulation.oracle import judge
from tests.simulation.scenario import Scenario, generate
from tests.simulation.simulation import run

CAUGHT: Final = Path(__file__).with_name("mutant_seeds.json")
"""By which seed, or drill (`d17`), each mutant is caught: the test-suite runs just these."""
DRILLS: Final = 56
SEEDS: Final = 500
"""A mutant that so many of each do not catch has escaped."""


@dataclass(frozen=True, slots=True)
class Try:
    """One mutant on one scenario: how often the defect was come across, and what the oracle saw."""

    hits: int
    crash: str
    seen: tuple[str, ...]

    @property
    def caught(self) -> bool:
        """Whether the oracle, and no exception, tells."""
        return bool(self.seen and self.hits and not self.crash)


@dataclass(frozen=True, slots=True)
class Catch:
    """What came of one mutant; `by` is "" if it escaped."""

    name: str
    by: str
    tried: int
    hits: int
    seen: str = ""


def scenario_of(name: str) -> Scenario:
    """The scenario of a seed (`17`) or a drill (`d17`)."""
    return drill(int(name.removeprefix(NUMBER))) if name.startswith(NUMBER) else generate(int(name))


def known() -> dict[str, str]:
    """By what each mutant is known to be caught."""
    found: dict[str, str] = json.loads(CAUGHT.read_text(encoding="utf-8"))
    return found


@cache
def is_clean(name: str) -> bool:
    """Whether the engine itself breaks nothing on a scenario."""
    return not judge(run(scenario_of(name)))


def attempt(mutant: str, scenario: str) -> Try:
    """Run one mutant on one scenario."""
    with MUTANTS[mutant].applied() as hits:
        story = run(scenario_of(scenario))
        seen = () if story.crash else tuple(map(str, judge(story)))
    return Try(hits.total(), story.crash, seen)


def catch(mutant: str) -> Catch:
    """What catches a mutant."""
    first = known().get(mutant)
    names = [f"{NUMBER}{n}" for n in range(DRILLS)] + [str(n) for n in range(SEEDS)]
    hits = 0
    for tried, name in enumerate([*([first] if first else []), *names], 1):
        told = attempt(mutant, name)
        hits += told.hits
        if told.caught and is_clean(name):
            return Catch(mutant, name, tried, hits, told.seen[0])
    return Catch(mutant, "", len(names), hits)


def tell(catches: Iterable[Catch], *, learn: bool) -> bool:
    """Print what came of all mutants; whether one escaped."""
    found = list(_told(catches))
    by = {each.name: each.by for each in found if each.by}
    drills = [int(name.removeprefix(NUMBER)) for name in by.values() if name.startswith(NUMBER)]
    seeds = [int(name) for name in by.values() if not name.startswith(NUMBER)]
    print(
        f"mutants caught {len(by)} of {len(MUTANTS)}: {len(drills)} of them within "
        f"{max(drills, default=-1) + 1} drills, {len(seeds)} within {max(seeds, default=-1) + 1} seeds"
    )
    if learn:
        CAUGHT.write_text(json.dumps(dict(sorted(by.items())), indent=1) + "\n", encoding="utf-8")
    return len(by) < len(MUTANTS)


def _told(catches: Iterable[Catch]) -> Iterator[Catch]:
    for each in catches:
        if each.by:
            print(f"mutant {each.name}: caught by {each.by}: {each.seen[:150]}", flush=True)
        else:
            why = f"it was come across {each.hits} times" if each.hits else "nothing came across it"
            print(f"mutant {each.name} escaped {each.tried} scenarios: {why}", flush=True)
        yield each
