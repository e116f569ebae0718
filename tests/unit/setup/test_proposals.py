"""What init proposes: usual names find each other, guesses are named, and any answer makes a right file."""

from __future__ import annotations

import string
from datetime import date
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tieline.connectors.base import FieldKind
from tieline.connectors.metadata import FieldInfo, Option, PlaceInfo, PlaceName, Screen, StatusInfo
from tieline.sync.config import load_config
from tieline.sync.config.sides import Jira, ServiceNow
from tieline.sync.mapping import Edge, ValueMap
from tieline.sync.setup.likeness import ALIKE, likeness, match_values
from tieline.sync.setup.proposal import propose, rank_places
from tieline.sync.setup.render import Start, render, text
from tieline.sync.setup.status import priority_lines, resolution_lines, status_lines

STATES = [Option(v, w) for v, w in (("1", "New"), ("2", "In Progress"), ("3", "On Hold"), ("6", "Resolved"),
                                    ("7", "Closed"), ("8", "Canceled"))]  # fmt: skip
HOLDS = [Option("1", "Awaiting Caller"), Option("3", "Awaiting Problem"), Option("4", "Awaiting Vendor")]
LEVELS = [
    Option(str(n), f"{n} - {w}") for n, w in enumerate(("Critical", "High", "Moderate", "Low", "Planning"), 1)
]


def statuses(*named: tuple[str, str]) -> list[StatusInfo]:
    return [StatusInfo(name, category) for name, category in named]


def joined(lines: object) -> dict[tuple[str, ...], tuple[str, ...]]:
    return {line.servicenow: line.jira for line in lines}  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("one", "two"),
    [("Assignment group", "Support Group"), ("1 - High", "HIGH"), ("close_notes", "Close notes"),
     ("Cancelled", "Canceled"), ("Inquiry / Help", "inquiry help")],
)  # fmt: skip
def test_names_of_one_thing_are_alike(one: str, two: str) -> None:
    assert likeness(one, two) >= ALIKE
    assert likeness(one, two) == likeness(two, one)


@pytest.mark.parametrize(
    ("one", "two"), [("DNS", "Network"), ("Open", "Closed"), ("", "x"), ("Low", "Lowest")]
)
def test_names_of_two_things_are_not(one: str, two: str) -> None:
    assert likeness(one, two) < ALIKE


def test_equal_values_come_first_and_what_is_left_is_told() -> None:
    ours = [
        Option("os", "Operating System"),
        Option("operating system", "Operating system"),
        Option("dns", "DNS"),
    ]
    match = match_values(ours, ["operating system", "vpn"])
    assert joined(match.lines) == {("operating system", "os"): ("operating system",)}
    assert [option.value for option in match.servicenow_left] == ["dns"]
    assert match.jira_left == ("vpn",)


def test_the_usual_workflow_is_mapped_by_words() -> None:
    working = [(name, "indeterminate") for name in ("In Progress", "Waiting", "Blocked")]
    ended = [(name, "done") for name in ("Resolved", "Closed", "Canceled")]
    flow = statuses(("Open", "new"), *working, *ended)
    lines = status_lines(STATES, HOLDS, flow)
    assert joined(lines) == {
        ("1",): ("Open",), ("2",): ("In Progress",), ("3/1", "3"): ("Waiting",), ("3/3", "3/4"): ("Blocked",),
        ("6",): ("Resolved",), ("7",): ("Closed",), ("8",): ("Canceled",),
    }  # fmt: skip
    assert not any(line.guess for line in lines)


def test_a_short_workflow_shares_classes_and_says_that_it_guessed() -> None:
    lines = status_lines(
        STATES, HOLDS, statuses(("To Do", "new"), ("In Progress", "indeterminate"), ("Done", "done"))
    )
    assert joined(lines) == {
        ("1",): ("To Do",), ("2", "3/1", "3/3", "3/4", "3"): ("In Progress",), ("6", "7", "8"): ("Done",),
    }  # fmt: skip
    assert [line.guess for line in lines] == [False, True, True]


