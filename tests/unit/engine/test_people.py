"""Who is who: found by address, user name, full name, a map or its file; deactivated people are nobody."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tieline.connectors.base import Entity
from tieline.connectors.errors import ConfigError
from tieline.sync.config import load_config
from tieline.sync.config.model import FieldConfig
from tieline.sync.people import person_edges
from tieline.sync.people_check import standing, used
from tieline.sync.run import EVERYTHING, new_run

from .world import START, World


def person(
    side: Any, id_: str, name: str, email: str = "", user_name: str = "", active: bool = True
) -> Entity:
    return Entity(side, "person", id_, name, email, user_name, active)


def world_of(ours: Entity, theirs: Entity, **people: Any) -> World:
    made = World(people=people) if people else World()
    made.sn.people[ours.id] = ours
    made.jira.people[theirs.id] = theirs
    return made


@pytest.mark.parametrize(
    ("ours", "theirs", "people"),
    [
        (("ada@example.com", "ada", "Ada"), ("ADA@example.com", "x", "A."), {}),
        (("", "ada", "Ada"), ("", "ada", "A."), {"match": ["email", "user_name"]}),
        (("a@x.com", "ada", "Ada Byron"), ("b@x.com", "x", "Ada Byron"), {"match": ["email", "name"]}),
        (("", "ada", "Ada"), ("", "", "A."), {"map": [{"servicenow": "ada", "jira": "j-1"}]}),
    ],
)
def test_people_are_found_as_configured(
    ours: tuple[str, str, str], theirs: tuple[str, str, str], people: dict[str, Any]
) -> None:
    one = person("servicenow", "s-1", ours[2], ours[0], ours[1])
    two = person("jira", "j-1", theirs[2], theirs[0].lower(), theirs[1])
    world = world_of(one, two, **people)
    _row, issue = world.paired(assigned_to="s-1")
    assert issue.values["assignee"] == "j-1"


def test_a_full_name_is_no_match_unless_it_is_asked_for() -> None:
    world = world_of(
        person("servicenow", "s-1", "Ada Byron", "a@x.com"), person("jira", "j-1", "Ada Byron", "b@x.com")
    )
    _row, issue = world.paired(assigned_to="s-1")
    assert issue.values.get("assignee") is None


@pytest.mark.parametrize(("inactive", "found"), [("unknown", None), ("use", "j-1")])
def test_a_deactivated_partner_is_as_good_as_none(inactive: str, found: str | None) -> None:
    world = world_of(
        person("servicenow", "s-1", "Ada", "ada@x.com"),
        person("jira", "j-1", "Ada", "ada@x.com", active=False),
        inactive=inactive,
    )
    _row, issue = world.paired(assigned_to="s-1")
    assert issue.values.get("assignee") == found
    world.in_step()


def test_who_is_deactivated_later_is_not_taken_off_what_stands() -> None:
    ours, theirs = person("servicenow", "s-1", "Ada", "ada@x.com"), person("jira", "j-1", "Ada", "ada@x.com")
    world = world_of(ours, theirs)
    row, issue = world.paired(assigned_to="s-1")
    world.jira.people["j-1"] = replace(theirs, active=False)
    world.tick(8 * 86_400)
    world.sn.edit(row.id, {"short_description": "More"})
    world.settle()
    assert (row.values["assigned_to"], issue.values["assignee"]) == ("s-1", "j-1")
    world.in_step()


def test_a_map_lies_in_a_file_too(tmp_path: Path) -> None:
    world = World(people={"map_file": "people.csv"})
    config = world.config.read_from(tmp_path / "config.toml")
    (tmp_path / "people.csv").write_text("\ufeffservicenow,jira,remark\nada,j-1,x\nbob, j-2 ,\n", "utf-8")
    assert [(e.servicenow, e.jira) for e in person_edges(config)] == [
        (("ada",), ("j-1",)),
        (("bob",), ("j-2",)),
    ]


@pytest.mark.parametrize("text", ["a,b\n1,2\n", "servicenow,jira\nada,\n", "", "servicenow,jira\nx,\xff\n"])
def test_a_map_file_that_is_no_use_is_named(tmp_path: Path, text: str) -> None:
    config = World(people={"map_file": "people.csv"}).config.read_from(tmp_path / "config.toml")
    (tmp_path / "people.csv").write_bytes(text.encode("latin-1"))
    with pytest.raises(ConfigError, match=r"people\.csv"):
        person_edges(config)


def test_the_check_names_those_without_a_partner() -> None:
    world = world_of(
        person("servicenow", "s-1", "Ada", "ada@x.com"), person("jira", "j-1", "Ada", "ada@x.com")
    )
    world.sn.people["s-2"] = person("servicenow", "s-2", "Bob", "bob@x.com")
    world.jira.people["j-3"] = person("jira", "j-3", "Cay")
    for who in ("s-1", "s-2", "s-2", "s-4"):
        world.incident(assigned_to=who)
    world.issue(assignee="j-3")
    run = new_run("", world.config, world.store, world.sides, world.clock, EVERYTHING, remember=False)
    found = used(run, START, 100, lambda *_: None)
    assert {(u.known.entity.id, u.known.standing, u.count) for u in found} == {
        ("s-1", "joined", 1), ("s-2", "no partner", 2), ("s-4", "not shown", 1), ("j-3", "hidden address", 1),
    }  # fmt: skip
    assert found[0].example.startswith("INC")
    assert not world.writes


def test_one_way_to_match_leaves_the_mapping_as_it_was() -> None:
    """An update of Tieline must not ask anybody to accept a mapping that nobody changed."""
    assert World().config.mapping()["people"]["match"] == "email"
    known = standing(person("jira", "j", "J", "j@x"), None, World().config)
    assert known.standing == "no partner"


def crowd_world() -> World:
    """A world in which watchers are mirrored, and Ada and Bob are on both sides."""
    world = World()
    watchers = FieldConfig.model_validate(
        {"name": "watchers", "kind": "people", "servicenow": "watch_list", "jira": "watches"}
    )
    world.config = world.config.model_copy(update={"field": (*world.config.field, watchers)})
    for number, name in enumerate(("ada", "bob"), 1):
        world.sn.people[f"s-{number}"] = person("servicenow", f"s-{number}", name, f"{name}@x.com")
        world.jira.people[f"j-{number}"] = person("jira", f"j-{number}", name, f"{name}@x.com")
    world.sn.people["s-9"] = person("servicenow", "s-9", "Desk only", "desk@x.com")
    world.jira.people["j-9"] = person("jira", "j-9", "Jira only", "only@x.com")
    return world


def test_watchers_are_mirrored_one_by_one() -> None:
    world = crowd_world()
    row, issue = world.paired(watch_list=frozenset({"s-1", "s-9"}))
    assert issue.values["watches"] == frozenset({"j-1"})
    world.jira.edit(issue.id, {"watches": frozenset({"j-1", "j-2", "j-9"})})
    world.settle()
    assert row.values["watch_list"] == frozenset({"s-1", "s-2", "s-9"})
    world.sn.edit(row.id, {"watch_list": frozenset({"s-2", "s-9"})})
    world.settle()
    assert issue.values["watches"] == frozenset({"j-2", "j-9"})
    world.jira.edit(issue.id, {"watches": frozenset({"j-9"})})
    world.settle()
    assert row.values["watch_list"] == frozenset({"s-9"})
    world.in_step()


def test_both_sides_may_add_watchers_at_once() -> None:
    world = crowd_world()
    row, issue = world.paired()
    world.sn.edit(row.id, {"watch_list": frozenset({"s-1"})})
    world.jira.edit(issue.id, {"watches": frozenset({"j-2"})})
    world.settle()
    assert row.values["watch_list"] == frozenset({"s-1", "s-2"})
    assert issue.values["watches"] == frozenset({"j-1", "j-2"})
    assert not world.conflicts()


def caller_world(unknown: str = "default:j-0") -> World:
    """Callers are mirrored as reporters; of those whom Jira does not know it shows the name."""
    world = World()
    caller = FieldConfig.model_validate(
        {
            "name": "caller", "kind": "person", "servicenow": "caller_id", "jira": "reporter",
            "unknown": unknown, "names": {"jira": "customfield_10061"},
        }
    )  # fmt: skip
    world.config = world.config.model_copy(update={"field": (*world.config.field, caller)})
    world.sn.people["s-1"] = person("servicenow", "s-1", "Ada", "ada@x.com")
    world.sn.people["s-2"] = person("servicenow", "s-2", "Bob  Smith", "bob@x.com")
    world.sn.people["s-3"] = person("servicenow", "s-3", "Cay", "cay@x.com")
    world.jira.people["j-0"] = person("jira", "j-0", "Service desk")
    world.jira.people["j-1"] = person("jira", "j-1", "Ada", "ada@x.com")
    return world


@pytest.mark.parametrize(("unknown", "reporter"), [("default:j-0", "j-0"), ("unassigned", None)])
def test_a_caller_whom_jira_does_not_know_is_shown_by_name(unknown: str, reporter: str | None) -> None:
    world = caller_world(unknown)
    row, issue = world.paired(caller_id="s-2")
    assert (issue.values.get("reporter"), issue.values["customfield_10061"]) == (reporter, "Bob Smith")
    world.sn.edit(row.id, {"caller_id": "s-3"})
    world.settle()
    assert (issue.values.get("reporter"), issue.values["customfield_10061"]) == (reporter, "Cay")
    world.sn.edit(row.id, {"caller_id": "s-1"})
    world.settle()
    assert (issue.values["reporter"], issue.values["customfield_10061"]) == ("j-1", None)
    assert row.values["caller_id"] == "s-1"
    assert not world.conflicts()


def test_a_name_takes_no_caller_away() -> None:
    world = caller_world()
    row, issue = world.paired(caller_id="s-2")
    world.jira.edit(issue.id, {"summary": "Edited in Jira"})
    world.settle()
    assert row.values["caller_id"] == "s-2"
    world.jira.edit(issue.id, {"reporter": "j-1"})
    world.settle()
    assert row.values["caller_id"] == "s-1"


@pytest.mark.parametrize("key", ["unknown", "names"])
def test_only_people_are_unknown(tmp_path: Path, key: str) -> None:
    text = (Path(__file__).resolve().parents[3] / "config.example.toml").read_text(encoding="utf-8")
    wrong = {"unknown": 'unknown = "hold"', "names": 'names = { jira = "customfield_1" }'}[key]
    path = tmp_path / "config.toml"
    path.write_text(text.replace('kind = "line" ', f'{wrong}\nkind = "line" ', 1), encoding="utf-8")
    with pytest.raises(ConfigError, match=rf"{key}: does not go with kind"):
        load_config(path)
