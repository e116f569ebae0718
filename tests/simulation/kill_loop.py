"""The real command under `kill -9`: `make kill-loop KILLS=200`.

Both stand-ins are served over HTTP by this process; people work on them; `tieline sync` runs as a process of
its own and is killed at a random instant, again and again. In the end one pass runs undisturbed, and both
sides are read over HTTP, apart from the engine, and compared with each other and with what people did.
"""

from __future__ import annotations

import argparse
import os
import random
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

from tieline.connectors.sandbox.check import Difference, Report
from tieline.connectors.sandbox.core import RealClock
from tieline.connectors.sandbox.engineers import Step
from tieline.connectors.sandbox.expected import Ledger, Maps
from tieline.connectors.sandbox.stage import DeskEdit, Raise, Stage
from tieline.connectors.sandbox.world import SUBCATEGORY_FIELD, World

ROOT: Final = Path(__file__).resolve().parents[2]
QUIET: Final = 2
"""Seconds for which a lost answer is left alone; the stand-ins commit within milliseconds."""
ENGINEER: Final = "beth.anglin@example.com"
DESK: Final = "abel.tuter"
NEXT: Final = {"Open": "In Progress", "In Progress": "Waiting", "Waiting": "In Progress"}
WORDS: Final = ("email", "cpu", "disk", "vpn", "wireless", "monitor", "keyboard", "oracle", "db2")

WORK: Final = (
    "before its first request",
    "while it read",
    "with entries to deal with",
    "with writes on their way",
)
"""At what work the command may be killed; a set of kills that misses one proves less."""
LEFT_OUT: Final = frozenset({("category", "inquiry"), ("customfield_10051", "Inquiry / Help")})
"""What the system puts into a field of a mirror that nobody ever set. Where a person edited the mirror before
the engine found it again, nothing tells the default from that edit: it is kept, on both sides."""
ENOUGH: Final = 100
"""So many kills must have met all of these."""


@dataclass
class Tally:
    """What came of the loop."""

    killed: int = 0
    finished: int = 0
    deeds: int = 0
    passes: int = 0
    codes: Counter[int] = field(default_factory=Counter)
    where: Counter[str] = field(default_factory=Counter)
    """At what work the command was killed, as its state and both sides show it."""
    after: Counter[float] = field(default_factory=Counter)
    """After how many seconds of work it was killed, in tenths; before its first request if negative."""
    report: Report | None = None
    last_writes: int = -1

    @property
    def ok(self) -> bool:
        """Whether nothing differs, is doubled or lost, and the last pass wrote nothing."""
        whole = self.report is not None and replace(self.report, differences=tuple(self.differences)).ok
        return whole and self.last_writes == 0 and self.killed > 0

    @property
    def differences(self) -> list[Difference]:
        """What differs, without the defaults of fields that nobody ever set."""
        found = [] if self.report is None else self.report.differences
        return [each for each in found if each.expected or (each.field, each.found) not in LEFT_OUT]

    def was_killed(self, after: float, work: str) -> None:
        """One more kill, after so many seconds, at this work."""
        self.killed += 1
        self.after[round(after, 1)] += 1
        self.where[work] += 1

    @property
    def spread(self) -> str:
        """The kill points: at what work, and after how many seconds."""
        where = ", ".join(f"{self.where[what]} {what}" for what in WORK)
        after = ", ".join(f"{at:.1f} s: {count}" for at, count in sorted(self.after.items()))
        return f"killed at: {where}\nkilled after: {after}"


