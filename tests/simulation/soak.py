"""The long run: `make soak SEEDS=10000`.

Each seed is run in one mode, `modes.py` says which: with overlapping waves, a policy, conversations, files,
all of it, or plain; `--mode` runs all seeds in one. Exits 1 if a promise is broken, a mutant escapes, or
reach is too low. After a few failures it stops, and shows the first with its shortest trace.

`make soak SEED=17` shows one seed again, with the shortest trace. With `--mutants` only the mutants are run.
"""

from __future__ import annotations

import argparse
import gc
import multiprocessing
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from typing import Final

from tests.simulation import catching, replay
from tests.simulation.modes import MODES, Mode, mode_of
from tests.simulation.mutants import MUTANTS
from tests.simulation.reach import FLOORS, MIXED, below_floor, table

TELL: Final = 200
"""How often the run tells how far it is: after so many seeds."""
FEW: Final = 5
"""After so many seeds that failed there is no point in going on."""

FLOORS_OF_ALL: Final = {
    **FLOORS,
    **MIXED,
    **{f"mode {mode.name}": 0.9 * mode.share for mode in MODES.values()},
}
"""What a long run must come across, nine tenths of each mode's share among it."""

Outcome = tuple[int, str, list[str], Counter[str]]


def one(job: tuple[int, str]) -> Outcome:
    """Run a seed in its mode: what it broke, and what it came across."""
    seed, name = job
    mode = MODES[name]
    try:
        story = mode.run(mode.scenario(seed))
    except Exception as error:
        return seed, name, [f"the simulator broke: {type(error).__name__}: {error}"], Counter()
    story.world.reach[f"mode {name}"] += 1
    return seed, name, [str(violation) for violation in mode.judge(story)], story.world.reach


def main() -> int:
    """The command."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--seeds", type=int, default=1000)
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--seed", type=int, help="show this one")
    parser.add_argument("--mode", choices=MODES, help="run every seed in this one (default: mixed)")
    parser.add_argument("--failures", type=int, default=FEW, help="stop after so many (default: %(default)s)")
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--mutants", action="store_true", help="the mutants alone")
    parser.add_argument("--no-mutants", action="store_true", help="no mutants")
    parser.add_argument("--learn", action="store_true", help="remember by which seed each mutant is caught")
    options = parser.parse_args()
    if options.seed is not None:
        mode = _mode(options, options.seed)
        return replay.show(mode.scenario(options.seed), mode)
    failed = False
    with multiprocessing.get_context("spawn").Pool(options.jobs, collect_rarely) as pool:
        if not options.mutants:
            jobs = ((seed, _mode(options, seed).name) for seed in _range(options))
            failed = _seeds(pool.imap_unordered(one, jobs, chunksize=4), options)
        if not options.no_mutants and not failed:
            failed |= catching.tell(pool.imap_unordered(catching.catch, MUTANTS), learn=options.learn)
    return 1 if failed else 0


def collect_rarely() -> None:
    """Look for garbage less often: a seed makes millions of small values, and what was imported stays."""
    gc.freeze()
    gc.set_threshold(50_000, 20, 20)


def _range(options: argparse.Namespace) -> range:
    return range(options.first, options.first + options.seeds)


def _mode(options: argparse.Namespace, seed: int) -> Mode:
    return MODES[options.mode] if options.mode else mode_of(seed)


def _seeds(outcomes: Iterator[Outcome], options: argparse.Namespace) -> bool:
    """Whether anything was broken, or too little was met."""
    started, reach, broken, number = time.monotonic(), Counter[str](), list[tuple[int, str]](), 0
    for number, (seed, mode, violations, met) in enumerate(outcomes, 1):
        reach.update(met)
        if violations:
            broken.append((seed, mode))
        for violation in violations[:3]:
            print(f"seed {seed} ({mode}): {violation}", flush=True)
        if number % TELL == 0:
            print(_so_far(number, options.seeds, len(broken), started), flush=True)
        if len(broken) >= options.failures:
            print(f"{len(broken)} seeds have failed: the run ends here")
            break
    print(f"\nCome across:\n{table(reach)}\n")
    print(_so_far(number, options.seeds, len(broken), started))
    low = below_floor(reach, number, FLOORS if options.mode else FLOORS_OF_ALL)
    for line in low:
        print(f"too little of {line}")
    _show(broken)
    return bool(broken or low)


def _so_far(number: int, of: int, broken: int, started: float) -> str:
    seconds = time.monotonic() - started
    return (
        f"{number:,} of {of:,} seeds, {broken} with violations, {seconds:.0f} s, "
        f"{60 * number / max(seconds, 1):.0f} seeds a minute"
    )


def _show(broken: list[tuple[int, str]]) -> None:
    """The first failure with its shortest trace, and how each is shown again."""
    for seed, name in broken[:1]:
        mode = MODES[name]
        with suppress(Exception):  # one that broke the simulator itself shows nothing more
            replay.show(mode.scenario(seed), mode)
    for seed, name in broken:
        print(f"Show it again, with the shortest trace: make soak SEED={seed} MODE={name}", flush=True)


if __name__ == "__main__":
    sys.exit(main())
