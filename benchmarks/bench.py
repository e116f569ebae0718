"""What Tieline costs: `make bench` prints each figure beside the floor, the same requests from a bare client.

The sandbox runs in a process of its own, with a given latency and eight requests at a time on each side, and
each pass in another, so that its memory is its own.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

from benchmarks.bare import CONCURRENCY, Bare, edits, new_incidents, phase, shown_links
from benchmarks.pages import ROOT, machine, put
from benchmarks.simple import simple_script

INDEX_LAG: Final = 4.0
"""Seconds that the sandbox's Jira index lags at most: what is measured next must find all, and no more."""
SAMPLE: Final = 40
"""Incidents that the simple script is timed on; its figure is that, times as many as Tieline had."""
OVERLAP_S: Final = 6
"""How far the feeds reach back: beyond that lag, so that a row shows its changes, not those before it."""
LATENCIES: Final = (0.0, 0.05)


@dataclass(frozen=True)
class Measured:
    """What one pass cost: seconds, requests, its own processor time and the highest memory of its process."""

    seconds: float
    requests: int
    cpu: float
    memory: float
    counts: Mapping[str, int]


@dataclass(frozen=True)
class Row:
    """One line of the table. Seconds; `changes` is what the requests are counted by, `floor` and its
    requests are the bare client's, `simple` the simple script's."""

    name: str
    seconds: float
    requests: int | None = None
    changes: int = 0
    cpu: float | None = None
    memory: float | None = None
    floor: float | None = None
    floor_requests: int = 0
    simple: float | None = None
    formula: str = ""


@dataclass(frozen=True)
class Sandbox:
    """A running sandbox: where its configuration is, and how a bare client signs in."""

    folder: Path
    servicenow: Mapping[str, str]
    jira: Mapping[str, str]
    pid: int

    def bare(self) -> Bare:
        """A bare client."""
        return Bare(self.servicenow, self.jira)

    def worked(self) -> float:
        """Processor seconds that both stand-ins have used so far; 0.0 where the system does not tell."""
        try:
            fields = Path(f"/proc/{self.pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
        except OSError:
            return 0.0
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


@contextmanager
def sandbox(incidents: int, latency: float) -> Iterator[Sandbox]:
    """A sandbox in a process of its own, with half of the incidents on each side."""
    with tempfile.TemporaryDirectory() as name:
        command = [
            sys.executable, "-m", "tieline.cli", "sandbox", "--json", "--dir", name,
            "--incidents", str(incidents), "--latency", str(latency), "--concurrency", str(CONCURRENCY),
        ]  # fmt: skip
        process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)  # noqa: S603
        try:
            assert process.stdout is not None
            told = json.loads(process.stdout.readline())
            config = Path(name) / "config.toml"
            text = re.sub(r'^overlap = "[^"]*"', f'overlap = "{OVERLAP_S}s"', config.read_text(), flags=re.M)
            config.write_text(text)
            yield Sandbox(Path(name), told["servicenow"], told["jira"], process.pid)
        finally:
            process.terminate()
            process.wait(10)


def one_pass(box: Sandbox, count: int = 1) -> Measured:
    """The last of so many passes, in a process of its own."""
    command = [
        sys.executable,
        "-m",
        "benchmarks.bench",
        "--pass",
        str(box.folder / "config.toml"),
        str(count),
    ]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True, cwd=ROOT)  # noqa: S603
    return Measured(**json.loads(done.stdout.splitlines()[-1]))


def measured_passes(config: Path, count: int) -> dict[str, Any]:
    """In that process: the passes, as `tieline sync` runs them."""
    from tieline.cli import Adapters
    from tieline.sync.commands.session import open_session, utc_now
    from tieline.sync.engine import run_pass
    from tieline.sync.lanes import WAVES_AT_ONCE, Lanes
    from tieline.sync.run import PassOptions

    found: dict[str, Any] = {}
    with open_session(Adapters(), config, create=True) as session:
        for number in range(count):
            sent, worked, started = sum(session.requests().values()), time.process_time(), time.perf_counter()
            summary = run_pass(
                session.config, session.store, session.sides, clock=utc_now,
                id_=f"bench-{started}-{number}", options=PassOptions(initial=True),
                lanes=Lanes(WAVES_AT_ONCE),
            )  # fmt: skip
            found = {
                "seconds": time.perf_counter() - started,
                "requests": sum(session.requests().values()) - sent,
                "cpu": time.process_time() - worked,
                "memory": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
                "counts": dict(summary.counts),
            }
    return found