class Loop:
    """A world, people who each keep to fields of their own, and the command."""

    def __init__(self, folder: Path, seed: int, incidents: int) -> None:
        self.chance = random.Random(f"kill loop {seed}")
        self.world = World(
            RealClock(), seed=seed, latency=0.003, index_lag=(timedelta(0), timedelta(seconds=1))
        )
        self.world.start()
        template = (ROOT / "config.example.toml").read_text(encoding="utf-8")
        # Small waves, so that several overlap when the process is killed.
        text = self.world.configuration(
            template,
            [("limits", "unknown_quiet", f"{QUIET}s"), ("limits", "max_share", 1.0), ("limits", "wave", 3)],
        )
        self.config = folder / "config.toml"
        self.state = folder / "tieline.db"
        self.config.write_text(text, encoding="utf-8")
        self.stage = Stage(self.world, None, Ledger(Maps.read(text)))
        self.status: dict[str, str] = {}
        self.number = 0
        self.tally = Tally()
        self.start, self.work = 1.0, 1.0
        """How many seconds the last whole run took until its first request, and from there to its end."""
        for _ in range(incidents):
            self._raise()

    def people_work(self) -> None:
        """Somebody does a few things, each on a field of their own; values are new each time."""
        if self.chance.random() < 0.2:
            self._raise()
        self.stage.mirrored()
        for _ in range(self.chance.randint(2, 8)):
            key = self.chance.choice(list(self.status))
            self.number += 1
            script = self._desk(key) if self.chance.random() < 0.5 else self._engineer(key)
            self.tally.deeds += len(self.stage.play([script]))

    def _raise(self) -> None:
        self.number += 1
        key, now = f"k{self.number}", datetime.now(UTC)
        values = {"description": f"Text {self.number}", "impact": "2", "urgency": "2", "category": "software"}
        if self.chance.random() < 0.5:
            desk = {**values, "short_description": f"Summary {self.number}", "subcategory": "email"}
            self.stage.play([DeskEdit(now, key, DESK, desk, first=True)])
        else:
            issue = {
                "summary": f"Summary {self.number}",
                "description": f"Text {self.number}",
                "priority": "Medium",
            }
            self.stage.play([Raise(now, key, ENGINEER, issue)])
        self.status[key] = "Open"

    def _desk(self, key: str) -> DeskEdit:
        values = self.chance.choice(
            ({"description": f"Text {self.number}"},
             {"impact": self.chance.choice("123"), "urgency": self.chance.choice("123")},
             {"assignment_group": self.chance.choice(("Network", "Database", "Hardware"))})
        )  # fmt: skip
        return DeskEdit(datetime.now(UTC), key, DESK, values)

    def _engineer(self, key: str) -> Step:
        values = self.chance.choice(
            ({"summary": f"Summary {self.number}"}, {SUBCATEGORY_FIELD: self.chance.choice(WORDS)},
             {"status": NEXT[self.status[key]]})
        )  # fmt: skip
        if "status" in values and self.stage.on_both_sides(key):
            self.status[key] = values["status"]
        elif "status" in values:
            values = {"summary": f"Summary {self.number}"}
        return Step(datetime.now(UTC), key, ENGINEER, values)

    def sync(self, *options: str, kill_after: float | None = None) -> int | None:
        """Run the command; None if it was killed, so many seconds after its first request.

        A negative number of seconds kills it so long after its start, while it still gets ready.
        """
        command = [sys.executable, "-m", "tieline.cli", "sync", "--config", str(self.config), *options]
        environment = {**os.environ, **self.world.environment()}
        self.tally.passes += 1
        requests, intents = self.world.requests.total, self._last_intent()
        with tempfile.TemporaryFile("w+") as output:
            process = subprocess.Popen(command, env=environment, stdout=output, stderr=subprocess.STDOUT)
            if not self._ends(process, requests, kill_after):
                process.send_signal(signal.SIGKILL)
                process.wait()
                self.tally.was_killed(kill_after or 0.0, self._work(requests, intents))
                self.work *= 1.03  # what it did not get done, the next one has to do as well
                return None
            self.tally.finished += 1
            self.tally.codes[process.returncode] += 1
            if process.returncode not in (0, 3):
                output.seek(0)
                print(output.read())
        return process.returncode

    def _ends(self, process: subprocess.Popen[bytes], requests: int, kill_after: float | None) -> bool:
        """Wait for the end of the command, or for the moment in which it is to die."""
        began, first = time.monotonic(), None
        while process.poll() is None:
            now = time.monotonic()
            if first is None and self.world.requests.total > requests:
                first = now
            if kill_after is not None:
                due = began - kill_after if kill_after < 0 else first and first + kill_after
                if due is not None and now >= due:
                    return False
            time.sleep(0.002)
        ended = time.monotonic()
        self.work, self.start = ended - (first or began), (first or ended) - began
        return True

    def _last_intent(self) -> int:
        return self._number("SELECT seq FROM sqlite_sequence WHERE name = 'intents'")

    def _work(self, requests: int, intents: int) -> str:
        """What the command was at when it died: both numbers are those before its start."""
        if self.world.requests.total == requests:
            return WORK[0]
        if self._number("SELECT count(*) FROM intents WHERE id > ?", intents):
            return WORK[3]
        return WORK[2] if self._number("SELECT count(*) FROM inbox") else WORK[1]

    def _number(self, query: str, *values: int) -> int:
        """A number that the state of the dead command tells; 0 where there is none."""
        if not self.state.exists():
            return 0
        with closing(sqlite3.connect(self.state)) as state:
            return int((state.execute(query, values).fetchone() or (0,))[0])

    def run(self, kills: int) -> Iterator[Tally]:
        """Kill the command so many times, then let it finish; the tally after each round."""
        self.sync("--initial")
        while self.tally.killed < kills:
            self.people_work()
            self.sync(kill_after=self._moment())
            yield self.tally
        self._finish()
        yield self.tally

    def _moment(self) -> float:
        """When the command is to die: at any moment of its work, and now and then before it."""
        if self.chance.random() < 0.1:
            return -self.chance.uniform(0.05, self.start)
        return self.chance.uniform(0, 1.2 * self.work)

    def _finish(self) -> None:
        for _ in range(4):
            time.sleep(QUIET + 1.2)
            self.sync()
        before = self._writes()
        time.sleep(1.2)
        self.sync()
        self.tally.last_writes = self._writes() - before
        ledger = self.stage.ledger
        self.tally.report = self.world.compare(ledger.maps, ledger.incidents.values())

    def _writes(self) -> int:
        """How many records have been changed so far, as both sides count it."""
        rows = sum(int(row["sys_mod_count"]) for row in self.world.servicenow.rows())
        return rows + sum(1 for issue in self.world.jira.issues() for _ in issue.values)