NAMES = st.text(string.ascii_letters + " -'üß漢", min_size=1, max_size=12).filter(str.strip)
FLOWS = st.lists(
    st.builds(StatusInfo, NAMES, st.sampled_from(["new", "indeterminate", "done"])),
    min_size=1, max_size=9, unique_by=lambda s: s.name,
)  # fmt: skip


@given(FLOWS, st.lists(st.sampled_from(HOLDS), unique=True))
def test_every_state_and_every_status_has_a_partner_that_ends_if_it_does(
    flow: list[StatusInfo], holds: list[Option]
) -> None:
    lines = status_lines(STATES, holds, flow)
    found = ValueMap(Edge(line.servicenow, line.jira) for line in lines)
    for status in flow:
        assert found.partner("jira", status.name) is not None
    for token in [*(s.value for s in STATES), *(f"3/{h.value}" for h in holds)]:
        ends = token in "678"
        fits = any((status.category == "done") == ends for status in flow)
        assert (found.partner("servicenow", token) is not None) == fits
    written = [token for line in lines for token in line.servicenow]
    assert len(written) == len(set(written))


@given(
    st.lists(NAMES, min_size=1, max_size=8, unique=True), st.lists(NAMES, min_size=1, max_size=6, unique=True)
)
def test_every_close_code_has_a_resolution(codes: list[str], resolutions: list[str]) -> None:
    found = resolution_lines([Option(code) for code in codes], resolutions)
    assert found.default in codes
    assert sorted(code for line in found.lines for code in line.servicenow) == sorted(codes)


def test_close_codes_of_both_releases_find_their_resolutions() -> None:
    codes = ("Duplicate", "Solution provided", "Workaround provided", "User error")
    new = resolution_lines([Option(code) for code in codes], ["Done", "Workaround", "Duplicate", "Won't Do"])
    assert joined(new.lines) == {
        ("Solution provided",): ("Done",), ("Workaround provided",): ("Workaround",),
        ("Duplicate",): ("Duplicate",), ("User error",): ("Won't Do",),
    }  # fmt: skip
    old = resolution_lines([Option("Solved (Permanently)"), Option("Solved (Work Around)")], ["Fixed"])
    assert (old.default, joined(old.lines)) == (
        "Solved (Permanently)", {("Solved (Permanently)", "Solved (Work Around)"): ("Fixed",)}
    )  # fmt: skip


@given(st.lists(NAMES, min_size=1, max_size=8, unique=True))
def test_every_priority_has_a_partner(priorities: list[str]) -> None:
    found = ValueMap(Edge(line.servicenow, line.jira) for line in priority_lines(LEVELS, priorities))
    assert all(found.partner("servicenow", level.value) for level in LEVELS)
    assert all(found.partner("jira", priority) for priority in priorities)


def test_the_incident_type_comes_first() -> None:
    places = [
        PlaceName("DEV/Bug", "Development, Bug"),
        PlaceName("IT/[System] Incident", "IT, [System] Incident"),
    ]
    assert rank_places(places)[0].place == "IT/[System] Incident"


# Whole files


def _field(
    id_: str, label: str, kind: FieldKind, options: tuple[str, ...] = (), length: int | None = None
) -> FieldInfo:
    return FieldInfo(id_, label, kind, kind, length, bool(options), tuple(map(Option, options)))


def servicenow_place(**lists: tuple[str, ...]) -> PlaceInfo:
    fields = [
        _field("short_description", "Short description", "line", length=120),
        _field("description", "Description", "text", length=4000),
        _field("assigned_to", "Assigned to", "person"),
        _field("assignment_group", "Assignment group", "group"),
        _field("u_region", "Region", "choice", lists.get("region", ("EMEA", "APAC"))),
        _field("close_code", "Resolution code", "choice", lists.get("codes", ("Solved (Permanently)",))),
    ]  # fmt: skip
    return PlaceInfo("incident", {f.id: f for f in fields}, groups=lists.get("groups", ("Network",)))


