"""The plain demo's people work by the rules on both sides, and the check sees what is and is not in step."""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from tieline.connectors.sandbox.core import RealClock, VirtualClock
from tieline.connectors.sandbox.expected import Ledger, Maps
from tieline.connectors.sandbox.jira import Ticket
from tieline.connectors.sandbox.outage import KEYS as OUTAGE
from tieline.connectors.sandbox.story import Act, Story, furnish
from tieline.connectors.sandbox.world import CATEGORY_FIELD, JIRA_USER, PROJECT, SERVICENOW_USER, World

START = datetime(2026, 1, 12, 8, 0, tzinfo=UTC)
Engine = Callable[[], None]


@pytest.fixture
def clock() -> VirtualClock:
    return VirtualClock(START)


@pytest.fixture
def world(clock: VirtualClock) -> Iterator[World]:
    with World(clock, seed=3) as world:
        yield world


@pytest.fixture
def told(
    world: World, clock: VirtualClock, maps: Maps, puppeteer: Callable[[World, Ledger], Engine]
) -> tuple[Story, list[Act]]:
    story = Story(world, clock, maps, seed=3, incidents=24)
    engine = puppeteer(world, story.ledger)
    acts = []
    for act in story.acts():
        engine()
        acts.append(act)
    return story, acts


def test_what_relations_are_missing_in_jira_is_seen(
    world: World, maps: Maps, told: tuple[Story, list[Act]]
) -> None:
    """The puppet carries none of the outage's: the check names each of them."""
    story, _ = told
    report = world.compare(maps, story.ledger.incidents.values())
    assert report.relations == 11
    assert len(report.misrelated) == 11 - 2, "the engineer has made two of them in Jira"
    assert not report.ok


def test_a_story_in_step_has_no_differences(world: World, maps: Maps, told: tuple[Story, list[Act]]) -> None:
    story, acts = told
    # The puppet carries fields and no relations.
    report = world.compare(replace(maps, links=()), story.ledger.incidents.values())
    assert [str(entry) for entry in report.differences] == []
    assert report.ok
    with_outage = 24 + len(OUTAGE)
    assert (report.records, report.pairs) == ({"servicenow": with_outage, "jira": with_outage}, with_outage)
    assert report.fields > 24 * 20
    assert story.stage.refusals == []
    deeds = [deed for act in acts for deed in act.deeds]
    assert {(deed.side, deed.first) for deed in deeds} == {
        ("servicenow", True), ("servicenow", False), ("jira", True), ("jira", False),
    }  # fmt: skip
    assert [deed.clash for deed in acts[2].deeds] == ["", "jira"]
    assert any(deed.values.get("state") == "6" for deed in deeds)


def test_the_same_seed_tells_the_same_story(
    clock: VirtualClock, maps: Maps, told: tuple[Story, list[Act]], puppeteer: Callable[..., Engine]
) -> None:
    def lines(acts: list[Act]) -> list[tuple[object, ...]]:
        return [(deed.at, deed.side, deed.by, dict(deed.values)) for act in acts for deed in act.deeds]

    again = VirtualClock(START)
    with World(again, seed=3) as world:
        story = Story(world, again, maps, seed=3, incidents=24)
        engine = puppeteer(world, story.ledger)
        acts = []
        for act in story.acts():
            engine()
            acts.append(act)
    assert lines(acts) == lines(told[1])


def test_what_is_out_of_step_is_listed(world: World, maps: Maps, told: tuple[Story, list[Act]]) -> None:
    story, _ = told
    one = story.ledger.incidents["s3"]
    world.servicenow.update("beth.anglin", one.id, {"short_description": "Somebody else's"})
    report = world.compare(maps, story.ledger.incidents.values())
    assert {entry.field for entry in report.differences} == {"short_description", "summary"}
    assert {entry.against for entry in report.differences} == {"people left", "ServiceNow says"}


def test_a_lost_edit_that_left_both_sides_alike_is_listed(
    world: World, maps: Maps, told: tuple[Story, list[Act]]
) -> None:
    story, _ = told
    one = story.ledger.incidents["j1"]
    mirror = next(row for row in world.servicenow.rows() if row["correlation_id"].endswith(f":{one.id}"))
    world.jira.update("fred.luddy", one.id, {"summary": "Alike"})
    world.servicenow.update("beth.anglin", mirror["sys_id"], {"short_description": "Alike"})
    report = world.compare(maps, story.ledger.incidents.values())
    assert {entry.against for entry in report.differences} == {"people left"}


