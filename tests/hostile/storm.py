"""A world in trouble: people work, passes are run while faults strike, on a clock that nobody waits for."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from tieline.cli import Adapters
from tieline.connectors.base import Connector, Side
from tieline.connectors.errors import TielineError
from tieline.connectors.http import Timing
from tieline.connectors.sandbox import faults
from tieline.connectors.sandbox.check import Difference, Report
from tieline.connectors.sandbox.core import VirtualClock
from tieline.connectors.sandbox.expected import Ledger
from tieline.connectors.sandbox.world import World
from tieline.sync.config import Config, load_config
from tieline.sync.engine import run_pass
from tieline.sync.model import PassSummary
from tieline.sync.run import PassOptions
from tieline.sync.store import Store, open_store

INTERVAL = timedelta(minutes=3)
"""Between two passes: longer than a lost answer is left alone."""
QUIET_PASSES = 40
"""So many passes at most bring everything to rest once the faults are off."""


def timing(clock: VirtualClock) -> Timing:
    """Waits that move the sandbox's clock instead of taking time."""

    def seconds() -> float:
        return clock.now().timestamp()

    return Timing(clock.now, seconds, lambda pause: clock.advance(timedelta(seconds=pause)))


@dataclass
class Storm:
    """Passes over one world, and how they went."""

    world: World
    clock: VirtualClock
    config: Config
    store: Store
    sides: Mapping[Side, Connector]
    ledger: Ledger
    summaries: list[PassSummary] = field(default_factory=list)
    failures: Counter[str] = field(default_factory=Counter)

    def run(self) -> bool:
        """One pass; False if it failed."""
        number = len(self.summaries) + self.failures.total()
        try:
            summary = run_pass(
                self.config, self.store, self.sides, clock=self.clock.now, id_=f"storm-{number}",
                options=PassOptions(initial=True),
            )  # fmt: skip
        except TielineError as error:
            self.failures[f"{type(error).__name__}: {error}"] += 1
            return False
        self.summaries.append(summary)
        return True

    def bring_to_rest(self, most: int) -> int:
        """Passes until one has nothing to write, nothing waits or is parked; how many there were."""
        for number in range(most):
            went = self.run()
            with self.store.read() as tx:
                waiting = tx.inbox_count(self.clock.now() + timedelta(days=400)) + len(tx.open_intents())
                waiting += tx.park_count()
            if went and not waiting and not self.summaries[-1].counts.get("writes"):
                return number + 1
            self.clock.advance(INTERVAL)
        return most

    def compare(self) -> Report:
        """Both sides read apart from the engine, with each other and with what people did."""
        return self.world.compare(self.ledger.maps, self.ledger.incidents.values())

    def excused(self) -> dict[str, str]:
        """Labels of records whose pair is parked or in conflict -> the reason."""
        with self.store.read() as tx:
            conflicts = tx.conflicts(open_only=False, limit=10**6)
            pairs = tx.pairs({conflict.pair for conflict in conflicts})
            parks = tx.all_parks()
            parked = tx.pairs([int(park.key[2:]) for park in parks if park.key.startswith("p:")])
        found: dict[str, str] = {}
        for conflict in conflicts:
            pair = pairs[conflict.pair]
            found |= dict.fromkeys((pair.number, pair.key), f"conflict over {conflict.unit}")
        for park in parks:
            if park.key.startswith("p:"):
                pair = parked[int(park.key[2:])]
                found |= dict.fromkeys((pair.number, pair.key), f"parked: {park.reason}: {park.detail}")
            else:
                found[getattr(park, "label", "") or park.key] = f"parked: {park.reason}: {park.detail}"
        return found

    def unexplained(self, report: Report) -> list[str]:
        """Differences at records that stand neither parked nor in conflict."""
        excused = self.excused()

        def known(entry: Difference) -> bool:
            return any(label and label in entry.label for label in excused)

        return [str(entry) for entry in report.differences if not known(entry)]


@contextmanager
def storm(
    world: World, clock: VirtualClock, text: str, ledger: Ledger, folder: Path, patch: pytest.MonkeyPatch
) -> Iterator[Storm]:
    """The engine on `world`, its clients on the sandbox's clock."""
    path = folder / "config.toml"
    path.write_text(text, encoding="utf-8")
    for name, secret in world.environment().items():
        patch.setenv(name, secret)
    patch.setattr("tieline.cli._timing", lambda _clock: timing(clock))
    config = load_config(path)
    with open_store(config.state_url, create=True) as store, Adapters().connect(config, clock.now) as sides:
        yield Storm(world, clock, config, store, sides, ledger)


def every_fault(rate: float, sides: tuple[str, ...] = ("servicenow",)) -> dict[str, dict[str, float]]:
    """All named faults of some sides at one rate."""
    return {side: rates for side, rates in faults.hostile(rate).items() if side in sides}


def only_clocks(rates: Mapping[str, faults.Rates]) -> dict[str, dict[str, float]]:
    """What stays when faults are off: a clock that is wrong stays wrong."""
    return {side: {n: r for n, r in each.items() if n == "skewed-clock"} for side, each in rates.items()}


def until(clock: VirtualClock, moment: datetime) -> None:
    """Let time pass until `moment`, unless it has."""
    if clock.now() < moment:
        clock.move_to(moment)


def told(found: Storm) -> dict[str, Any]:
    """What a person wants to know when a storm did not end well."""
    return {
        "passes": len(found.summaries),
        "failed": dict(found.failures.most_common(8)),
        "struck": dict(found.world.requests.faults),
        "excused": found.excused(),
    }
