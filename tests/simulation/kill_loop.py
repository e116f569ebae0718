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
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

from tieline.connectors.sandbox.check import Report
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


@dataclass
class Tally:
    """What came of the loop."""

    killed: int = 0
    finished: int = 0
    deeds: int = 0
    passes: int = 0
    codes: Counter[int] = field(default_factory=Counter)
    report: Report | None = None
    last_writes: int = -1

    @property
    def ok(self) -> bool:
        """Whether nothing differs, is doubled or lost, and the last pass wrote nothing."""
        return self.report is not None and self.report.ok and self.last_writes == 0 and self.killed > 0


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
        self.config.write_text(text, encoding="utf-8")
        self.stage = Stage(self.world, None, Ledger(Maps.read(text)))
        self.status: dict[str, str] = {}
        self.number = 0
        self.tally = Tally()
        for _ in range(incidents):
            self._raise()

    def people_work(self) -> None:
        """Somebody does a few things, each on a field of their own; values are new each time."""
        if self.chance.random() < 0.2:
            self._raise()
        self.stage.mirrored()
        for _ in range(self.chance.randint(1, 4)):
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
        """Run the command; None if it was killed."""
        command = [sys.executable, "-m", "tieline.cli", "sync", "--config", str(self.config), *options]
        environment = {**os.environ, **self.world.environment()}
        process = subprocess.Popen(
            command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        )
        self.tally.passes += 1
        try:
            output, _ = process.communicate(timeout=kill_after)
        except subprocess.TimeoutExpired:
            process.send_signal(signal.SIGKILL)
            process.communicate()
            self.tally.killed += 1
            return None
        self.tally.finished += 1
        self.tally.codes[process.returncode] += 1
        if process.returncode not in (0, 3):
            print(output)
        return process.returncode

    def run(self, kills: int) -> Iterator[Tally]:
        """Kill the command so many times, then let it finish; the tally after each round."""
        self.sync("--initial")
        longest = 1.0
        while self.tally.killed < kills:
            self.people_work()
            began = time.monotonic()
            if self.sync(kill_after=self.chance.uniform(0.15, longest)) is not None:
                longest = max(1.0, time.monotonic() - began)
            yield self.tally
        self._finish()
        yield self.tally

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
    print(
        f"killed {tally.killed} times in {tally.passes} passes, {tally.deeds} deeds of people, "
        f"{report.pairs} pairs, {report.fields} fields compared, {time.monotonic() - started:.0f} s: "
        f"{len(report.differences)} differences, {len(report.duplicates)} duplicates, "
        f"{len(report.missing)} missing; the last pass changed {tally.last_writes} records"
    )
    for line in (*map(str, report.differences), *report.duplicates, *report.missing):
        print(f"  {line}")
    return 0 if tally.ok else 1


if __name__ == "__main__":
    sys.exit(main())