def mirror_of(world: World, maps: Maps, origin: str) -> Ticket:
    return next(
        ticket
        for ticket in world.jira.issues()
        if str(ticket.values.get(maps.jira_marker)).endswith(f":{origin}")
    )


def test_a_second_mirror_and_a_missing_one_are_listed(
    world: World, maps: Maps, told: tuple[Story, list[Act]]
) -> None:
    story, _ = told
    first, second = (mirror_of(world, maps, story.ledger.incidents[key].id) for key in ("s1", "s2"))
    copy = world.jira.clone("fred.luddy", first.id)
    world.jira.delete(second.id)
    report = world.compare(maps, story.ledger.incidents.values())
    assert not report.ok
    assert report.duplicates == (
        f"{copy.key} is a second mirror ({first.values[maps.jira_marker]})",
        f"2 mirrors are marked {first.values[maps.jira_marker]}",
    )
    assert report.missing == (
        f"{story.ledger.incidents['s2'].label} has no partner",
        f"{copy.key} has no partner",
    )


def test_a_clash_is_decided_by_the_later_edit(told: tuple[Story, list[Act]]) -> None:
    story, acts = told
    desk, engineer = acts[2].deeds
    assert desk.at < engineer.at
    assert engineer.values.keys() == {CATEGORY_FIELD}
    assert desk.values["category"] != engineer.values[CATEGORY_FIELD].lower()
    story.ledger.edited_in_servicenow("s9", {"category": "hardware"})
    story.ledger.edited_in_jira("s9", {CATEGORY_FIELD: "Database"})
    assert story.ledger.incidents["s9"].servicenow["category"] == "database"


def test_the_example_runs_on_it_with_the_urls_replaced(world: World, template: str) -> None:
    before, after = tomllib.loads(template), tomllib.loads(world.configuration(template))
    assert (after["servicenow"].pop("url"), after["jira"].pop("url")) == world.urls
    del before["servicenow"]["url"], before["jira"]["url"]
    assert before == after
    assert before["servicenow"]["auth"]["user"] == SERVICENOW_USER
    assert before["jira"]["auth"]["user"] == JIRA_USER
    assert before["route"][0]["jira"]["project"] == PROJECT
    secrets = {before["servicenow"]["auth"]["password"], before["jira"]["auth"]["token"]}
    assert secrets == {f"env:{name}" for name in world.environment()}


def test_secrets_are_made_for_one_run_and_not_shown(clock: VirtualClock) -> None:
    one, other = World(clock), World(clock)
    assert one.environment().keys() == other.environment().keys()
    assert not set(one.environment().values()) & set(other.environment().values())
    assert not any(secret in repr(one.secrets) for secret in one.environment().values())


def test_a_story_needs_incidents(world: World, clock: VirtualClock, maps: Maps) -> None:
    with pytest.raises(ValueError, match="at least four"):
        Story(world, clock, maps, incidents=3)


def test_a_world_on_the_real_clock_can_be_furnished(maps: Maps) -> None:
    world = World(RealClock())
    deeds = furnish(world, maps, seed=1, incidents=8)
    assert len(deeds) == len(world.servicenow.rows()) + len(world.jira.issues()) == 8
    assert all(deed.first for deed in deeds)


def test_the_outage_is_shown_side_by_side_with_what_a_side_lacks(
    world: World, maps: Maps, told: tuple[Story, list[Act]]
) -> None:
    """The puppet carries no relation, so Jira has none to show."""
    story, _ = told
    ids = [found for key in OUTAGE if (found := story.stage.both_ids(key)) is not None]
    lines = world.outage(maps, ids)
    causes = [line.split() for line in lines if line.startswith("  caused by")]
    assert causes == [["caused", "by", "ServiceNow", "CHG0039001", "Jira", "nothing"]] * 3
    assert "CHG0039001  Move the order database (Implement)" in lines
    assert any(line.endswith("Orders cannot be placed (Resolved / Resolved)") for line in lines)
