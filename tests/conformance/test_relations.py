"""Relations on every side: in memory, and on both systems through the real clients, against the stand-ins."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import pytest

from tieline.connectors.base import Ref, Side
from tieline.connectors.memory import MemorySide
from tieline.connectors.sandbox.core import VirtualClock

from .stands import START, Deployment, InMemory, OnJira, OnServiceNow, jira, servicenow
from .suite_relations import Ends, RelationDesk, RelationsSuite

CAUSES = "Problem/Incident"


@dataclass
class MemoryDesk(InMemory, RelationDesk):
    """The in-memory side, as either system."""

    touched: int = 0

    def target(self) -> tuple[Ref, str]:
        if self.side == "jira":
            row = self.memory.make({"line": "Cause"})
            return Ref("jira", row.id, "issue"), row.label
        number = f"PRB{len(self.memory.ties.known)}"
        return self.memory.ties.add("problem", number.lower(), number), number

    def tie(self, ref: Ref, target: Ref, *, outward: bool = True) -> None:
        if self.side == "servicenow":
            self.memory.ties.set(ref.id, self.name, target)
        else:
            self.memory.ties.link(
                *((ref.id, self.name, target.id) if outward else (target.id, self.name, ref.id))
            )
        self._touch(ref)

    def untie(self, ref: Ref, target: Ref) -> None:
        self.memory.ties.set(ref.id, self.name, None)
        for id_, ends in list(self.memory.ties.issue_links.items()):
            if {ends[0], ends[2]} == {ref.id, target.id}:
                self.memory.ties.unlink(id_)
        self._touch(ref)

    def _touch(self, ref: Ref) -> None:
        """Both systems count a record as changed when it is tied or untied."""
        self.touched += 1
        self.memory.edit(ref.id, {"touched": str(self.touched)})

    def lying(self, ref: Ref) -> list[Ends]:
        if self.side == "jira":
            return [ends for ends in self.memory.ties.issue_links.values() if ref.id in ends]
        held = self.memory.ties.columns.get(ref.id, {})
        return [(ref.id, name, target.id) for name, target in held.items()]

    def lying_remote(self, ref: Ref) -> list[tuple[str, str]]:
        held = self.memory.ties.remote.get(ref.id, {})
        return [(global_id, made.label) for global_id, made in held.items()]


class TestMemoryRelations(RelationsSuite):
    """The in-memory side."""

    @pytest.fixture(params=["servicenow", "jira"])
    def desk(self, request: pytest.FixtureRequest) -> RelationDesk:
        return memory_desk(request.param)


def memory_desk(side: Side) -> MemoryDesk:
    clock, jira = VirtualClock(START), side == "jira"
    memory = MemorySide(
        side, clock.now, place="x", prefix="X", workflow={"Open": ()} if jira else None,
        first_status="Open" if jira else "",
    )  # fmt: skip
    memory.ties.refused = frozenset({"nobody's"})
    name, kind = (CAUSES, "issue") if jira else ("problem_id", "problem")
    return MemoryDesk(
        side, memory, name, Ref(side, "nowhere", kind), "nobody's", not jira, jira,
        memory=memory, clock=clock, asked="remote",
    )  # fmt: skip


@dataclass
class ServiceNowDesk(OnServiceNow, RelationDesk):
    """The stand-in, and the connector that a configuration would make."""

    def target(self) -> tuple[Ref, str]:
        row = self.stand.sandbox.create("beth.anglin", {"short_description": "Cause"}, table="problem")
        return Ref(self.side, row["sys_id"], "problem"), row["number"]

    def tie(self, ref: Ref, target: Ref, *, outward: bool = True) -> None:
        self.stand.sandbox.update("beth.anglin", ref.id, {self.name: target.id})

    def untie(self, ref: Ref, target: Ref) -> None:
        self.stand.sandbox.update("beth.anglin", ref.id, {self.name: ""})

    def lying(self, ref: Ref) -> list[Ends]:
        row = next(row for row in self.stand.sandbox.rows() if row["sys_id"] == ref.id)
        return [(ref.id, self.name, row[self.name])] if row[self.name] else []

    def lying_remote(self, ref: Ref) -> list[tuple[str, str]]:
        return []


class TestServiceNowRelations(RelationsSuite):
    """ServiceNow through pysnow: references to problems."""

    @pytest.fixture
    def desk(self) -> Iterator[RelationDesk]:
        with servicenow_desk() as made:
            yield made


@contextmanager
def servicenow_desk() -> Iterator[ServiceNowDesk]:
    ties = {"problem_id": "problem", "parent_incident": "incident"}
    nowhere = Ref("servicenow", "no such problem", "problem")
    with servicenow({"short_description": "line"}, ties=ties) as stand:
        yield ServiceNowDesk(
            "servicenow", stand.connector, "problem_id", nowhere, "u_nobody", True, False, stand=stand
        )


@dataclass
class JiraDesk(OnJira, RelationDesk):
    """The stand-in, and the connector that a configuration would make."""

    def target(self) -> tuple[Ref, str]:
        made = self.stand.sandbox.create("beth.anglin", "OPS", "Incident", {"summary": "Cause"})
        return Ref("jira", made.id, "issue"), made.key

    def tie(self, ref: Ref, target: Ref, *, outward: bool = True) -> None:
        source, far = (ref.id, target.id) if outward else (target.id, ref.id)
        self.stand.sandbox.link("beth.anglin", self.name, source, far)

    def untie(self, ref: Ref, target: Ref) -> None:
        self.stand.sandbox.unlink("beth.anglin", ref.id, self.name, target.id)

    def lying(self, ref: Ref) -> list[Ends]:
        return self.stand.sandbox.links(ref.id)

    def lying_remote(self, ref: Ref) -> list[tuple[str, str]]:
        held = self.stand.sandbox.site.store.issues[int(ref.id)].remote_links
        return [(str(link.global_id), str(link.object["title"])) for link in held]


@contextmanager
def jira_desk(deployment: Deployment) -> Iterator[RelationDesk]:
    with jira(deployment, {"summary": "line"}, ties=frozenset({CAUSES})) as stand:
        nowhere = Ref("jira", "99999999", "issue")
        yield JiraDesk("jira", stand.connector, CAUSES, nowhere, "Nobody's", False, True, stand=stand)


class TestJiraCloudRelations(RelationsSuite):
    """Jira Cloud: issue links and remote links."""

    @pytest.fixture
    def desk(self) -> Iterator[RelationDesk]:
        with jira_desk("cloud") as made:
            yield made


class TestJiraDataCenterRelations(RelationsSuite):
    """Jira Data Center: issue links and remote links."""

    @pytest.fixture
    def desk(self) -> Iterator[RelationDesk]:
        with jira_desk("datacenter") as made:
            yield made
