"""The suite of every state, second half: parks, intents, conflicts, the audit and the passes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest

from tieline.connectors.base import Create, Ref, Update
from tieline.connectors.errors import StateError
from tieline.sync.model import (
    AuditEntry,
    Conflict,
    Intent,
    Park,
    PassSummary,
    Step,
    UnitBase,
)
from tieline.sync.store import Store

from .kept import MINUTE, NOW, ODD, jira, pair, sn


def keys(parks: Sequence[Park]) -> list[str]:
    return [park.key for park in parks]


class TestParks:
    def test_parks_are_replaced_listed_and_ended(self, store: Store) -> None:
        one = Park("p:1", "rejected", ODD, NOW + MINUTE, NOW + 9 * MINUTE, 2, "print")
        two = Park("r:jira:5", "copy", "a copy of OPS-1", NOW, None)
        with store.transaction() as tx:
            tx.park(replace(one, tries=1))
            tx.park(one)
            tx.park(two)
            assert tx.parked(["p:1", "p:2", "r:jira:5"]) == {"p:1": one, "r:jira:5": two}
            assert tx.all_parks() == [two, one]
            assert tx.all_parks(1) == [two]
            assert tx.park_count() == 2
            tx.unpark("p:1")
            tx.unpark("p:1")
            assert tx.all_parks() == [two]

    def test_those_to_be_tried_again(self, store: Store) -> None:
        with store.transaction() as tx:
            for n, wait in enumerate((3, None, 1, 2)):
                tx.park(Park(f"p:{n}", "gone", "", NOW, None if wait is None else NOW + wait * MINUTE))
            assert keys(tx.parks_due(NOW + 2 * MINUTE, 9)) == ["p:2", "p:3"]
            assert keys(tx.parks_due(NOW + 9 * MINUTE, 2)) == ["p:2", "p:3"]
            assert tx.parks_due(NOW, 9) == []


class TestIntents:
    def test_an_intent_lives_until_it_is_settled(self, store: Store) -> None:
        with store.transaction() as tx:
            stored = tx.add_pair(pair(1))
            clash = Conflict(
                stored.id, "summary", "clash", {"short_description": ODD}, {"summary": None}, "why", NOW
            )
            update = Step(Update(jira(1), {"summary": ODD}), ("why",), {"summary": UnitBase()}, "x", (clash,))
            create = Step(Create("jira", "OPS/Incident", {}, "marker", sn(2)), ())
            made = tx.add_intents(
                [
                    Intent("pass", stored.id, "operations", update, NOW, NOW + MINUTE),
                    Intent("pass", None, "operations", create, NOW, NOW + MINUTE, unknown=True),
                ]
            )
            assert tx.add_intents([]) == []
        with store.transaction() as tx:
            assert tx.open_intents() == made
            assert 0 < made[0].id < made[1].id
            tx.mark_unknown(made[0].id, NOW + 2 * MINUTE)
            tx.remove_intent(made[1].id)
            assert tx.open_intents() == [replace(made[0], unknown=True, probe_at=NOW + 2 * MINUTE)]

    def test_many_keep_their_order(self, store: Store) -> None:
        step = Step(Update(jira(1), {"summary": "x"}), ())
        with store.transaction() as tx:
            made = tx.add_intents([Intent(str(n), None, "r", step, NOW, NOW) for n in range(1500)])
            assert [intent.pass_id for intent in tx.open_intents()] == [str(n) for n in range(1500)]
            assert tx.open_intents() == made


class TestConflicts:
    def test_open_and_decided(self, store: Store) -> None:
        with store.transaction() as tx:
            one, two = tx.add_pair(pair(1)), tx.add_pair(pair(2))
            x = frozenset({"x"})
            cases = [(one, "a", True), (one, "b", True), (two, "a", False), (two, "c", True)]
            new = [
                Conflict(p.id, unit, "clash", {"a": ODD}, {"b": x}, "moved", NOW + n * MINUTE, open=is_open)
                for n, (p, unit, is_open) in enumerate(cases)
            ]
            a, b, c, d = made = tx.add_conflicts(new)
            assert [replace(conflict, id=0) for conflict in made] == new
            assert tx.open_conflicts([one.id, two.id, 99]) == {one.id: (a, b), two.id: (d,)}
            assert tx.conflicts(open_only=False) == [d, c, b, a]
            assert tx.conflicts(open_only=True, limit=2) == [d, b]
            assert tx.conflicts(open_only=True, pair=one.id) == [b, a]
            assert tx.open_conflict_count() == 3
            closed = replace(a, open=False, winner="jira", choice="jira", closed_at=NOW)
            tx.save_conflict(closed)
            assert tx.conflict(a.id) == closed
            assert tx.open_conflicts([one.id]) == {one.id: (b,)}
            assert tx.open_conflict_count() == 2
            assert tx.conflict(99) is None
        with pytest.raises(StateError, match="conflict 99"), store.transaction() as tx:
            tx.save_conflict(replace(a, id=99))


class TestTrail:
    def test_the_trail_is_read_by_pair_record_pass_and_time(self, store: Store) -> None:
        entry = AuditEntry(
            "p1", NOW, 1, jira(1), "update", {"a": ODD}, {"a": None}, ("one", "two"), "applied"
        )
        later = replace(
            entry, at=NOW + MINUTE, pass_id="p2", pair=2, ref=sn(2), outcome="rejected", detail=ODD
        )
        create = replace(entry, at=NOW + 2 * MINUTE, pair=None, ref=None, action="create")
        with store.transaction() as tx:
            tx.audit([entry, later, create])
            tx.audit([])
            trail = tx.audit_trail()
            assert [replace(e, id=0) for e in trail] == [create, later, entry]
            third, second, first = trail
            assert tx.audit_trail(limit=1) == [third]
            assert tx.audit_trail(pair=2) == tx.audit_trail(ref=sn(2)) == [second]
            assert tx.audit_trail(ref=Ref("jira", sn(2).id)) == []
            assert tx.audit_trail(pass_id="p1") == [third, first]
            assert tx.audit_trail(since=NOW + MINUTE) == [third, second]
            assert tx.audit_trail(since=NOW + MINUTE, pass_id="p1", limit=5) == [third]

    def test_passes_newest_first(self, store: Store) -> None:
        one, two = PassSummary("b", NOW), PassSummary("a", NOW + MINUTE)
        with store.transaction() as tx:
            tx.start_pass(one)
            tx.start_pass(two)
            done = replace(one, ended=NOW + MINUTE, counts={"applied": 3}, error=ODD)
            tx.finish_pass(done)
            assert tx.last_passes(5) == [two, done]
            assert tx.last_passes(1) == [two]
