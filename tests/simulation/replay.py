"""Shows one seed again: `python -m tests.simulation.replay SEED`, or a file of `failures/`.

Prints what was broken, the shortest scenario that still breaks it, and the trace of that run. Exits 1 if
anything is broken. `--mode` runs a seed in another way than the long run does, `--whole` leaves out the
shortening, `--mutant NAME` runs a defective engine, `--save FILE` keeps the short scenario for `failures/`.
"""

from __future__ import annotations

import argparse
import sys
import traceback
from contextlib import nullcontext
from pathlib import Path

from tests.simulation.modes import MODES, Mode, mode_of
from tests.simulation.mutants import MUTANTS
from tests.simulation.scenario import Scenario
from tests.simulation.shrink import described, load, mode_kept, save, shrink


def main() -> int:
    """The command."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("seed", help="a number, or a file of failures/")
    parser.add_argument("--mode", choices=MODES, help="how to run it")
    parser.add_argument("--whole", action="store_true", help="do not shorten it")
    parser.add_argument("--mutant", choices=sorted(MUTANTS), help="run it on a defective engine")
    parser.add_argument("--save", type=Path, help="keep the short scenario here")
    parser.add_argument("--defect", default="", help="with --save: what was wrong")
    options = parser.parse_args()
    if options.seed.isdecimal():
        mode = MODES[options.mode] if options.mode else mode_of(int(options.seed))
        scenario = mode.scenario(int(options.seed))
    else:
        scenario, mode = load(Path(options.seed))[1], MODES[options.mode or mode_kept(Path(options.seed))]
    with MUTANTS[options.mutant].applied() if options.mutant else nullcontext():
        return show(scenario, mode, whole=options.whole, path=options.save, defect=options.defect)


def show(
    scenario: Scenario, mode: Mode, *, whole: bool = False, path: Path | None = None, defect: str = ""
) -> int:
    """Print a scenario's violations with the shortest trace; the exit code."""
    found = mode.check(scenario)
    if not found:
        print(f"seed {scenario.seed} ({mode.name}): every promise was kept")
        return 0
    print(f"seed {scenario.seed} ({mode.name}):")
    for violation in found:
        print(f"  {violation}")
    short = scenario if whole else shrink(scenario, mode.check)
    story = mode.run(short)
    print(f"\nThe shortest scenario found ({len(short)} of {len(scenario)} events):\n{described(short)}\n")
    print("\n".join(story.world.trace))
    print()
    for violation in mode.judge(story):
        print(f"  {violation}")
    if story.error is not None:
        traceback.print_exception(story.error)
    if path is not None:
        save(short, path, defect, mode.name)
    return 1


if __name__ == "__main__":
    sys.exit(main())