def with_latency(count: int, latency: float) -> list[Row]:
    """Mirror `count` incidents each way, then carry as many field changes over, and take some into work."""
    started = min(count, 200)
    with sandbox(2 * count, latency) as box:
        bare = box.bare()
        time.sleep(INDEX_LAG)
        mirrored = one_pass(box)
        assert mirrored.counts["created"] == 2 * count, mirrored.counts
        one_pass(box, 2)
        incidents = bare.incidents()
        time.sleep(2 * OVERLAP_S)
        phase(bare.write_incidents(edits(incidents[:count], "changed")))
        changed = one_pass(box)
        assert changed.counts["changed"] == count, changed.counts
        time.sleep(2 * OVERLAP_S)
        phase(bare.write_incidents(taken(incidents[:started])))
        taken_on = one_pass(box)
    floors, simple = floors_of(count, started, latency)
    label = f"{latency * 1000:.0f} ms"
    return [
        _row(f"initial mirror, {count:,} each way, {label}", mirrored, 2 * count, floors[0], simple[0],
             "n/100 reads a side, n/50 creates, n/20 batches, n/100 reads, 2n links, 2n/20 batches"),
        _row(f"{count:,} field changes, {label}", changed, count, floors[1], simple[1],
             "n/100 reads a side, n writes"),
        _row(f"{started} taken into work, {label}", taken_on, started, floors[2], None,
             "n/100 reads a side, n transitions, n/100 reads, n links"),
    ]  # fmt: skip


def floors_of(
    count: int, started: int, latency: float
) -> tuple[list[tuple[float, int]], tuple[float, float]]:
    """The floor of each row, and the simple script, on a sandbox that nobody has worked on."""
    with sandbox(2 * count, latency) as box:
        bare = box.bare()
        time.sleep(INDEX_LAG)
        simple = simple_script(box.servicenow, box.jira, bare.incidents()[:SAMPLE])
    with sandbox(2 * count, latency) as box:
        bare = box.bare()
        time.sleep(INDEX_LAG)
        incidents, issues = bare.incidents(), bare.issues()
        before, began = box.worked(), time.perf_counter()
        mirror = [
            phase(bare.read_incidents(incidents), bare.read_issues(issues)),
            phase(bare.write_incidents(new_incidents(count)), bare.create_issues(count)),
            phase(bare.read_issues(issues)),
            phase(bare.write_incidents(shown_links(incidents * 2)), bare.link_issues(issues * 2)),
        ]
        share = (box.worked() - before) / (time.perf_counter() - began)
        print(f"At {latency * 1000:.0f} ms the stand-ins, one process, worked {share:.0%} of the time that "
              "the bare client took.", file=sys.stderr)  # fmt: skip
        change = [
            phase(bare.read_incidents(incidents[:count]), bare.read_issues(issues[:count])),
            phase(bare.edit_issues(issues[:count], "floor")),
        ]
        moved = issues[:started]
        take = [
            phase(bare.read_incidents(incidents[:started]), bare.read_issues(moved)),
            phase(bare.start_issues(moved)),
            phase(bare.read_issues(moved)),
            phase(bare.link_issues(moved)),
        ]
        return [_sum(mirror), _sum(change), _sum(take)], simple


def taken(ids: Sequence[str]) -> list[tuple[str, str, Mapping[str, str]]]:
    """These incidents are taken into work."""
    return [("PATCH", f"/api/now/table/incident/{id_}", {"state": "2"}) for id_ in ids]


def _row(
    name: str,
    cost: Measured,
    changes: int,
    floor: tuple[float, int] | None,
    simple: float | None,
    formula: str,
) -> Row:
    return Row(
        name, cost.seconds, cost.requests, changes, cost.cpu, cost.memory,
        None if floor is None else floor[0], 0 if floor is None else floor[1],
        None if simple is None else simple * changes, formula,
    )  # fmt: skip


def _sum(parts: Sequence[tuple[float, int]]) -> tuple[float, int]:
    return sum(seconds for seconds, _ in parts), sum(sent for _, sent in parts)