def jira_place(
    names: tuple[str, ...] = ("Region",), regions: tuple[str, ...] = ("Emea", "LATAM")
) -> PlaceInfo:
    fields = [
        _field("summary", "Summary", "line", length=255), _field("description", "Description", "text"),
        _field("assignee", "Assignee", "person"), _field("labels", "Labels", "set"),
        _field("priority", "Priority", "choice", ("Major", "Minor")),
        *(_field(f"customfield_{n}", name, "choice", regions) for n, name in enumerate(names)),
    ]  # fmt: skip
    by_id = {f.id: f for f in fields}
    flow = tuple(statuses(("To Do", "new"), ("Done", "done")))
    return PlaceInfo("OPS/Task", by_id, statuses=flow, resolutions=("Done",), create=Screen(frozenset(by_id)))


def start() -> Start:
    servicenow = {"kind": "basic", "user": 'a"b', "password": "env:X"}
    jira = {"kind": "pat", "token": "file:secrets/jira"}
    site = {"url": "https://j.example.com", "deployment": "datacenter", "auth": jira, "marker": "labels"}
    return Start(
        "acme", "ops",
        ServiceNow.model_validate({"url": "https://sn.example.com", "auth": servicenow}),
        Jira.model_validate(site),
        date(2026, 1, 5),
    )  # fmt: skip


def test_fields_are_paired_by_name_and_values_and_gaps_are_told(tmp_path: Path) -> None:
    proposal = propose(servicenow_place(), jira_place())
    file = tmp_path / "config.toml"
    file.write_text(render(start(), proposal), encoding="utf-8")
    config = load_config(file)
    region = next(field for field in config.fields if field.servicenow == "u_region")
    assert (region.kind, region.jira, region.unmapped) == ("choice", "customfield_0", "hold")
    assert [(edge.servicenow, edge.jira) for edge in region.map] == [(("EMEA",), ("Emea",))]
    summary = config.fields[0]
    assert (summary.longest("servicenow"), summary.longest("jira")) == (120, 255)
    assert config.jira.marker == "labels"
    gaps = " ".join(gap.what for gap in proposal.gaps)
    for word in ("APAC", "LATAM", "assignment_group has no field", "marker", "close notes"):
        assert word in gaps
    assert "APAC" in file.read_text(encoding="utf-8").split("What could not be mapped")[1]


def test_what_is_not_on_the_create_screen_is_not_mapped() -> None:
    place = jira_place()
    bare = PlaceInfo(
        place.place, place.fields, statuses=place.statuses, create=Screen(frozenset({"summary"}))
    )
    proposal = propose(servicenow_place(), bare)
    assert [field.name for field in proposal.fields] == ["summary"]
    assert proposal.priority is None
    assert any("description" in gap.what and "create" in gap.what for gap in proposal.gaps)


@pytest.mark.parametrize(
    "value", ['a"b', "back\\slash", "tab\there", "ünï", "\x7f", "new\nline", "#no comment"]
)
def test_any_text_is_a_toml_string(value: str) -> None:
    import tomllib

    assert tomllib.loads(f"x = {text(value)}")["x"] == value


WORDS = st.text(max_size=8)


@settings(max_examples=60)
@given(
    names=st.lists(WORDS, max_size=3, unique=True),
    regions=st.lists(WORDS, min_size=1, max_size=4, unique=True),
    codes=st.lists(WORDS, min_size=1, max_size=4, unique=True),
    groups=st.lists(WORDS, max_size=3, unique=True),
    flow=FLOWS,
)
def test_whatever_the_systems_say_the_file_is_right(
    tmp_path_factory: pytest.TempPathFactory, names: list[str], regions: list[str], codes: list[str],
    groups: list[str], flow: list[StatusInfo],
) -> None:  # fmt: skip
    ours = servicenow_place(region=tuple(regions), codes=tuple(codes), groups=tuple(groups))
    place = jira_place(tuple(names), tuple(regions))
    theirs = PlaceInfo(
        place.place, place.fields, statuses=tuple(flow), resolutions=("Done",), create=place.create
    )
    file = tmp_path_factory.mktemp("any") / "config.toml"
    file.write_text(render(start(), propose(ours, theirs)), encoding="utf-8")
    load_config(file)
