"""Affected items on every side: in memory, and through the real clients against the stand-ins."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime

import pytest

from tieline.connectors.base import Affected, Connector, Ref
from tieline.connectors.sandbox.core import Fault, Request, Response

from .stands import Deployment
from .suite_affected import AffectedDesk, AffectedSuite
from .test_relations import MemoryDesk, ServiceNowDesk, jira_desk, memory_desk, servicenow_desk


class MemoryLists(AffectedDesk):
    """The in-memory side."""

    def __init__(self, desk: MemoryDesk) -> None:
        self.desk = desk
        self.connector: Connector = desk.memory

    def raised(self) -> Ref:
        return self.desk.raised()

    def item(self, name: str) -> Ref:
        return self.desk.memory.ties.add("ci", f"ci-{name}", name)

    def affect(self, ref: Ref, item: Ref) -> None:
        self.desk.memory.ties.affect(ref.id, item, self.desk.clock.now())

    def unaffect(self, ref: Ref, item: Ref) -> None:
        self.desk.memory.ties.unaffect(ref.id, item)

    def hide(self, ref: Ref, item: Ref) -> None:
        self.desk.memory.ties.unseen_items.add(item)

    def later(self, seconds: float) -> None:
        self.desk.later(seconds)

    @contextmanager
    def asking(self) -> Iterator[list[str]]:
        self.desk.memory.requests.clear()
        yield self.desk.memory.requests


class ServiceNowLists(AffectedDesk):
    """The stand-in, with rows of `task_ci`."""

    def __init__(self, desk: ServiceNowDesk) -> None:
        self.desk = desk
        self.connector = desk.connector

    def raised(self) -> Ref:
        return self.desk.raised()

    def item(self, name: str) -> Ref:
        row = self.desk.stand.sandbox.create("admin", {"name": name}, table="cmdb_ci")
        return Ref("servicenow", row["sys_id"], "ci")

    def affect(self, ref: Ref, item: Ref) -> None:
        self.desk.stand.sandbox.create("admin", {"task": ref.id, "ci_item": item.id}, table="task_ci")

    def row(self, ref: Ref, item: Ref) -> str:
        """The sys_id of an entry."""
        rows = self.desk.stand.sandbox.rows("task_ci")
        return str(next(r["sys_id"] for r in rows if (r["task"], r["ci_item"]) == (ref.id, item.id)))

    def unaffect(self, ref: Ref, item: Ref) -> None:
        self.desk.stand.sandbox.delete(self.row(ref, item), table="task_ci")

    def hide(self, ref: Ref, item: Ref) -> None:
        self.desk.stand.sandbox.access.hidden.add(self.row(ref, item))

    def later(self, seconds: float) -> None:
        self.desk.later(seconds)

    @contextmanager
    def asking(self) -> Iterator[list[str]]:
        asked: list[str] = []
        watched = Fault("watched", before=lambda request: asked.append(request.path))
        self.desk.stand.sandbox.faults.append(watched)
        yield asked
        self.desk.stand.sandbox.faults.remove(watched)


class TestMemoryAffected(AffectedSuite):
    """The in-memory side."""

    @pytest.fixture
    def desk(self) -> AffectedDesk:
        return MemoryLists(memory_desk("servicenow"))


class TestServiceNowAffected(AffectedSuite):
    """ServiceNow through pysnow: rows of `task_ci`, four to a page."""

    @pytest.fixture
    def desk(self) -> Iterator[AffectedDesk]:
        with servicenow_desk() as made:
            yield ServiceNowLists(made)

    @pytest.mark.parametrize("column", ["task", "ci_item"])
    def test_a_hidden_column_makes_no_empty_list(self, desk: ServiceNowLists, column: str) -> None:
        ref = desk.raised()
        desk.affect(ref, desk.item("db01"))
        desk.desk.stand.sandbox.access.unreadable.add(column)
        assert desk.told(ref) == [Affected((), whole=False)]

    def test_an_item_without_a_visible_name_has_its_id(self, desk: ServiceNowLists) -> None:
        ref, item = desk.raised(), desk.item("")
        desk.affect(ref, item)
        assert desk.names(ref) == [item.id]

    def test_the_same_item_twice_is_one(self, desk: ServiceNowLists) -> None:
        ref, item = desk.raised(), desk.item("db01")
        desk.affect(ref, item)
        desk.affect(ref, item)
        assert (desk.names(ref), desk.told(ref)[0].whole) == (["db01"], True)

    @pytest.mark.parametrize(
        "answer",
        [
            Response(403, b'{"error": {"message": "Operation Failed", "detail": "ACL restricts it"}}'),
            Response(400, b'{"error": {"message": "Invalid table task_ci", "detail": ""}}'),
            Response(200, b'{"result": []}', (("X-Is-Logged-In", "false"), ("X-Total-Count", "0"))),
            Response(200, b'{"result": []}'),
            Response(200, b'{"result": [{"sys_id": "1", "task": "another", "ci_item": "2"}]}'),
        ],
        ids=["no right", "no table", "nobody", "no count", "a stranger's"],
    )
    def test_what_proves_nothing_is_not_whole(self, desk: ServiceNowLists, answer: Response) -> None:
        ref = desk.raised()
        desk.affect(ref, desk.item("db01"))

        def before(request: Request) -> Response | None:
            return answer if "task_ci" in request.path else None

        desk.desk.stand.sandbox.faults.append(Fault("odd", before=before))
        assert desk.told(ref) == [Affected((), whole=False)]


@pytest.mark.parametrize("deployment", ["cloud", "datacenter"])
def test_jira_has_no_lists(deployment: Deployment) -> None:
    with jira_desk(deployment) as made:
        assert made.connector.affected([Ref("jira", "1"), Ref("jira", "2")]) == [Affected(), Affected()]
        assert list(made.connector.affecting(None, datetime(2026, 1, 1, tzinfo=UTC))) == []