def idle(pairs: int) -> Row:
    """A pass with nothing changed beside so many pairs, over sides in memory: our own time, best of five."""
    from benchmarks.load import Endless, fill
    from tieline.connectors.base import SIDES
    from tieline.sync.config import load_config
    from tieline.sync.engine import run_pass
    from tieline.sync.run import PassOptions
    from tieline.sync.store import open_store

    config, at = load_config(ROOT / "config.example.toml"), datetime(2026, 1, 5, 9, tzinfo=UTC)
    with tempfile.TemporaryDirectory() as name:
        path = Path(name) / "state.db"
        fill(path, pairs, config)
        times = []
        with open_store(f"sqlite:///{path}") as store:
            for number in range(6):
                sides = {side: Endless(side, 0, 0) for side in SIDES}
                clock = at + timedelta(minutes=number)
                started = time.perf_counter()
                run_pass(config, store, sides, clock=lambda now=clock: now, id_=f"idle-{number}",  # type: ignore[misc]
                         options=PassOptions())  # fmt: skip
                times.append(time.perf_counter() - started)
    sent = sum(side.requests for side in sides.values())
    return Row(f"idle pass beside {pairs:,} pairs, our own time", min(times[1:]), sent)


def start_up() -> Row:
    """`tieline --help`, the whole process, best of five."""
    times = []
    for _ in range(5):
        started = time.perf_counter()
        subprocess.run([sys.executable, "-m", "tieline.cli", "--help"], capture_output=True, check=True)
        times.append(time.perf_counter() - started)
    return Row("tieline --help, the whole process", min(times))


HEAD: Final = (
    "work", "time", "of it processor", "requests", "per change", "floor", "of the floor", "simple script",
    "peak memory", "the floor is",
)  # fmt: skip


def cells(row: Row) -> list[str]:
    """One line of the table."""
    sent = "" if row.requests is None else f"{row.requests:,}"
    floor = ratio = simple = ""
    if row.floor is not None:
        floor, ratio = f"{row.floor:.2f} s, {row.floor_requests:,} requests", f"{row.floor / row.seconds:.2f}"
    if row.simple is not None:
        simple = f"{row.simple:.0f} s, {row.simple / row.seconds:.1f} times ours"
    return [
        row.name, _duration(row.seconds), "" if row.cpu is None else _duration(row.cpu), sent,
        f"{row.requests / row.changes:.2f}" if row.requests and row.changes else "",
        floor, ratio, simple, "" if row.memory is None else f"{row.memory:.0f} MB", row.formula,
    ]  # fmt: skip


def _duration(seconds: float) -> str:
    return f"{seconds * 1000:.0f} ms" if seconds < 1 else f"{seconds:.1f} s"


def table(rows: Sequence[Row], markdown: bool) -> str:
    """The rows as Markdown, or in columns for a terminal."""
    lines = [list(HEAD), *(cells(row) for row in rows)]
    if markdown:
        lines.insert(1, ["---"] * len(HEAD))
        return "\n".join(f"| {' | '.join(line)} |" for line in lines)
    widths = [max(len(line[n]) for line in lines) for n in range(len(HEAD))]
    return "\n".join("  ".join(f"{cell:{w}}" for cell, w in zip(line, widths, strict=True)).rstrip()
                     for line in lines)  # fmt: skip


def main() -> None:
    """The command."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--incidents", type=int, default=2000, help="how many are mirrored each way")
    parser.add_argument(
        "--pairs", type=int, nargs="*", default=[0, 100_000, 1_000_000], help="for the idle pass"
    )
    parser.add_argument("--markdown", action="store_true", help="print the table as the README has it")
    parser.add_argument("--write", action="store_true", help="put the table into README.md and docs/")
    parser.add_argument("--pass", dest="pass_", nargs=2, metavar=("CONFIG", "COUNT"), help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.pass_:
        print(json.dumps(measured_passes(Path(options.pass_[0]), int(options.pass_[1]))))
        return
    began = time.perf_counter()
    rows = [start_up(), *(idle(pairs) for pairs in options.pairs)]
    for latency in LATENCIES:
        rows += with_latency(options.incidents, latency)
    on = (
        f"{CONCURRENCY} requests at a time on each side. The simple script was timed on {SAMPLE} incidents, "
        f"and its time multiplied. {machine()}; {datetime.now(UTC):%d %B %Y}; the bench took "
        f"{time.perf_counter() - began:.0f} s."
    )
    print(f"{table(rows, options.markdown)}\n\n{on}")
    if options.write:
        put("bench", f"{table(rows, markdown=True)}\n\n{on}")


if __name__ == "__main__":
    main()
