"""A write that ServiceNow ignores in silence: the edit behind it is neither lost nor undone across."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from tieline.connectors.sandbox.core import VirtualClock
from tieline.connectors.sandbox.expected import Ledger, Maps
from tieline.connectors.sandbox.theatre import MONDAY
from tieline.connectors.sandbox.world import CATEGORY_FIELD, World

from .storm import Storm, storm


def passes(found: Storm, count: int = 4) -> None:
    for _ in range(count):
        assert found.run(), found.failures
        found.clock.advance(timedelta(minutes=3))


def test_an_edit_that_is_ignored_in_silence_parks_its_pair(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = VirtualClock(MONDAY)
    with World(clock) as world:
        text = world.configuration((root / "config.example.toml").read_text(encoding="utf-8"))
        row = world.servicenow.create("beth.anglin", {"short_description": "VPN", "category": "network"})
        with storm(world, clock, text, Ledger(Maps.read(text)), tmp_path, monkeypatch) as found:
            passes(found)
            [ticket] = world.jira.issues()
            world.servicenow.access.unwritable.add("category")
            world.jira.update("fred.luddy@example.com", ticket.id, {CATEGORY_FIELD: "Database"})
            passes(found)
            assert world.servicenow.get(row["sys_id"])["category"] == "network"
            assert world.jira.get(ticket.id).values[CATEGORY_FIELD] == "Database"
            assert "category" in found.excused()[row["number"]]
            world.servicenow.access.unwritable.clear()
            clock.advance(timedelta(hours=1))
            passes(found)
            assert world.servicenow.get(row["sys_id"])["category"] == "database"
            assert found.excused() == {}


def test_a_value_left_out_of_a_create_does_not_undo_its_origin(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = VirtualClock(MONDAY)
    with World(clock) as world:
        text = world.configuration((root / "config.example.toml").read_text(encoding="utf-8"))
        fields = {"summary": "VPN", CATEGORY_FIELD: "Database"}
        ticket = world.jira.create("fred.luddy@example.com", "OPS", "Incident", fields)
        world.servicenow.access.unwritable.add("category")
        clock.advance(timedelta(minutes=2))
        with storm(world, clock, text, Ledger(Maps.read(text)), tmp_path, monkeypatch) as found:
            passes(found)
            [row] = world.servicenow.rows()
            assert row["category"] == "inquiry"  # the default
            assert world.jira.get(ticket.id).values[CATEGORY_FIELD] == "Database"
            assert "category" in found.excused()[row["number"]]
