"""The suite on the in-memory side and on ServiceNow through pysnow, against the stand-in over real HTTP."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest

from tieline.connectors.base import Action, Move, Ref, Transition, Update, Value
from tieline.connectors.errors import Rejected
from tieline.connectors.memory import MemorySide
from tieline.connectors.richtext import canonical_text
from tieline.connectors.sandbox.core import VirtualClock
from tieline.connectors.sandbox.servicenow import ServiceNowSandbox

from .stands import PASSWORD, START, InMemory, OnServiceNow, servicenow
from .suite import Bench, ConnectorSuite, Sample


@dataclass
class MemoryBench(InMemory, Bench):
    """ServiceNow as the in-memory side plays it."""

    def raised(self, **values: Value) -> Ref:
        typed = {
            name: canonical_text(value) if isinstance(value, str) else value for name, value in values.items()
        }
        return super().raised(**{"text": None, **typed})

    def edit(self, ref: Ref, **values: Value) -> None:
        self.memory.edit(ref.id, values)

    def refused(self, ref: Ref) -> Action:
        self.memory.before_write = lambda _action: Rejected("Data Policy Exception", {"state": "mandatory"})
        return Update(ref, {"line": "x"})

    def impossible(self, ref: Ref) -> list[Action]:
        return [Transition(ref, Move("1", "Done"))]

    def delete(self, ref: Ref) -> None:
        del self.memory.rows[ref.id]


class TestMemory(ConnectorSuite):
    """The in-memory side."""

    @pytest.fixture
    def bench(self) -> Bench:
        clock = VirtualClock(START)
        side = MemorySide("servicenow", clock.now, place="incident", prefix="INC")
        samples = {
            "category": Sample("software", "network"),
            "labels": Sample(frozenset("ab"), frozenset("b")),
        }
        return MemoryBench(
            "servicenow", side, "incident", "line", "text", START - timedelta(days=1), samples,
            memory=side, clock=clock,
        )  # fmt: skip


FIELDS: dict[str, Any] = {
    "short_description": "line", "description": "text", "category": "choice", "subcategory": "choice",
    "assigned_to": "person", "assignment_group": "group", "state": "choice", "hold_reason": "choice",
    "close_code": "choice", "close_notes": "text", "impact": "choice", "urgency": "choice",
    "priority": "choice", "watch_list": "set",
}  # fmt: skip


@dataclass
class ServiceNowBench(OnServiceNow, Bench):
    """The stand-in, and the connector that a configuration would make."""

    def edit(self, ref: Ref, **values: Value) -> None:
        self.stand.sandbox.update("beth.anglin", ref.id, values)

    def refused(self, ref: Ref) -> Action:
        return Update(ref, {"state": "6"})

    def impossible(self, ref: Ref) -> list[Action]:
        return [Transition(ref, Move("1", "Done"))]

    def delete(self, ref: Ref) -> None:
        self.stand.sandbox.delete(ref.id)


class TestServiceNow(ConnectorSuite):
    """ServiceNow through pysnow; pages of four, so that every feed has several."""

    @pytest.fixture(params=[False, True], ids=["ordinary", "idle writes count"])
    def bench(self, request: pytest.FixtureRequest) -> Iterator[Bench]:
        with servicenow(FIELDS) as stand:
            stand.sandbox.writing.idle_writes_count = request.param
            yield ServiceNowBench(
                "servicenow", stand.connector, "incident", "short_description", "description",
                START - timedelta(days=1), _samples(stand.sandbox), text_limit=4000, secrets=(PASSWORD,),
                stand=stand,
            )  # fmt: skip


def _samples(sandbox: ServiceNowSandbox) -> Mapping[str, Sample]:
    people, groups = ([row["sys_id"] for row in sandbox.rows(t)] for t in ("sys_user", "sys_user_group"))
    return {
        "short_description": Sample("One", "Two", clears=False),
        "description": Sample("One\n\ntwo", "Three"),
        "category": Sample("software", "network"),
        "subcategory": Sample("email", "os"),
        "assigned_to": Sample(people[0], people[1]),
        "assignment_group": Sample(groups[0], groups[1]),
        "state": Sample("2", "1", clears=False),
        "impact": Sample("1", "2", clears=False),
        "urgency": Sample("2", "1", clears=False),
        "watch_list": Sample(frozenset(people[:2]), frozenset(people[1:3])),
        "close_notes": Sample("Done.", "Done again."),
    }
