"""What an engineer does has one right outcome, whatever else happens between the same two passes."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from tieline.connectors.sandbox.engineers import INDEX_LAG, MARGIN, NEXT, Choices, Engineers, Planned, Step
from tieline.connectors.sandbox.expected import Expected, Ledger, Maps

START = datetime(2026, 1, 12, 8, tzinfo=UTC)
END = START + timedelta(hours=8)
CATEGORY, GROUP, SUBCATEGORY = "customfield_10051", "customfield_10050", "customfield_10052"
CHOICES = Choices(
    by_field={
        CATEGORY: ["Network", "Database"],
        GROUP: ["Network", "Hardware"],
        SUBCATEGORY: ["vpn", "disk"],
    },
    people=["fred.luddy@example.com", "david.loo@example.com"],
    resolution={},
)
EDITS: tuple[Mapping[str, str], ...] = (
    {"category": "database"}, {"category": "inquiry"}, {"assigned_to": "david.loo@example.com"},
    {"state": "2", "hold_reason": ""}, {"state": "3", "hold_reason": "4"}, {"state": "-100"},
    {"state": "6", "hold_reason": "", "close_code": "", "close_notes": ""},
    {"state": "7", "hold_reason": "", "close_code": "Duplicate", "close_notes": "x"},
    {"impact": "1"}, {"urgency": "3"}, {"assignment_group": ""},
)  # fmt: skip

planned = st.lists(
    st.builds(
        lambda minute, values: Planned(START + timedelta(minutes=minute), values),
        st.integers(1, 470),
        st.sampled_from(EDITS),
    ),
    max_size=4,
).map(lambda edits: sorted(edits, key=lambda edit: edit.at))


def incident(maps: Maps, state: str) -> Expected:
    ledger = Ledger(maps)
    return ledger.raised("a", "servicenow", "s1", "INC1", {
        "short_description": "x", "category": "network", "impact": "2", "urgency": "2", "state": state,
    })  # fmt: skip


def steps(maps: Maps, state: str, edits: list[Planned], seed: int) -> list[Step]:
    engineers = Engineers(maps, CHOICES, seed)
    found = (engineers.step("a", incident(maps, state), edits, START, END) for _ in range(10))
    return [step for step in found if step is not None]


@given(edits=planned, seed=st.integers(0, 50), state=st.sampled_from("1236"))
def test_the_later_edit_is_later_by_a_margin(maps: Maps, edits: list[Planned], seed: int, state: str) -> None:
    for step in steps(maps, state, edits, seed):
        assert START + MARGIN <= step.at <= END - INDEX_LAG
        if step.clash == "jira":
            assert all(edit.at + MARGIN <= step.at for edit in edits)
        if step.clash == "servicenow":
            assert all(step.at + MARGIN <= edit.at + timedelta(seconds=1) for edit in edits)


@given(edits=planned, seed=st.integers(0, 50), state=st.sampled_from("1236"))
def test_a_step_changes_what_jira_shows(maps: Maps, edits: list[Planned], seed: int, state: str) -> None:
    before = incident(maps, state).jira
    for step in steps(maps, state, edits, seed):
        assert all(before.get(name, "") != value for name, value in step.values.items())
        if "status" in step.values:
            assert step.values["status"] in NEXT[before["status"]]


@given(edits=planned, seed=st.integers(0, 50))
def test_an_unsaid_clash_is_none(maps: Maps, edits: list[Planned], seed: int) -> None:
    fields = {pair.jira: pair.servicenow for pair in maps.fields}
    for step in steps(maps, "2", edits, seed):
        mirrored = {fields[name] for name in step.values if name in fields}
        touched = any(mirrored & edit.values.keys() for edit in edits)
        assert not (touched and not step.clash)


def test_the_same_seed_takes_the_same_steps(maps: Maps) -> None:
    assert steps(maps, "2", [], 7) == steps(maps, "2", [], 7) != steps(maps, "2", [], 8)


def test_nobody_edits_where_there_is_no_time(maps: Maps) -> None:
    engineers = Engineers(maps, CHOICES, 1)
    late = START + INDEX_LAG
    assert all(engineers.step("a", incident(maps, "2"), [], START, late) is None for _ in range(20))
