"""The shared vocabulary: classes, what is written for them, and the laws that both keep."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tieline.connectors.base import SIDES, Side, other
from tieline.sync.entities import EntityUnit
from tieline.sync.groups import PriorityUnit, StatusUnit
from tieline.sync.mapping import (
    ChoiceUnit,
    Directory,
    Edge,
    SetUnit,
    TextUnit,
    Unmapped,
    ValueMap,
    cut,
    units,
)
from tieline.sync.vocabulary import Vocabulary, vocabulary

from .world import MATRIX, settings

NOBODY = Directory()
words = st.sampled_from("abcdef")
edges = st.lists(
    st.builds(
        Edge,
        st.lists(words, min_size=1, max_size=3, unique=True).map(tuple),
        st.lists(words, min_size=1, max_size=3, unique=True).map(tuple),
    ),
    max_size=6,
)
texts = st.text(st.characters(codec="utf-8", exclude_categories=("Cc", "Cs")), max_size=90)


def stock() -> Vocabulary:
    config = settings()
    return vocabulary(config, config.routes[0])


class TestValueMap:
    @given(edges)
    def test_classes_are_the_connected_components(self, lines: list[Edge]) -> None:
        values = ValueMap(lines)
        nodes = {("servicenow", v) for e in lines for v in e.servicenow} | {
            ("jira", v) for e in lines for v in e.jira
        }
        for start in nodes:
            reached, grown = {start}, True
            while grown:
                wider = {n for e in lines for n in _nodes(e) if reached & _nodes(e)} | reached
                grown, reached = wider != reached, wider
            same = {n for n in nodes if values.class_of(*n) == values.class_of(*start)}
            assert same == reached

    @given(edges)
    def test_a_partner_is_of_the_same_class_and_the_first_listed(self, lines: list[Edge]) -> None:
        values = ValueMap(lines)
        for side in SIDES:
            for value in {v for e in lines for v in e.of(side)}:
                partner = values.partner(side, value)
                assert partner is not None
                assert values.class_of(other(side), partner) == values.class_of(side, value)
                assert partner == next(e.of(other(side))[0] for e in lines if value in e.of(side))

    def test_what_it_does_not_know_has_no_class(self) -> None:
        assert ValueMap(()).class_of("jira", "x") is None
        assert ValueMap(()).partner("jira", "x") is None


def _nodes(edge: Edge) -> set[tuple[Side, str]]:
    found: set[tuple[Side, str]] = {("servicenow", v) for v in edge.servicenow}
    return found | {("jira", v) for v in edge.jira}


class TestText:
    @given(texts, st.integers(1, 120), st.sampled_from(["…", "\n\n[cut]", ""]))
    def test_a_cut_keeps_the_limit_and_loses_nothing(self, text: str, limit: int, mark: str) -> None:
        shown, tail = cut(text, limit, mark)
        assert units(shown) <= limit
        if not tail:
            assert shown == text
        else:
            used = mark if units(mark) < limit else ""
            assert text.startswith(shown.removesuffix(used) if used else shown)
            assert text.endswith(tail)
            assert (shown.removesuffix(used) if used else shown) + tail == text

    @given(texts, st.integers(3, 60), st.integers(3, 60))
    def test_what_is_written_is_in_the_class_of_what_it_came_from(
        self, text: str, one: int, two: int
    ) -> None:
        unit = TextUnit("t", ("f",), ("f",), single_line=True, limits={"servicenow": one, "jira": two})
        for to in SIDES:
            source = {"f": cut(" ".join(text.split()), unit.limits[other(to)], "…")[0] or None}
            written = unit.encode(to, source, {}, NOBODY)
            assert not isinstance(written, Unmapped)
            assert units(str(written["f"] or "")) <= unit.limits[to]
            ours, theirs = (source, written) if to == "jira" else (written, source)
            assert unit.agrees(ours, theirs, NOBODY)

    @given(st.text("abc ", min_size=30, max_size=80), st.text("xyz", max_size=10))
    def test_an_edited_copy_never_erases_the_tail(self, whole: str, edit: str) -> None:
        whole = " ".join(whole.split()) + "end"
        unit = TextUnit("t", ("f",), ("f",), single_line=True, limits={"servicenow": 20, "jira": 200})
        copy, tail = cut(whole, 20, "…")
        if not tail:
            return
        written = unit.encode("jira", {"f": f"{edit}…"}, {"f": whole}, NOBODY)
        assert not isinstance(written, Unmapped)
        assert str(written["f"]).endswith(" ".join(tail.split()))
        assert str(written["f"]).startswith(" ".join(edit.split()))
        assert isinstance(unit.encode("jira", {"f": "all new"}, {"f": whole}, NOBODY), Unmapped)
        assert copy.endswith("…")

    def test_layout_makes_no_difference_to_a_line(self) -> None:
        unit = TextUnit("t", ("f",), ("f",), single_line=True)
        assert unit.agrees({"f": "two  words"}, {"f": " two words"}, NOBODY)
        assert unit.encode("jira", {"f": "a\nb"}, {}, NOBODY) == {"f": "a b"}

    def test_empty_is_nothing(self) -> None:
        unit = TextUnit("t", ("f",), ("f",))
        assert unit.encode("jira", {"f": None}, {"f": "x"}, NOBODY) == {"f": None}
        assert unit.agrees({"f": None}, {"f": "  \n "}, NOBODY)


class TestChoice:
    def test_an_unknown_value_is_held_or_passed(self) -> None:
        held = ChoiceUnit("c", ("f",), ("f",))
        passed = ChoiceUnit("c", ("f",), ("f",), pass_unmapped=True)
        answer = held.encode("jira", {"f": "x"}, {}, NOBODY)
        assert isinstance(answer, Unmapped)
        assert "'x' of servicenow" in answer.reason
        assert passed.encode("jira", {"f": "x"}, {}, NOBODY) == {"f": "x"}
        assert passed.agrees({"f": "x"}, {"f": "x"}, NOBODY)
        assert not held.agrees({"f": "x"}, {"f": "x"}, NOBODY)


def people(**known: str | None) -> Directory:
    """`s_ada="j_ada"`: by ServiceNow's look-up; a Jira id first: by Jira's."""
    partners: dict[Any, str | None] = {
        ("servicenow" if id_.startswith("s") else "jira", "person", id_): across
        for id_, across in known.items()
    }
    return Directory(partners)


class TestPeople:
    def test_one_of_two_namesakes_agrees_however_it_was_looked_up(self) -> None:
        unit = EntityUnit("p", ("f",), ("f",))
        known = people(s_one="j_one", s_two="j_one", j_one=None)
        for id_ in ("s_one", "s_two"):
            assert unit.agrees({"f": id_}, {"f": "j_one"}, known)

    @pytest.mark.parametrize("side", SIDES)
    def test_a_stand_in_is_no_reason_to_write_back(self, side: Side) -> None:
        unit = EntityUnit("p", ("f",), ("f",), unknown="default:j_desk")
        known = people(s_out=None, j_desk=None)
        assert unit.encode("jira", {"f": "s_out"}, {}, known) == {"f": "j_desk"}
        assert unit.agrees({"f": "s_out"}, {"f": "j_desk"}, known)
        assert not unit.agrees({"f": "s_in"}, {"f": "j_desk"}, people(s_in="j_in", j_desk=None))
        assert side in SIDES

    def test_held_by_name(self) -> None:
        unit = EntityUnit("p", ("f",), ("f",), unknown="hold")
        answer = unit.encode("jira", {"f": "s_out"}, {}, NOBODY)
        assert isinstance(answer, Unmapped)


class TestSets:
    unit = SetUnit("s", ("f",), ("f",), map=ValueMap([Edge(("a", "b"), ("x",))]), pass_unmapped=True)

    def test_a_class_goes_as_a_whole(self) -> None:
        assert self.unit.with_elements("servicenow", {"f": frozenset("ab")}, {}) == {"f": None}

    def test_what_has_no_partner_is_untouched(self) -> None:
        unit = SetUnit("s", ("f",), ("f",), map=ValueMap([Edge(("a",), ("x",))]), pass_unmapped=False)
        written = unit.encode("servicenow", {"f": frozenset({"x", "y"})}, {"f": frozenset({"own"})}, NOBODY)
        assert written == {"f": frozenset({"own", "a"})}


class TestStatus:
    unit = stock().status
    assert unit is not None

    @pytest.mark.parametrize(
        ("values", "current", "status"),
        [
            ({"state": "3", "hold_reason": "5"}, {"status": "Waiting"}, "Blocked"),
            ({"state": "3", "hold_reason": "9"}, {"status": "Open"}, "Waiting"),
            ({"state": "3", "hold_reason": None}, {"status": "Blocked"}, "Waiting"),
            ({"state": "8"}, {"status": "Open"}, "Canceled"),
        ],
    )
    def test_a_hold_reason_counts_where_the_map_knows_it(
        self, values: Mapping[str, str | None], current: Mapping[str, str], status: str
    ) -> None:
        assert isinstance(self.unit, StatusUnit)
        written = self.unit.encode("jira", values, current, NOBODY)
        assert not isinstance(written, Unmapped)
        assert written["status"] == status

    def test_what_closing_demands(self) -> None:
        assert isinstance(self.unit, StatusUnit)
        written = self.unit.encode("servicenow", {"status": "Resolved"}, {"state": "2"}, NOBODY)
        assert written == {"state": "6", "hold_reason": None, "close_code": "Solution provided",
                           "close_notes": "Resolved in Jira."}  # fmt: skip

    def test_a_code_of_the_same_class_stays(self) -> None:
        assert isinstance(self.unit, StatusUnit)
        now = {"state": "6", "close_code": "Resolved by caller", "close_notes": "He did"}
        written = self.unit.encode("servicenow", {"status": "Closed", "resolution": "Done"}, now, NOBODY)
        assert not isinstance(written, Unmapped)
        assert (written["close_code"], written["close_notes"]) == ("Resolved by caller", "He did")


class TestPriority:
    unit = next(u for u in stock().units if isinstance(u, PriorityUnit))

    @pytest.mark.parametrize("impact", "123")
    @pytest.mark.parametrize("urgency", "123")
    @pytest.mark.parametrize("wanted", ["Highest", "High", "Medium", "Low", "Lowest"])
    def test_the_smallest_move_that_yields_it(self, impact: str, urgency: str, wanted: str) -> None:
        now = {"impact": impact, "urgency": urgency, "priority": MATRIX[impact, urgency]}
        written = self.unit.encode("servicenow", {"priority": wanted}, now, NOBODY)
        assert not isinstance(written, Unmapped)
        assert self.unit.agrees(written, {"priority": wanted}, NOBODY)
        cost = self._cost(now, written["impact"], written["urgency"])
        for cell, priority in MATRIX.items():
            if priority == written["priority"]:
                assert self._cost(now, *cell) >= cost

    def _cost(self, now: Mapping[str, str], impact: Any, urgency: Any) -> tuple[int, int]:
        moved = abs(int(now["impact"]) - int(impact)), abs(int(now["urgency"]) - int(urgency))
        return sum(moved), moved[0]

    def test_levels_that_the_matrix_does_not_know(self) -> None:
        for odd in (None, "", "4", "high", frozenset({"1"})):
            written = self.unit.encode("servicenow", {"priority": "Lowest"}, {"impact": odd}, NOBODY)
            assert not isinstance(written, Unmapped)
            assert (written["impact"], written["urgency"]) == ("3", "3")

    def test_a_priority_that_no_cell_gives_is_held(self) -> None:
        low = PriorityUnit("p", ("impact", "urgency", "priority"), ("priority",), matrix={("1", "1"): "1"},
                           map=self.unit.map)  # fmt: skip
        assert isinstance(low.encode("servicenow", {"priority": "Low"}, {}, NOBODY), Unmapped)
