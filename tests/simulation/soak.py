"""The long run: `make soak SEEDS=10000`.

Exits 1 if a promise is broken, a mutant escapes, or reach is too low.

`make soak SEED=17` shows one seed again, with the shortest trace. With `--mutants` only the mutants are run.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import sys
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from tests.simulation import replay
from tests.simulation.mutants import MUTANTS
from tests.simulation.oracle import judge
from tests.simulation.reach import below_floor, table
from tests.simulation.scenario import generate
from tests.simulation.simulation import run

ESCAPES: Final = 400
"""A mutant that so many seeds do not catch has escaped."""
CAUGHT: Final = Path(__file__).with_name("mutant_seeds.json")
"""By which seed each mutant is caught: the test-suite runs just these."""

Outcome = tuple[int, list[str], Counter[str]]


def one(seed: int) -> Outcome:
    """Run a seed: what it broke, and what it came across."""
    story = run(generate(seed))
    return seed, [str(violation) for violation in judge(story)], story.world.reach


def catch(name: str) -> tuple[str, int, int, str]:
    """The first seed that catches a mutant, and how many were tried: the known one, then all in order."""
    known = json.loads(CAUGHT.read_text()).get(name) if CAUGHT.exists() else None
    seeds = [*([known] if known is not None else []), *range(ESCAPES)]
    for tried, seed in enumerate(seeds, 1):
        with MUTANTS[name].applied():
            found = judge(run(generate(seed)))
        if found and not judge(run(generate(seed))):
            return name, seed, tried, str(found[0])
    return name, -1, len(seeds), ""


def main() -> int:
    """The command."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--seeds", type=int, default=1000)
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--seed", type=int, help="show this one")
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--mutants", action="store_true", help="the mutants alone")
    parser.add_argument("--no-mutants", action="store_true", help="no mutants")
    parser.add_argument("--learn", action="store_true", help="remember by which seed each mutant is caught")
    options = parser.parse_args()
    if options.seed is not None:
        return replay.show(generate(options.seed))
    failed = False
    with multiprocessing.get_context("spawn").Pool(options.jobs) as pool:
        if not options.mutants:
            failed = _seeds(pool.imap_unordered(one, _range(options), chunksize=4), options.seeds)
        if not options.no_mutants:
            failed |= _mutants(pool.imap_unordered(catch, MUTANTS), learn=options.learn)
    return 1 if failed else 0


def _range(options: argparse.Namespace) -> range:
    return range(options.first, options.first + options.seeds)


def _seeds(outcomes: Iterator[Outcome], count: int) -> bool:
    started, reach, broken = time.monotonic(), Counter[str](), 0
    for number, (seed, violations, met) in enumerate(outcomes, 1):
        reach.update(met)
        broken += bool(violations)
        for violation in violations[:3]:
            print(f"seed {seed}: {violation}", flush=True)
        if number % 500 == 0:
            print(f"{number:,} seeds, {broken} broken, {time.monotonic() - started:.0f} s", flush=True)
    low = below_floor(reach, count)
    print(f"\nCome across:\n{table(reach)}\n")
    print(f"{count:,} seeds, {broken} with violations, {time.monotonic() - started:.0f} s")
    if broken:
        print("Show one again, with the shortest trace: make soak SEED=N")
    for line in low:
        print(f"too little of {line}")
    return bool(broken or low)


def _mutants(outcomes: Iterator[tuple[str, int, int, str]], *, learn: bool) -> bool:
    seeds, escaped, most = {}, [], 0
    for name, seed, tried, violation in outcomes:
        if seed < 0:
            escaped.append(name)
            print(f"mutant {name} escaped {tried} seeds", flush=True)
            continue
        seeds[name], most = seed, max(most, seed + 1)
        print(f"mutant {name}: caught by seed {seed}: {violation[:150]}", flush=True)
    print(f"{len(seeds)} of {len(MUTANTS)} mutants caught, each within {most} seeds")
    if learn:
        CAUGHT.write_text(json.dumps(dict(sorted(seeds.items())), indent=1) + "\n", encoding="utf-8")
    return bool(escaped)


if __name__ == "__main__":
    sys.exit(main())
