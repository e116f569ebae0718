"""The suite on live systems: TIELINE_CONFORMANCE names a configuration; without it nothing runs.

It makes some sixty incidents and some sixty issues, all called "Conformance ..."; it cancels the incidents,
and takes the issues to a done status where the workflow offers one. Point it at systems that are not in
production.
`make conformance-live` runs it; docs/sandbox.md says more.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tieline.cli import Adapters
from tieline.connectors.base import Action, Change, Move, Record, Ref, Side, Transition, Update, Value
from tieline.sync.config import Config, load_config
from tieline.sync.config.model import FieldConfig, ValueEdge

from .suite import Bench, ConnectorSuite, Sample

VARIABLE = "TIELINE_CONFORMANCE"
LONGEST_WAIT_S = 2.0
INDEX_LAG_S = float(os.environ.get("TIELINE_CONFORMANCE_LAG", "5"))
"""How long Jira's search index may take: so long is waited wherever time is to pass."""
CANCELED = "8"
LIMITS: Mapping[Side, int] = {"servicenow": 4000, "jira": 32_767}


@dataclass
class LiveBench(Bench):
    """A live system, on which our own account plays the people."""

    made: list[Ref] = field(default_factory=list)

    def raised(self, **values: Value) -> Ref:
        ref = self.applied(self.create(len(self.made) + 100, **values)).ref
        self.made.append(ref)
        return ref

    def edit(self, ref: Ref, **values: Value) -> None:
        self.applied(Update(ref, values))

    def later(self, seconds: float) -> None:
        least = INDEX_LAG_S if self.side == "jira" else 0.0
        time.sleep(max(least, min(seconds, LONGEST_WAIT_S)))

    def drain(self, cursor: str | None = None) -> tuple[list[Change], list[str]]:
        self.later(0)
        return super().drain(cursor)

    def refused(self, ref: Ref) -> Action:
        """A summary is needed in Jira, a close code in ServiceNow."""
        return Update(ref, {self.line: None} if self.side == "jira" else {"state": "6"})

    def impossible(self, ref: Ref) -> list[Action]:
        nowhere = Transition(ref, Move("999999", "Nowhere"))
        return [nowhere, Update(ref, {"customfield_1": "x"})] if self.side == "jira" else [nowhere]

    def clear(self) -> None:
        """Cancel the incidents; end the issues as far as one transition does."""
        if self.side == "servicenow":
            self.connector.write([Update(ref, {"state": CANCELED}) for ref in self.made])
            return
        found = [r for r in self.connector.read(self.made) if isinstance(r, Record)]
        ends = {r.ref: move for r in found for move in r.moves if move.done and not move.required}
        self.connector.write([Transition(ref, move) for ref, move in ends.items()])


def bench_of(side: Side) -> Iterator[Bench]:
    """The side as the configuration reaches it."""
    config = load_config(Path(os.environ[VARIABLE]))
    route = config.routes[0]
    fields = config.fields_for(route)
    place = (
        route.servicenow.table if side == "servicenow" else f"{route.jira.project}/{route.jira.issue_type}"
    )
    with ExitStack() as stack:
        connector = stack.enter_context(Adapters().connect(config))[side]
        connector.identity()
        bench = LiveBench(
            side, connector, place, named(fields, side, "line"), named(fields, side, "text"),
            datetime.now(UTC) - timedelta(hours=1),
            SERVICENOW if side == "servicenow" else samples(config, fields), text_limit=LIMITS[side],
            can_hide=False, can_fail=False, has_people=False,
        )  # fmt: skip
        yield bench
        bench.clear()


def named(fields: Sequence[FieldConfig], side: Side, kind: str) -> str:
    """This side's name of the first mirrored field of a kind."""
    return next(str(getattr(each, side)) for each in fields if each.kind == kind)


SERVICENOW: Mapping[str, Sample] = {
    "impact": Sample("1", "2", clears=False),
    "urgency": Sample("2", "1", clears=False),
    "state": Sample("2", "1", clears=False),
}


def samples(config: Config, fields: Sequence[FieldConfig]) -> Mapping[str, Sample]:
    """Values of Jira's that the configuration maps: they should be there."""
    found = {each.jira: pair(each.map) for each in fields if each.kind == "choice"}
    if config.priority is not None:
        found[config.priority.jira] = pair(config.priority.map)
    labels = Sample(
        frozenset({"conformance-a", "conformance-b"}), frozenset({"conformance-b", "conformance-c"})
    )
    known = {name: sample for name, sample in found.items() if sample is not None}
    return known | ({"labels": labels} if any(each.jira == "labels" for each in fields) else {})


def pair(edges: Sequence[ValueEdge]) -> Sample | None:
    """Two mapped values, if there are two."""
    values = list(dict.fromkeys(value for edge in edges for value in edge.jira))
    return Sample(values[0], values[-1], clears=False) if len(values) > 1 else None


@pytest.mark.skipif(VARIABLE not in os.environ, reason=f"{VARIABLE} names no configuration")
class TestLiveServiceNow(ConnectorSuite):
    """ServiceNow as the configuration reaches it."""

    @pytest.fixture
    def bench(self) -> Iterator[Bench]:
        yield from bench_of("servicenow")


@pytest.mark.skipif(VARIABLE not in os.environ, reason=f"{VARIABLE} names no configuration")
class TestLiveJira(ConnectorSuite):
    """Jira, Cloud or Data Center, as the configuration reaches it."""

    @pytest.fixture
    def bench(self) -> Iterator[Bench]:
        yield from bench_of("jira")
