"""The suite of every state, third part: pairs by name, dropping what is old, rewriting, listing, checking."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tieline.connectors.base import Entity, Ref
from tieline.connectors.errors import StateError
from tieline.sync.model import Arrival, AuditEntry, Conflict, Pair, PassSummary
from tieline.sync.store import Store, copies

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
DAY = timedelta(days=1)


def pair(n: int) -> Pair:
    refs = Ref("servicenow", f"{n:032x}"), Ref("jira", str(10_000 + n))
    return Pair(0, "operations", *refs, "servicenow", f"INC{n:07}", f"OPS-{n}")


def entry(at: datetime, pair_id: int | None = None, ref: Ref | None = None, *, run: str = "") -> AuditEntry:
    old, new = {"summary": None}, {"summary": "new"}
    return AuditEntry(run, at, pair_id, ref, "Update", old, new, ("why",), "applied")


def conflict(pair_id: int, at: datetime, *, open_: bool) -> Conflict:
    return Conflict(pair_id, "summary", "clash", {"a": "1"}, {"b": "2"}, "both", at, open=open_)


def test_a_pair_is_found_by_what_people_call_it(store: Store) -> None:
    with store.transaction() as tx:
        one, two = tx.add_pair(pair(1)), tx.add_pair(pair(2))
    with store.read() as tx:
        for name in ("INC0000001", "inc0000001", "OPS-1", "ops-1", " OPS-1 ", one.servicenow.id, one.jira.id):
            assert [found.id for found in tx.named(name)] == [one.id], name
        assert tx.named("OPS-2") == [two]
        assert tx.named("OPS-3") == tx.named("") == []


def test_a_live_pair_comes_before_an_ended_one_of_the_same_name(store: Store) -> None:
    with store.transaction() as tx:
        ended = tx.add_pair(pair(1))
        tx.save_pair(replace(ended, state="unlinked"))
        live = tx.add_pair(replace(pair(1), servicenow=Ref("servicenow", "f" * 32)))
    with store.read() as tx:
        assert [found.id for found in tx.named("OPS-1")] == [live.id, ended.id]


def test_old_entries_are_dropped_oldest_first_and_open_conflicts_stay(store: Store) -> None:
    with store.transaction() as tx:
        made = tx.add_pair(pair(1))
        tx.audit([entry(NOW - n * DAY) for n in range(10)])
        ages = [(n, n % 2 == 0) for n in range(10)]
        tx.add_conflicts([conflict(made.id, NOW - n * DAY, open_=open_) for n, open_ in ages])
        for n in range(10):
            tx.start_pass(PassSummary(f"pass {n}", NOW - n * DAY))
    with store.transaction() as tx:
        assert tx.drop_old("audit", NOW - 4 * DAY, limit=2) == 2
    with store.read() as tx:
        assert {e.at for e in tx.audit_trail()} == {NOW - n * DAY for n in range(8)}
    with store.transaction() as tx:
        assert tx.drop_old("audit", NOW - 4 * DAY, limit=100) == 3
        assert tx.drop_old("conflicts", NOW - 4 * DAY, limit=100) == 3
        assert tx.drop_old("passes", NOW - 4 * DAY, limit=100) == 5
    with store.read() as tx:
        assert len(tx.audit_trail()) == 5
        assert len(tx.conflicts(open_only=True)) == 5
        assert len(tx.conflicts(open_only=False)) == 7
        assert len(tx.last_passes(100)) == 5


def test_the_trail_of_a_pair_has_what_was_written_before_it_was_one(store: Store) -> None:
    with store.transaction() as tx:
        made = tx.add_pair(pair(1))
        tx.audit([
            entry(NOW, None, made.servicenow), entry(NOW + DAY, made.id, made.jira),
            entry(NOW, None, Ref("jira", made.servicenow.id)), entry(NOW, 99, pair(2).jira),
        ])  # fmt: skip
    with store.read() as tx:
        assert [e.at for e in tx.audit_page(10, pair=made)] == [NOW + DAY, NOW]


def test_pages_of_the_audit_join_without_gap_or_repeat(store: Store) -> None:
    with store.transaction() as tx:
        tx.audit([entry(NOW + timedelta(hours=n // 4), run=f"{n % 3}") for n in range(23)])
    with store.read() as tx:
        everything = tx.audit_trail()
        walked: list[AuditEntry] = []
        while page := tx.audit_page(5, before=walked[-1] if walked else None):
            walked += page
        assert walked == everything
        assert {e.pass_id for e in tx.audit_page(100, pass_id="1")} == {"1"}
        late = tx.audit_page(100, since=NOW + timedelta(hours=3))
        assert late == [e for e in everything if e.at >= NOW + timedelta(hours=3)]


def test_what_is_rewritten_keeps_its_place(store: Store) -> None:
    with store.transaction() as tx:
        tx.audit([entry(NOW, 1), entry(NOW + DAY, 2)])
        first, second = tx.walk_audit(0, 10)
        tx.rewrite_audit([replace(first, new={"summary": "(forgotten)"})])
    with store.read() as tx:
        assert tx.walk_audit(0, 10) == [replace(first, new={"summary": "(forgotten)"}), second]
        assert tx.walk_audit(first.id, 10) == [second]


def test_people_are_found_on_either_side_and_dropped(store: Store) -> None:
    ada = Entity("servicenow", "person", "u1", "Ada", "Ada@example.com", "ada")
    ada_there = Entity("jira", "person", "acc-1", "Ada", "ada@example.com")
    bob = Entity("jira", "person", "acc-2", "Bob", "bob@example.com")
    with store.transaction() as tx:
        tx.save_entities([(ada, ada_there), (bob, None)], NOW)
    with store.read() as tx:
        assert tx.people_with("ADA@example.com") == [ada_there, ada]
    with store.transaction() as tx:
        tx.drop_person(ada)
    with store.transaction() as tx:
        assert tx.people_with("ada@example.com") == []
        assert tx.drop_entities(NOW) == 0
        assert tx.drop_entities(NOW + DAY) == 1


def test_the_oldest_entry_of_each_side_is_known(store: Store) -> None:
    with store.transaction() as tx:
        assert tx.waiting_since() == {}
        tx.arrive([Arrival(Ref("jira", "1"), "feed")], NOW)
        tx.arrive([Arrival(Ref("jira", "2"), "feed")], NOW + DAY)
    with store.read() as tx:
        assert tx.waiting_since() == {"jira": NOW}
        assert tx.waiting(["r:jira:2", "r:jira:3"]) == {"r:jira:2"}


def test_a_note_can_be_dropped(store: Store) -> None:
    with store.transaction() as tx:
        tx.set_note("a", "b")
        tx.drop_note("a")
        tx.drop_note("a")
        assert tx.note("a") is None


def test_every_pair_may_be_compared_again(store: Store) -> None:
    with store.transaction() as tx:
        made = tx.add_pair(replace(pair(1), checked_at=NOW))
        assert tx.sweep(10, NOW - DAY) == []
        tx.check_again()
        assert [each.id for each in tx.sweep(10, NOW - DAY)] == [made.id]


def test_a_sound_state_has_no_faults_and_lists_every_row(store: Store) -> None:
    with store.transaction() as tx:
        made = tx.add_pair(pair(1))
        tx.audit([entry(NOW, made.id)])
        tx.add_conflicts([conflict(made.id, NOW, open_=True)])
    assert list(copies.check(store)) == []
    rows = list(copies.rows(store))
    assert {"pairs", "audit", "conflicts", "tallies"} <= {row["table"] for row in rows}
    (stored,) = (row for row in rows if row["table"] == "audit")
    assert stored["body"]["new"] == {"summary": "new"}
    copies.vacuum(store)
    assert list(copies.rows(store)) == rows


def test_a_copy_is_of_files_only(store: Store, tmp_path: Path) -> None:
    if store.place.path is not None:
        assert copies.backup(store, tmp_path / "copy.db").pairs == 0
        return
    with pytest.raises(StateError, match="pg_dump"):
        copies.backup(store, tmp_path / "copy.db")
    assert not list(tmp_path.glob("copy*"))
