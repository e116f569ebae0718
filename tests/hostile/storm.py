"""A world in trouble: people work, passes are run while faults strike, on a clock that nobody waits for."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Final

import pytest

from tieline.cli import Adapters
from tieline.connectors.base import SIDES, Connector, Side
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
from tieline.sync.vocabulary import vocabulary

from .witness import Witness

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
    patch: pytest.MonkeyPatch
    summaries: list[PassSummary] = field(default_factory=list)
    failures: Counter[str] = field(default_factory=Counter)
    witness: Witness = field(init=False)

    def __post_init__(self) -> None:
        self.witness = Witness(self.world, lambda: self.passes, self.patch)

    @property
    def passes(self) -> int:
        """How many passes there were, those that failed among them."""
        return len(self.summaries) + self.failures.total()

    def run(self) -> bool:
        """One pass; False if it failed."""
        try:
            summary = run_pass(
                self.config, self.store, self.sides, clock=self.clock.now, id_=f"storm-{self.passes}",
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

    def parked(self) -> dict[str, str]:
        """Labels of records that are left alone, or whose pair is -> the reason."""
        with self.store.read() as tx:
            parks = tx.all_parks()
            pairs = tx.pairs({int(park.key[2:]) for park in parks if park.key.startswith("p:")})
        found: dict[str, str] = {}
        for park in parks:
            pair = pairs[int(park.key[2:])] if park.key.startswith("p:") else None
            labels = [park.label or park.key] if pair is None else [pair.number, pair.key]
            found |= dict.fromkeys(labels, f"parked: {park.reason}: {park.detail}")
        return found

    def told(self, *, open_only: bool) -> dict[tuple[str, str], str]:
        """Label and field of what a conflict is about -> its kind, field and reason."""
        units = {unit.name: unit for unit in vocabulary(self.config, self.config.routes[0]).units}
        with self.store.read() as tx:
            conflicts = tx.conflicts(open_only=open_only, limit=10**6)
            pairs = tx.pairs({conflict.pair for conflict in conflicts})
        found: dict[tuple[str, str], str] = {}
        for conflict in conflicts:
            pair, said = pairs[conflict.pair], f"{conflict.kind}: {conflict.reason}"
            named = [units[name] for name in conflict.unit.split(", ") if name in units]
            fields = {name for unit in named for side in SIDES for name in unit.fields(side)}
            found |= {(label, name): said for label in (pair.number, pair.key) for name in fields}
        return found

    def excused(self) -> dict[str, str]:
        """Labels of records whose pair is parked, or in a conflict that is open -> the reason."""
        return self.parked() | {label: said for (label, _), said in self.told(open_only=True).items()}

    def unexplained(self, report: Report) -> list[str]:
        """Differences that nobody is told of.

        A pair that is parked may differ in any field, and a field that stands in an open conflict may differ.
        What the sides agree in, though not as people left it, must be what a conflict over this field says,
        unless their last word only put back what no pass had seen away (`Witness.put_back`).
        """
        parked, standing, past = self.parked(), self.told(open_only=True), self.told(open_only=False)

        def known(entry: Difference) -> bool:
            agreed = entry.against == "people left"
            names = past if agreed else standing
            labels = entry.label.split(" / ")
            told = any(label in parked or (label, entry.field) in names for label in labels)
            return told or (agreed and self.put_back(entry))

        return [str(entry) for entry in report.differences if not known(entry)]

    def put_back(self, entry: Difference) -> bool:
        """Whether people only put back what this field had been when Tieline last wrote it."""
        units = vocabulary(self.config, self.config.routes[0]).units
        unit = next((u for u in units if any(entry.field in u.fields(side) for side in SIDES)), None)
        if unit is None:
            return False
        names = {side: {*unit.fields(side)} for side in SIDES}
        with self.store.read() as tx:
            pair = tx.named(entry.label)[-1]
            trail = tx.audit_trail(pair=pair.id, limit=10**6)
            trail += tx.audit_trail(ref=pair.ref(pair.origin), limit=10**6)
        wrote = {
            int(each.pass_id.rpartition("-")[2]) for each in trail
            if each.outcome in ("applied", "unknown") and each.ref is not None
            and (each.action == "Create" or names[each.ref.side] & {*each.new})
        }  # fmt: skip
        return self.witness.put_back(pair, unit, wrote)


AT_ONCE: Final = re.compile(r"(?m)^concurrency = \d+")


@contextmanager
def storm(
    world: World, clock: VirtualClock, text: str, ledger: Ledger, folder: Path, patch: pytest.MonkeyPatch
) -> Iterator[Storm]:
    """The engine on `world`, its clients on the sandbox's clock.

    One request at a time: or threads would decide which request meets a fault, and no seed could be replayed.
    """
    path = folder / "config.toml"
    assert AT_ONCE.search(text), "the example says how many requests go out at once"
    path.write_text(AT_ONCE.sub("concurrency = 1 ", text), encoding="utf-8")
    for name, secret in world.environment().items():
        patch.setenv(name, secret)
    patch.setattr("tieline.cli._timing", lambda _clock: timing(clock))
    config = load_config(path)
    with open_store(config.state_url, create=True) as store, Adapters().connect(config, clock.now) as sides:
        yield Storm(world, clock, config, store, sides, ledger, patch)


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
