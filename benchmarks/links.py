"""How far the evaluation of links can be believed: other settings, parts of the log, and a split by time.

    python benchmarks/links.py incident_event_log.csv.gz

Prints for each variant: ties, ties to known targets, and right/proposed at recall 0.05 and 0.1; the same for
parts of the log. Then settings are chosen by what happened until the first outage was over, and tried on what
came later, with all that was known by then.
"""

from __future__ import annotations

import sys
import zlib
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

from tieline.sync.links.eventlog import Row, read_log
from tieline.sync.links.figures import Figures, curve, figures
from tieline.sync.links.history import USUAL, Settings
from tieline.sync.links.replay import Replay, replay

FIRST_OUTAGE_OVER = datetime(2016, 3, 6, tzinfo=UTC)

VARIANTS = {
    "as it is": USUAL,
    "like 3": Settings(like=3),
    "like 8": Settings(like=8),
    "all 10": Settings(all=10),
    "all 20": Settings(all=20),
    "all 30": Settings(all=30),
    "fades 1 h": Settings(fades=timedelta(hours=1)),
    "fades 4 h": Settings(fades=timedelta(hours=4)),
    "fades 8 h": Settings(fades=timedelta(hours=8)),
    "few 2": Settings(few=2),
    "few 5": Settings(few=5),
    "floor 0.01": Settings(floor=0.01),
    "floor 0.15": Settings(floor=0.15),
}


def history(rows: Sequence[Row], settings: Settings = USUAL) -> Figures:
    """What history proposed about problems."""
    found = figures(replay(rows, settings))
    return next(f for f in found if (f.kind, f.relation) == ("history", "problem"))


def split(rows: Sequence[Row], replayed: Replay, cut: datetime) -> tuple[Figures, Figures]:
    """The same until a time, and after it; what came before is known to what comes after."""
    first: dict[str, datetime] = {}
    for row in rows:
        first.setdefault(row.number, row.at)
    mine = [a for a in replayed.attempts if (a.kind, a.relation) == ("history", "problem")]
    parts = []
    for late in (False, True):
        ties = sum((first[number] >= cut) == late for number in replayed.truth["problem"])
        some = [attempt for attempt in mine if (attempt.at >= cut) == late]
        parts.append(Figures("history", "problem", ties, 0, curve(some, ties)))
    return parts[0], parts[1]


def average(found: Figures) -> float:
    """Average precision: the area below the curve, by which settings are chosen."""
    area, right = 0.0, 0
    for point in found.curve:
        area += (point.right - right) * point.precision
        right = point.right
    return area / found.ties


def chosen(rows: Sequence[Row]) -> Iterator[str]:
    """How each setting does before and after, and which one would have been chosen by the time before."""
    best = ("", -1.0)
    for name, settings in VARIANTS.items():
        before, after = split(rows, replay(rows, settings), FIRST_OUTAGE_OVER)
        best = max(best, (name, average(before)), key=lambda each: each[1])
        yield f"{name:20} {average(before):.3f}   after: {average(after):.3f} {told(after)}"
    yield f"chosen by the time before: {best[0]}"


def told(found: Figures) -> str:
    """One line about it."""
    points = [found.at(recall) for recall in (0.05, 0.1)]
    shown = [f"{p.right:>3} of {p.proposed:<4} {p.precision:.3f}" if p else "      -       " for p in points]
    return f"{found.ties:>4} {found.known:>4}   {'   '.join(shown)}"


def parts(rows: Sequence[Row]) -> Iterator[tuple[str, list[Row]]]:
    """Parts of the log: halves and thirds by number, and both sides of a split by time."""
    for whole, name in ((2, "half"), (3, "two thirds, without")):
        for part in range(whole):
            keep = [r for r in rows if (zlib.crc32(r.number.encode()) % whole == part) == (whole == 2)]
            yield f"{name} {part + 1}", keep
    first: dict[str, Row] = {}
    for row in rows:
        first.setdefault(row.number, row)
    opened = sorted(row.at for row in first.values())
    cut = opened[int(len(opened) * 0.7)]
    yield "first 70 % by time", [r for r in rows if first[r.number].at < cut]
    yield "last 30 % by time", [r for r in rows if first[r.number].at >= cut]


def main() -> None:
    rows = read_log(Path(sys.argv[1]))
    print(f"{'':20} ties known at recall 0.05       at recall 0.10")
    for name, settings in VARIANTS.items():
        print(f"{name:20} {told(history(rows, settings))}", flush=True)
    print("\nuntil the first outage was over, and after it (average precision)")
    for line in chosen(rows):
        print(line, flush=True)
    for name, some in parts(rows):
        print(f"{name:20} {told(history(some))}", flush=True)


if __name__ == "__main__":
    main()
