"""References to problems and changes: read along with the incident, set and emptied, refused in silence."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tieline.connectors.base import Applied, Record, Ref, Relate, Search, Target, Tie, Unrelate, Version
from tieline.connectors.errors import Rejected
from tieline.connectors.servicenow.connector import ServiceNowConnector

from .conftest import Instance, error, reply, row, rows_reply, sys_id

TIES = {"problem_id": "problem", "cmdb_ci": "ci"}
MINE = Ref("servicenow", sys_id(1))
PROBLEM = Ref("servicenow", "p" * 32, "problem")
Make = Callable[..., ServiceNowConnector]


@pytest.fixture
def connector(make: Make) -> ServiceNowConnector:
    return make(ties=TIES)


def tied(**cells: Any) -> dict[str, Any]:
    return row(1, **{"problem_id": "", "cmdb_ci": "", **cells})


def test_references_and_their_numbers_come_along(instance: Instance, connector: ServiceNowConnector) -> None:
    shown = tied(problem_id="p" * 32, **{"problem_id.number": "PRB0040001"})
    instance.replies = [rows_reply(shown)]
    (record,) = connector.read([MINE])
    assert isinstance(record, Record)
    assert record.ties == (Tie("problem_id", PROBLEM, label="PRB0040001"),)
    asked = instance.params()["sysparm_fields"].split(",")
    assert {"problem_id", "problem_id.number", "cmdb_ci", "cmdb_ci.name"} <= set(asked)
    assert len(instance.sent) == 1, "one read for all of it"


def test_a_reference_is_set_and_emptied(instance: Instance, connector: ServiceNowConnector) -> None:
    done = tied(problem_id="p" * 32, sys_mod_count="5")
    instance.replies = [reply({"result": done}), reply({"result": tied(sys_mod_count="6")})]
    (made,) = connector.write([Relate(MINE, "problem_id", PROBLEM, seen=Version("4@x"))])
    assert isinstance(made, Applied)
    assert (made.alone, instance.body()) == (True, {"problem_id": "p" * 32})
    (gone,) = connector.write([Unrelate(MINE, "problem_id", PROBLEM, seen=Version("5@x"))])
    assert isinstance(gone, Applied)
    assert (gone.record is not None and gone.record.ties, instance.body()) == ((), {"problem_id": ""})


def test_what_is_dropped_in_silence_is_a_refusal(instance: Instance, connector: ServiceNowConnector) -> None:
    instance.replies = [reply({"result": tied()})]
    (outcome,) = connector.write([Relate(MINE, "problem_id", PROBLEM)])
    assert isinstance(outcome, Rejected)
    assert "problem_id" in outcome.fields


def test_somebody_who_wrote_meanwhile_is_told(instance: Instance, connector: ServiceNowConnector) -> None:
    instance.replies = [reply({"result": tied(problem_id="p" * 32, sys_mod_count="7")})]
    (outcome,) = connector.write([Relate(MINE, "problem_id", PROBLEM, seen=Version("4@x"))])
    assert isinstance(outcome, Applied)
    assert outcome.alone is False
    assert outcome.races


def test_targets_that_were_not_asked_for_are_left_out(
    instance: Instance, connector: ServiceNowConnector
) -> None:
    """A condition that ServiceNow does not understand is dropped, and then strangers come."""
    found = {"sys_id": "p" * 32, "number": "PRB0040001", "short_description": "x", "state": "101"}
    stranger = {"sys_id": "q" * 32, "number": "PRB0040002", "short_description": "y", "state": "101"}
    instance.replies = [rows_reply(found, stranger)]
    (target,) = connector.targets("problem", ["prb0040001"])
    assert isinstance(target, Target)
    assert (target.ref, target.label, target.state) == (PROBLEM, "PRB0040001", "101")


def test_a_search_is_checked_again_here(instance: Instance, connector: ServiceNowConnector) -> None:
    fits = {"sys_id": "c" * 32, "number": "CHG1", "cmdb_ci": "i" * 32}
    other = {"sys_id": "d" * 32, "number": "CHG2", "cmdb_ci": "j" * 32}
    instance.replies = [rows_reply(fits, other)]
    found = connector.seek(Search("change", cis=frozenset({"i" * 32})))
    assert [target.label for target in found] == ["CHG1"]


def test_what_may_not_be_read_is_not_there(instance: Instance, connector: ServiceNowConnector) -> None:
    instance.replies = [reply(error("No access"), 403), reply(error("Invalid table"), 400)]
    assert connector.targets("change", ["CHG0030002"]) == []
    assert connector.depends_on(["i" * 32]) == {}
