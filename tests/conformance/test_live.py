"""The suite on a live instance: TIELINE_CONFORMANCE names a configuration; without it nothing runs.

It makes some sixty incidents, all called "Conformance ...", and cancels them at the end. Point it at an
instance that is not in production. `make conformance-live` runs it; docs/sandbox.md says more.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tieline.cli import Adapters
from tieline.connectors.base import Action, Move, Ref, Transition, Update, Value
from tieline.sync.config import load_config

from .suite import Bench, ConnectorSuite, Sample

VARIABLE = "TIELINE_CONFORMANCE"
LONGEST_WAIT_S = 2.0
CANCELED = "8"


@dataclass
class LiveBench(Bench):
    """A live instance, on which our own account plays the people."""

    made: list[Ref] = field(default_factory=list)

    def raised(self, **values: Value) -> Ref:
        ref = self.applied(self.create(len(self.made) + 100, **values)).ref
        self.made.append(ref)
        return ref

    def edit(self, ref: Ref, **values: Value) -> None:
        self.applied(Update(ref, values))

    def later(self, seconds: float) -> None:
        time.sleep(min(seconds, LONGEST_WAIT_S))

    def refused(self, ref: Ref) -> Action:
        return Update(ref, {"state": "6"})

    def impossible(self, ref: Ref) -> list[Action]:
        return [Transition(ref, Move("1", "Done"))]


SAMPLES: Mapping[str, Sample] = {
    "impact": Sample("1", "2", clears=False),
    "urgency": Sample("2", "1", clears=False),
    "state": Sample("2", "1", clears=False),
}


@pytest.mark.skipif(VARIABLE not in os.environ, reason=f"{VARIABLE} names no configuration")
class TestLiveServiceNow(ConnectorSuite):
    """ServiceNow as the configuration reaches it."""

    @pytest.fixture
    def bench(self) -> Iterator[Bench]:
        config = load_config(Path(os.environ[VARIABLE]))
        with ExitStack() as stack:
            connector = stack.enter_context(Adapters().connect(config))["servicenow"]
            bench = LiveBench(
                "servicenow", connector, config.routes[0].servicenow.table, "short_description",
                "description", datetime.now(UTC) - timedelta(hours=1), SAMPLES, text_limit=4000,
                can_hide=False, can_fail=False, has_people=False,
            )  # fmt: skip
            yield bench
            connector.write([Update(ref, {"state": CANCELED}) for ref in bench.made])
