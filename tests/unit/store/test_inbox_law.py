"""Whatever order arrivals, leaves and postponements come in, the inbox is what a plain dictionary says."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from tieline.connectors.base import Ref
from tieline.sync.model import Arrival, InboxEntry, Pair
from tieline.sync.store import open_store

START = datetime(2026, 3, 1, tzinfo=UTC)
TIMES = st.integers(0, 9).map(lambda n: START + timedelta(minutes=n))
NUMBERS = st.integers(0, 3)
REASONS = st.sampled_from(["feed", "fee", "sweep", "_", "%"])


@dataclass
class Expected:
    """One entry as it should be; `arrival` numbers the arrivals, as the real stamps do."""

    since: datetime
    due: datetime
    arrival: int
    reasons: set[str] = field(default_factory=set)


def ref(n: int) -> Ref:
    """Even numbers are ServiceNow's, and `n` and `n + 1` become a pair."""
    return Ref("servicenow" if n % 2 == 0 else "jira", str(n))


class InboxMachine(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.store = open_store("sqlite://")
        self.expected: dict[str, Expected] = {}
        self.paired: dict[Ref, int] = {}
        self.arrivals = 0
        self.held: list[tuple[InboxEntry, int]] = []

    def teardown(self) -> None:
        self.store.close()

    def key(self, one: Ref) -> str:
        return f"p:{self.paired[one]}" if one in self.paired else f"r:{one.side}:{one.id}"

    def note(self, key: str, since: datetime, due: datetime, reasons: set[str]) -> None:
        self.arrivals += 1
        known = self.expected.setdefault(key, Expected(since, due, 0))
        known.since, known.due = min(known.since, since), min(known.due, due)
        known.arrival = self.arrivals
        known.reasons |= reasons

    @rule(ns=st.lists(NUMBERS, max_size=4), reason=REASONS, now=TIMES, due=st.none() | TIMES)
    def arrive(self, ns: list[int], reason: str, now: datetime, due: datetime | None) -> None:
        with self.store.transaction() as tx:
            count = tx.arrive([Arrival(ref(n), reason) for n in ns], now, due)
        assert count == len({self.key(ref(n)) for n in ns})
        for n in ns:
            self.note(self.key(ref(n)), now, due or now, {reason})

    @rule(first=st.sampled_from([0, 2]))
    def pair(self, first: int) -> None:
        records = (ref(first), ref(first + 1))
        if records[0] in self.paired:
            return
        before = [self.expected.pop(self.key(one), None) for one in records]
        with self.store.transaction() as tx:
            stored = tx.add_pair(Pair(0, "r", *records, "jira"))
        self.paired |= dict.fromkeys(records, stored.id)
        for entry in filter(None, before):
            self.note(f"p:{stored.id}", entry.since, entry.due, entry.reasons)

    @rule(now=TIMES, limit=st.integers(1, 4))
    def hold(self, now: datetime, limit: int) -> None:
        with self.store.read() as tx:
            found = tx.due(now, limit)
        order = sorted((e.since, key) for key, e in self.expected.items() if e.due <= now)
        assert [(entry.since, entry.key) for entry in found] == order[:limit]
        self.held = [(entry, self.expected[entry.key].arrival) for entry in found]

    @rule()
    def leave(self) -> None:
        with self.store.transaction() as tx:
            tx.leave([entry for entry, _ in self.held])
        for key in self.still_held():
            del self.expected[key]

    @rule(until=TIMES, reason=st.none() | REASONS)
    def postpone(self, until: datetime, reason: str | None) -> None:
        with self.store.transaction() as tx:
            tx.postpone([entry for entry, _ in self.held], until, reason)
        for key in self.still_held():
            self.expected[key].due = until
            self.expected[key].reasons |= {reason} if reason else set()

    def still_held(self) -> list[str]:
        """The keys that have not arrived again since they were read."""
        return [
            entry.key
            for entry, arrival in self.held
            if entry.key in self.expected and self.expected[entry.key].arrival == arrival
        ]

    @invariant()
    def the_inbox_is_as_expected(self) -> None:
        with self.store.read() as tx:
            found = tx.due(START + timedelta(days=1), 100)
            assert tx.inbox_count() == len(found)
        assert {e.key: (e.since, e.due, e.reasons, e.pair_id) for e in found} == {
            key: (e.since, e.due, frozenset(e.reasons), int(key[2:]) if key.startswith("p:") else None)
            for key, e in self.expected.items()
        }


InboxMachine.TestCase.settings = settings(max_examples=40, stateful_step_count=25, deadline=None)
TestInbox = InboxMachine.TestCase
