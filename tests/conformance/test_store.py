"""The suite of every state, first half: transactions, facts, the inbox and pairs."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import replace

import pytest
import sqlalchemy as sa

from tieline.connectors.base import Entity, Move, Ref, Side
from tieline.connectors.errors import StateError
from tieline.sync.model import (
    Arrival,
    Base,
    Dealt,
    InboxEntry,
    Park,
    UnitBase,
)
from tieline.sync.store import Store, open_store

from .kept import MINUTE, NOW, ODD, jira, pair, sn


def arrivals(*refs: Ref, reason: str = "feed") -> list[Arrival]:
    return [Arrival(ref, reason) for ref in refs]


def keys(entries: Sequence[InboxEntry]) -> list[str]:
    return [entry.key for entry in entries]


class TestTransactions:
    def test_what_an_exception_leaves_is_nothing(self, store: Store) -> None:
        with pytest.raises(ZeroDivisionError), store.transaction() as tx:
            tx.set_cursor("jira", "1")
            tx.add_pair(pair(1))
            tx.arrive(arrivals(sn(2)), NOW)
            1 / 0  # noqa: B018
        with store.read() as tx:
            assert (tx.cursor("jira"), tx.pair_count(), tx.inbox_count()) == (None, 0, 0)
            assert tx.walk_pairs(0, 10) == []

    def test_reading_is_only_reading(self, store: Store) -> None:
        with pytest.raises(StateError), store.read() as tx:
            tx.set_cursor("jira", "1")
        with store.transaction() as tx:
            tx.set_cursor("jira", "2")
        with store.read() as tx:
            assert tx.cursor("jira") == "2"

    def test_a_reader_keeps_its_moment_while_another_writes(self, store: Store, state_url: str) -> None:
        if state_url == "sqlite://":
            pytest.skip("a state in memory has one connection, so nobody writes while it is read")
        with store.read() as before:
            assert before.cursor("jira") is None
            with store.transaction() as tx:
                tx.set_cursor("jira", "1")
            assert before.cursor("jira") is None
        with store.read() as after:
            assert after.cursor("jira") == "1"

    def test_writers_in_threads_lose_nothing(self, store: Store) -> None:
        def work(side: Side) -> None:
            for n in range(20):
                with store.transaction() as tx:
                    tx.arrive([Arrival(sn(n), side)], NOW)
                    tx.add_pair(pair(1000 + n if side == "jira" else n))

        threads = [threading.Thread(target=work, args=(side,)) for side in ("servicenow", "jira")]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        with store.read() as tx:
            assert tx.pair_count() == len(tx.walk_pairs(0, 100)) == 40
            assert tx.inbox_count() == 20

    def test_a_time_without_a_zone_is_refused(self, store: Store) -> None:
        # SQLAlchemy wraps what a type raises; either way it never reaches the state.
        with pytest.raises((ValueError, sa.exc.StatementError)), store.transaction() as tx:
            tx.arrive(arrivals(sn(1)), NOW.replace(tzinfo=None))

    def test_everything_is_there_after_opening_again(self, store: Store, state_url: str) -> None:
        if state_url == "sqlite://":
            pytest.skip("a state in memory ends with its process")
        with store.transaction() as tx:
            stored = tx.add_pair(pair(1))
            tx.arrive(arrivals(sn(1)), NOW)
        store.close()
        with open_store(state_url, create=False) as again, again.read() as tx:
            assert tx.pairs([stored.id]) == {stored.id: stored}
            assert keys(tx.due(NOW, 10)) == [f"p:{stored.id}"]
            assert tx.pair_count() == 1


class TestFacts:
    def test_cursors_and_notes_are_kept_apart_and_replaced(self, store: Store) -> None:
        with store.transaction() as tx:
            tx.set_cursor("jira", "a")
            tx.set_cursor("jira", "b")
            tx.set_note("jira", "c")
            assert (tx.cursor("jira"), tx.note("jira")) == ("b", "c")
            assert (tx.cursor("servicenow"), tx.note("servicenow")) == (None, None)

    def test_people_with_and_without_a_partner(self, store: Store) -> None:
        known = [Entity("servicenow", "person", f"{n}", f"Name {n} {ODD}", f"{n}@x") for n in range(1200)]
        partner = Entity("jira", "person", "acc", "Name", active=False)
        with store.transaction() as tx:
            tx.save_entities([(each, None) for each in known], NOW)
            tx.save_entities([(known[7], partner)], NOW + MINUTE)
            found = tx.entities("servicenow", "person", [each.id for each in known] + ["nobody"])
            assert len(found) == 1200
            assert found["7"] == (known[7], partner, NOW + MINUTE)
            assert found["8"] == (known[8], None, NOW)
            assert tx.entities("jira", "person", ["7"]) == tx.entities("servicenow", "group", ["7"]) == {}

    def test_transitions_by_place_and_status(self, store: Store) -> None:
        start = Move("11", "In Progress")
        end = Move("41", "Resolved", True, frozenset({"resolution", "x"}), frozenset({"resolution"}))
        with store.transaction() as tx:
            tx.save_moves("OPS/Incident", "Open", (start,))
            tx.save_moves("OPS/Incident", "Open", (start, end))
            tx.save_moves("OPS/Incident", "Closed", ())
            assert tx.moves("OPS/Incident") == {"Open": (start, end), "Closed": ()}
            assert tx.moves("DEV/Bug") == {}


class TestInbox:
    def test_one_entry_gathers_reasons_and_keeps_what_was_earliest(self, store: Store) -> None:
        with store.transaction() as tx:
            assert tx.arrive(arrivals(sn(1)), NOW, NOW + 5 * MINUTE) == 1
            (first,) = tx.due(NOW + 5 * MINUTE, 10)
            tx.arrive(arrivals(sn(1), reason="sweep"), NOW + MINUTE, NOW + 9 * MINUTE)
            tx.arrive(arrivals(sn(1), reason="fee"), NOW + MINUTE, NOW + 2 * MINUTE)
            (last,) = tx.due(NOW + 2 * MINUTE, 10)
        assert (first.key, first.pair_id, first.ref) == (f"r:servicenow:{sn(1).id}", None, sn(1))
        assert last.reasons == {"feed", "sweep", "fee"}
        assert (last.since, last.due) == (NOW, NOW + 2 * MINUTE)
        assert last.stamp > first.stamp

    def test_both_records_of_a_pair_are_one_entry(self, store: Store) -> None:
        with store.transaction() as tx:
            stored = tx.add_pair(pair(1))
            assert tx.arrive(arrivals(sn(1), jira(1), sn(1), jira(2)), NOW) == 2
            found = {entry.key: entry for entry in tx.due(NOW, 10)}
        assert set(found) == {f"p:{stored.id}", "r:jira:10002"}
        assert found[f"p:{stored.id}"].pair_id == stored.id

    def test_a_record_of_an_unlinked_pair_stands_alone(self, store: Store) -> None:
        with store.transaction() as tx:
            stored = tx.add_pair(pair(1))
            tx.save_pair(replace(stored, state="frozen"))
            tx.arrive(arrivals(sn(1)), NOW)
            tx.save_pair(replace(stored, state="unlinked"))
            tx.arrive(arrivals(jira(1)), NOW)
            assert keys(tx.due(NOW, 10)) == [f"p:{stored.id}", "r:jira:10001"]

    def test_what_is_due_comes_oldest_first(self, store: Store) -> None:
        with store.transaction() as tx:
            tx.arrive(arrivals(jira(3)), NOW + 2 * MINUTE)
            tx.arrive(arrivals(jira(2), jira(1)), NOW + MINUTE)
            tx.arrive(arrivals(jira(4)), NOW, due=NOW + 9 * MINUTE)
            tx.arrive(arrivals(jira(5)), NOW)
            at = NOW + 5 * MINUTE
            order = [f"r:jira:{10_000 + n}" for n in (5, 1, 2, 3)]
            assert keys(tx.due(at, 10)) == order
            assert keys(tx.due(at, 2)) == order[:2]
            assert keys(tx.due(at, 2, frozenset(order[2:]) | {"r:jira:10004", "p:1"})) == order[2:]
            assert tx.due(at, 10, frozenset()) == []
            assert (tx.inbox_count(), tx.inbox_count(at), tx.inbox_count(NOW)) == (5, 4, 1)

    def test_an_arrival_meanwhile_keeps_an_entry_in(self, store: Store) -> None:
        with store.transaction() as tx:
            tx.arrive(arrivals(sn(1), sn(2), sn(3)), NOW)
            held = tx.due(NOW, 10)
            tx.arrive(arrivals(sn(1), reason="person"), NOW)
            tx.leave(held)
            assert keys(tx.due(NOW, 10)) == [held[0].key]

    def test_an_entry_that_left_and_came_again_is_another_one(self, store: Store) -> None:
        with store.transaction() as tx:
            tx.arrive(arrivals(sn(1)), NOW)
            held = tx.due(NOW, 10)
            tx.leave(held)
            tx.arrive(arrivals(sn(1)), NOW)
            tx.leave(held)
            assert tx.inbox_count() == 1

    def test_a_postponed_entry_waits_unless_it_arrives_again(self, store: Store) -> None:
        with store.transaction() as tx:
            tx.arrive(arrivals(sn(1), sn(2), sn(3)), NOW)
            one, two, three = tx.due(NOW, 10)
            tx.arrive(arrivals(sn(2)), NOW)
            tx.postpone([one, two], NOW + MINUTE, "unknown")
            tx.postpone([three], NOW + MINUTE)
            assert keys(tx.due(NOW, 10)) == [two.key]
            reasons = {entry.key: entry.reasons for entry in tx.due(NOW + MINUTE, 10)}
            assert reasons == {one.key: {"feed", "unknown"}, two.key: {"feed"}, three.key: {"feed"}}
            tx.arrive(arrivals(sn(1)), NOW)
            assert keys(tx.due(NOW, 10)) == [one.key, two.key]

    def test_what_waits_for_a_reason_is_known_by_side(self, store: Store) -> None:
        with store.transaction() as tx:
            tx.arrive(arrivals(sn(1), jira(2)), NOW)
            tx.postpone([entry for entry in tx.due(NOW, 10) if entry.ref == jira(2)], NOW + MINUTE, "unread")
            assert tx.waits("jira", "unread")
            assert not tx.waits("servicenow", "unread")
            assert not tx.waits("jira", "un")
            tx.leave([entry for entry in tx.due(NOW + MINUTE, 10) if entry.ref == jira(2)])
            assert not tx.waits("jira", "unread")

    def test_what_rests_for_a_reason_is_known_by_side(self, store: Store) -> None:
        with store.transaction() as tx:
            tx.park(Park("r:jira:2", "unreadable", "OPS-2 cannot be read", NOW, None))
            tx.park(Park("r:servicenow:2", "copy", "not unreadable", NOW, None))
            tx.park(Park("p:7", "unreadable", "a pair", NOW, None))
            assert tx.rests("jira", "unreadable")
            assert not tx.rests("servicenow", "unreadable")
            tx.unpark("r:jira:2")
            assert not tx.rests("jira", "unreadable")

    def test_pairing_moves_what_is_pending_under_the_pair(self, store: Store) -> None:
        with store.transaction() as tx:
            tx.arrive(arrivals(jira(1), jira(2), reason="person"), NOW + MINUTE, NOW + 3 * MINUTE)
            tx.arrive(arrivals(sn(1)), NOW, NOW + 5 * MINUTE)
            held = tx.due(NOW + 9 * MINUTE, 10)
            stored = tx.add_pair(pair(1))
            tx.leave([entry for entry in held if entry.ref != jira(2)])
            (moved, other) = tx.due(NOW + 9 * MINUTE, 10)
        assert (moved.key, moved.pair_id) == (f"p:{stored.id}", stored.id)
        assert moved.reasons == {"feed", "person"}
        assert (moved.since, moved.due) == (NOW, NOW + 3 * MINUTE)
        assert other.key == "r:jira:10002"

    def test_thousands_at_once(self, store: Store) -> None:
        with store.transaction() as tx:
            for n in range(0, 1500, 3):
                tx.add_pair(pair(n))
            assert tx.arrive([a for n in range(1500) for a in arrivals(sn(n), jira(n))], NOW) == 500 + 2000
            entries = tx.due(NOW, 5000)
            assert len(entries) == tx.inbox_count() == 2500
            assert sum(entry.pair_id is not None for entry in entries) == 500
            tx.leave(entries)
            assert tx.arrive([], NOW) == tx.inbox_count() == 0


class TestPairs:
    def test_a_pair_comes_back_as_it_was_stored(self, store: Store) -> None:
        dealt = Dealt(
            {"description": ODD, "labels": frozenset({"b", "a"}), "gone": None}, "rule", "upper", {}
        )
        base = Base({"description": UnitBase(dealt, None, NOW, ("jira=x",))}, {"jira": "INC1"})
        with store.transaction() as tx:
            stored = tx.add_pair(pair(1, origin="jira", base=base, checked_at=NOW))
            assert stored == pair(1, origin="jira", base=base, checked_at=NOW, id=stored.id)
            assert stored.id > 0
            assert tx.pairs([stored.id, 999]) == {stored.id: stored}
            assert tx.pairs_of([jira(1), sn(1), sn(2)]) == {jira(1): stored, sn(1): stored}
            changed = replace(stored, key="DEV-9", route="dev", state="frozen", base=Base(), checked_at=None)
            tx.save_pair(changed)
            assert tx.pairs([stored.id]) == {stored.id: changed}

    def test_a_record_is_never_in_two_pairs(self, store: Store) -> None:
        with store.transaction() as tx:
            tx.add_pair(pair(1))
            for second in (pair(1), pair(2, servicenow=sn(1)), pair(2, jira=jira(1), state="frozen")):
                with pytest.raises(StateError, match="in pair"):
                    tx.add_pair(second)
            tx.add_pair(pair(2))
            assert tx.pair_count() == 2

    def test_an_unlinked_pair_frees_its_records(self, store: Store) -> None:
        with store.transaction() as tx:
            old = tx.add_pair(pair(1))
            tx.save_pair(replace(old, state="unlinked"))
            assert tx.pairs_of([sn(1)]) == {}
            new = tx.add_pair(pair(1))
            assert tx.pairs_of([sn(1)]) == {sn(1): new}
            assert tx.pairs([old.id])[old.id].state == "unlinked"
        with pytest.raises(StateError, match="nothing was changed"), store.transaction() as tx:
            tx.save_pair(old)
        with store.read() as tx:
            assert tx.pairs([old.id])[old.id].state == "unlinked"

    def test_counts_follow_the_states(self, store: Store) -> None:
        with store.transaction() as tx:
            one, two, _ = (tx.add_pair(pair(n)) for n in range(3))
            assert tx.pair_count() == 3
            tx.save_pair(replace(one, state="frozen"))
            tx.save_pair(replace(two, state="unlinked"))
        with store.transaction() as tx:
            assert [tx.pair_count([s]) for s in ("active", "frozen", "unlinked")] == [1, 1, 1]
            assert tx.pair_count() == 2
            tx.save_pair(two)
            assert tx.pair_count() == 3

    def test_saving_what_is_not_there_says_so(self, store: Store) -> None:
        with pytest.raises(StateError, match="pair 7"), store.transaction() as tx:
            tx.save_pair(pair(1, id=7))

    def test_a_sweep_takes_the_longest_unseen_active_pairs(self, store: Store) -> None:
        ages = [3, None, 1, 2, None, 9]
        with store.transaction() as tx:
            stored = [tx.add_pair(pair(n, checked_at=a and NOW + a * MINUTE)) for n, a in enumerate(ages)]
            tx.save_pair(replace(stored[2], state="frozen"))
            at = NOW + 5 * MINUTE
            assert tx.sweep(10, at) == [stored[n] for n in (1, 4, 3, 0)]
            assert tx.sweep(3, at) == [stored[n] for n in (1, 4, 3)]
            assert tx.sweep(1, at) == [stored[1]]
            tx.touch_pairs([stored[1].id, stored[3].id], at)
            assert [p.id for p in tx.sweep(10, at)] == [stored[4].id, stored[0].id]
            assert tx.pairs([stored[1].id])[stored[1].id] == replace(stored[1], checked_at=at)

    def test_walking_pages_through_all_of_them(self, store: Store) -> None:
        with store.transaction() as tx:
            stored = [tx.add_pair(pair(n)) for n in range(5)]
            tx.save_pair(replace(stored[1], state="unlinked"))
            page = tx.walk_pairs(0, 2)
            assert [p.number for p in page] == ["INC0000000", "INC0000001"]
            assert tx.walk_pairs(page[-1].id, 9) == stored[2:]
            assert tx.walk_pairs(0, 2, ("active", "frozen")) == [stored[0], stored[2]]
            assert tx.walk_pairs(stored[-1].id, 2) == []
