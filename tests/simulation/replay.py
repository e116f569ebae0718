"""Shows one seed again: `python -m tests.simulation.replay SEED`, or a file of `failures/`.

Prints what was broken, the shortest scenario that still breaks it, and the trace of that run. Exits 1 if
anything is broken. `--whole` leaves out the shortening, `--mutant NAME` runs a defective engine,
`--save FILE` keeps the short scenario for `failures/`.
"""

from __future__ import annotations

import argparse
import sys
import traceback
from contextlib import nullcontext
from pathlib import Path

from tests.simulation.mutants import MUTANTS
from tests.simulation.oracle import Violation, judge
from tests.simulation.scenario import Scenario, generate
from tests.simulation.shrink import described, load, save, shrink
from tests.simulation.simulation import run


def check(scenario: Scenario) -> list[Violation]:
    """What a scenario breaks."""
    return judge(run(scenario))


def main() -> int:
    """The command."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("seed", help="a number, or a file of failures/")
    parser.add_argument("--whole", action="store_true", help="do not shorten it")
    parser.add_argument("--mutant", choices=sorted(MUTANTS), help="run it on a defective engine")
    parser.add_argument("--save", type=Path, help="keep the short scenario here")
    parser.add_argument("--defect", default="", help="with --save: what was wrong")
    options = parser.parse_args()
    number = options.seed.isdecimal()
    scenario = generate(int(options.seed)) if number else load(Path(options.seed))[1]
    with MUTANTS[options.mutant].applied() if options.mutant else nullcontext():
        return show(scenario, whole=options.whole, path=options.save, defect=options.defect)


def show(scenario: Scenario, *, whole: bool = False, path: Path | None = None, defect: str = "") -> int:
    """Print a scenario's violations with the shortest trace; the exit code."""
    found = check(scenario)
    if not found:
        print(f"seed {scenario.seed}: every promise was kept")
        return 0
    print(f"seed {scenario.seed}:")
    for violation in found:
        print(f"  {violation}")
    short = scenario if whole else shrink(scenario, check)
    story = run(short)
    print(f"\nThe shortest scenario found ({len(short)} of {len(scenario)} events):\n{described(short)}\n")
    print("\n".join(story.world.trace))
    print()
    for violation in judge(story):
        print(f"  {violation}")
    if story.error is not None:
        traceback.print_exception(story.error)
    if path is not None:
        save(short, path, defect)
    return 1


if __name__ == "__main__":
    sys.exit(main())