def main() -> int:
    """The command."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--incidents", type=int, default=12)
    options = parser.parse_args()
    started = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="tieline-kill-") as folder:
        loop = Loop(Path(folder), options.seed, options.incidents)
        try:
            for tally in loop.run(options.kills):
                if tally.killed % 25 == 0 and tally.report is None:
                    print(
                        f"killed {tally.killed}, finished {tally.finished}, deeds {tally.deeds}", flush=True
                    )
        finally:
            loop.world.stop()
    tally = loop.tally
    report = tally.report
    assert report is not None
    kept = len(report.differences) - len(tally.differences)
    print(
        f"killed {tally.killed} times in {tally.passes} passes, {tally.deeds} deeds of people, "
        f"{report.pairs} pairs, {report.fields} fields compared, {time.monotonic() - started:.0f} s: "
        f"{len(tally.differences)} differences, {len(report.duplicates)} duplicates, "
        f"{len(report.missing)} missing; {kept} fields that nobody set hold the system's default; "
        f"the last pass changed {tally.last_writes} records"
    )
    print(tally.spread)
    for line in (*map(str, tally.differences), *report.duplicates, *report.missing):
        print(f"  {line}")
    missed = [what for what in WORK if options.kills >= ENOUGH and not tally.where[what]]
    for what in missed:
        print(f"too little of: killed {what}")
    return 0 if tally.ok and not missed else 1


if __name__ == "__main__":
    sys.exit(main())
