"""What every connector promises, as one suite to inherit: memory, the stand-ins over HTTP, a live instance.

A subclass of `ConnectorSuite` gives a fixture `bench`: one side with its connector, and what people do there.
What a bench cannot do (hide a record, fail on demand) it says in its switches, and those tests are skipped.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import uuid4

import pytest

from tieline.connectors.base import (
    Action,
    AddComment,
    AddNote,
    Applied,
    Ask,
    Change,
    Conversation,
    Create,
    Record,
    Ref,
    Update,
    Value,
    other,
)
from tieline.connectors.errors import (
    ConnectorError,
    Denied,
    Gone,
    RateLimited,
    Rejected,
    Unavailable,
    Unknown,
)
from tieline.connectors.richtext import canonical_text

from .desk import Desk

AWKWARD: Mapping[str, str] = {
    "emoji": "printer 🖨️ on 🔥, family 👩‍👩‍👧, flag 🇨🇭",
    "right to left": "الطابعة لا تعمل ‏(test)‎ אין חיבור",
    "combining": "e\u0301tat, A\u030angstro\u0308m",
    "line ends": "one\r\ntwo\rthree\n\n\n\nfour  \nfive\t\n",
    "wiki markup": "*bold* _it_ {code}x{code} [l|https://e.com] h1. no\n* i\n|| a || b ||\n!p.png! \\\\ q",
    "html": '<b>bold</b> &amp; &lt;x&gt; <script>alert("1")</script> [code]<i>y</i>[/code]',
    "markdown": "# head\n**b** `c` [l](https://e.com)\n- a\n  - b\n1. c\n> q\n\\* \\_",
    "control": "a\x00b\x07c\x1bd\x7fe\u0085f",
    "query": "a^b^NQc=1^ORDERBYx javascript:gs.getUserID() @user [~accountid:1] ${x} %s {0}",
    "long": "äöü line of thirty-two kilobytes.\n" * 940,
    "one long word": "x" * 3000,
    "blanks": "  leading\n\tand tabs\n   ",
}
EMPTY: Mapping[str, str] = {"nothing": "", "a blank": " ", "lines": "\n\n", "a tab": "\t"}


@dataclass(frozen=True, slots=True)
class Sample:
    """Two values of one field that a record may be given one after the other, and whether it may be empty."""

    first: Value
    second: Value
    clears: bool = True


@dataclass
class Bench(Desk):
    """One side under test. `line` and `text` name a field of each kind; `samples` all others to be tried.

    `text_limit` is what the side keeps of a long text, `line_limit` of a line. `refused` gives an action that
    the side must turn down for a record. `secrets` must be in no error.
    """

    place: str
    line: str
    text: str
    start: datetime
    samples: Mapping[str, Sample] = field(default_factory=dict)
    text_limit: int = 1_000_000
    secrets: tuple[str, ...] = ()
    can_hide: bool = True
    can_fail: bool = True
    has_people: bool = True
    run: str = field(default_factory=lambda: uuid4().hex[:8])

    @abstractmethod
    def edit(self, ref: Ref, **values: Value) -> None:
        """A person changes fields of a record."""

    @abstractmethod
    def refused(self, ref: Ref) -> Action:
        """A write that the side must refuse with a reason."""

    @abstractmethod
    def impossible(self, ref: Ref) -> list[Action]:
        """Writes that the side has no way to make."""

    def delete(self, ref: Ref) -> None:
        """Remove a record."""
        raise NotImplementedError

    # What the tests make of it

    def create(self, number: int = 1, **values: Value) -> Create:
        """The mirror of an imagined record on the other side."""
        filled: dict[str, Value] = {self.line: f"Conformance {number}", **values}
        marker = f"conformance:suite:{self.run}-{number}"
        return Create(self.side, self.place, filled, marker, Ref(other(self.side), str(number)))

    def drain(self, cursor: str | None = None) -> tuple[list[Change], list[str]]:
        """All changes since a cursor, and the cursor of each page."""
        pages = list(self.connector.feed(cursor, self.start))
        return [change for page in pages for change in page.changes], [page.cursor for page in pages]


def check_kept(found: Value, sent: str, limit: int) -> None:
    """A text is read back in canonical form; of one too long, exactly the part that fits is left."""
    if len(sent) <= limit:
        assert found == canonical_text(sent)
    else:
        assert isinstance(found, str)
        assert len(found) <= limit
        assert (canonical_text(sent) or "").startswith(found)


class ConnectorSuite:
    """Inherit it, and give the fixture `bench`."""

    # Who we are

    def test_the_identity_is_ours(self, bench: Bench) -> None:
        assert bench.connector.identity().id
        assert bench.connector.capabilities.side == bench.side

    # Values

    def test_each_field_comes_back_as_it_was_written(self, bench: Bench) -> None:
        for number, (name, sample) in enumerate(bench.samples.items()):
            ref = bench.applied(bench.create(number, **{name: sample.first})).ref
            assert bench.record(ref).values[name] == sample.first, name
            steps = [sample.second, None] if sample.clears else [sample.second]
            for value in steps:
                seen = bench.record(ref)
                bench.applied(Update(ref, {name: value}, {name: seen.values[name]}, seen.version))
                assert bench.record(ref).values[name] == value, name

    @pytest.mark.parametrize("text", AWKWARD.values(), ids=AWKWARD)
    def test_awkward_text_goes_there_and_back(self, bench: Bench, text: str) -> None:
        sent = canonical_text(text)
        assert sent is not None
        create = bench.create(1, **{bench.text: sent})
        outcome = bench.write(create)
        if isinstance(outcome, Rejected):
            assert len(sent) > bench.text_limit
            return
        assert isinstance(outcome, Applied), outcome
        found = bench.record(outcome.ref).values[bench.text]
        check_kept(found, sent, bench.text_limit)
        if outcome.record is not None:
            assert outcome.record.values[bench.text] == found
        # what was read may be written again, and stays what it is
        seen = bench.record(outcome.ref)
        bench.applied(Update(outcome.ref, {bench.text: found}, {bench.text: found}, seen.version))
        assert bench.record(outcome.ref).values[bench.text] == found

    @pytest.mark.parametrize("text", AWKWARD.values(), ids=AWKWARD)
    def test_awkward_text_that_a_person_typed_is_read_in_its_canonical_form(
        self, bench: Bench, text: str
    ) -> None:
        if not bench.has_people or len(text) > bench.text_limit:
            pytest.skip("nobody can type it there")
        ref = bench.raised(**{bench.text: text})
        found = bench.record(ref).values[bench.text]
        assert found == canonical_text(str(found))
        assert found == bench.record(ref).values[bench.text]

    @pytest.mark.parametrize("text", EMPTY.values(), ids=EMPTY)
    def test_empty_text_is_none(self, bench: Bench, text: str) -> None:
        ref = bench.raised(**{bench.text: text})
        assert bench.record(ref).values[bench.text] is None

    def test_a_line_is_one_line(self, bench: Bench) -> None:
        ref = bench.applied(bench.create(1, **{bench.line: "Mail 📧 is  down"})).ref
        assert "\n" not in str(bench.record(ref).values[bench.line])

    # Versions

    def test_a_version_moves_if_and_only_if_content_moves(self, bench: Bench) -> None:
        ref = bench.raised()
        first = bench.record(ref).version
        assert bench.record(ref).version == first
        bench.later(2)
        assert bench.record(ref).version == first
        bench.edit(ref, **{bench.line: "Something else"})
        second = bench.record(ref).version
        assert second != first
        bench.later(2)
        bench.applied(AddNote(ref, "a note"))
        bench.edit(ref, **{bench.line: "Something else again"})
        assert bench.record(ref).version not in (first, second)

    def test_own_writes_are_recognised(self, bench: Bench) -> None:
        """What the answer of a write shows is what the feed tells of it: an echo is known as one."""
        ref = bench.raised()
        seen = bench.record(ref)
        bench.later(2)
        outcome = bench.applied(
            Update(ref, {bench.line: "Ours"}, {bench.line: seen.values[bench.line]}, seen.version)
        )
        bench.later(2)
        record = bench.record(ref)
        assert record.values[bench.line] == "Ours"
        if outcome.record is not None:
            assert outcome.record.version == record.version
            assert outcome.record.values == record.values
        assert outcome.alone is not False

    # Conversations

    def said(self, bench: Bench, ref: Ref, text: str, *, public: bool, mark: str) -> Applied:
        line = f"Somebody in the suite {mark}"
        return bench.applied(AddComment(ref, text, public, line, mark, seen=bench.record(ref).version))

    def heard(self, bench: Bench, ref: Ref, **asked: Any) -> Conversation:
        [found] = bench.connector.conversations([Ask(ref, fresh=True, **asked)])
        assert isinstance(found, Conversation), found
        return found

    def test_entries_are_told_in_order_with_their_marks_and_are_known_as_ours(self, bench: Bench) -> None:
        bench.connector.identity()
        ref = bench.raised()
        bench.applied(AddNote(ref, "a note of ours, without a mark"))
        marks = [f"[ref {number}-0000000{number}]" for number in (1, 2, 3)]
        for number, mark in enumerate(marks):
            self.said(bench, ref, f"entry {number}\n\n**bold**", public=number == 1, mark=mark)
            bench.later(1)
        found = self.heard(bench, ref)
        assert found.whole
        assert all(entry.own and entry.text is None for entry in found.entries)
        assert [m for e in found.entries for m in marks if m in e.mark] == marks
        assert [e.created for e in found.entries] == sorted(e.created for e in found.entries)
        public = [e.public for e in found.entries if any(m in e.mark for m in marks)]
        assert not public[0] and not public[2]
        assert self.heard(bench, ref) == found

    def test_what_was_said_is_asked_of_many_records_at_once(self, bench: Bench) -> None:
        bench.connector.identity()
        refs = [bench.raised() for _ in range(3)]
        self.said(bench, refs[1], "in the middle", public=False, mark="[ref 7-00000007]")
        found = bench.connector.conversations([Ask(ref, fresh=True) for ref in refs])
        assert [len(told.entries) for told in found if isinstance(told, Conversation)] == [0, 1, 0]

    # The feed

    def test_the_feed_is_complete_and_ordered_also_where_times_tie(self, bench: Bench) -> None:
        refs = [bench.raised() for _ in range(9)]
        bench.later(1)
        refs += [bench.raised() for _ in range(4)]
        changes, _ = bench.drain()
        assert {change.ref for change in changes} >= set(refs)
        times = [change.updated for change in changes]
        assert times == sorted(times)

    def test_the_feed_can_be_restarted_behind_any_page(self, bench: Bench) -> None:
        refs = set()
        for number in range(9):
            refs.add(bench.raised())
            bench.later(number % 2)
        pages = list(bench.connector.feed(None, bench.start))
        told: set[Ref] = set()
        for page in pages:
            told |= {change.ref for change in page.changes}
            rest, _ = bench.drain(page.cursor)
            assert told | {change.ref for change in rest} >= refs

    def test_the_feed_tells_what_changed_since_and_falls_silent(self, bench: Bench) -> None:
        refs = [bench.raised() for _ in range(5)]
        _, cursors = bench.drain()
        bench.later(1800)
        _, cursors = bench.drain(cursors[-1])
        bench.later(1800)
        bench.edit(refs[2], **{bench.line: "Moved"})
        bench.later(1)
        changes, _ = bench.drain(cursors[-1])
        assert [change.ref for change in changes][-1:] == [refs[2]]
        assert changes[-1].version == bench.record(refs[2]).version

    def test_the_feed_survives_writes_while_it_is_read(self, bench: Bench) -> None:
        refs = []
        for _ in range(9):
            refs.append(bench.raised())
            bench.later(1)
        told: dict[Ref, Change] = {}
        cursor = None
        for number, page in enumerate(bench.connector.feed(None, bench.start)):
            told |= {change.ref: change for change in page.changes}
            cursor = page.cursor
            if number < 3:
                bench.edit(refs[0], **{bench.line: f"Early {number}"})
                bench.edit(refs[-1], **{bench.line: f"Late {number}"})
        bench.later(1)
        changes, _ = bench.drain(cursor)
        told |= {change.ref: change for change in changes}
        assert told.keys() >= set(refs)
        for ref in (refs[0], refs[-1]):
            assert told[ref].version == bench.record(ref).version

    def test_hidden_records_end_no_feed(self, bench: Bench) -> None:
        if not bench.can_hide:
            pytest.skip("nothing can be hidden there")
        refs = []
        for _ in range(12):
            refs.append(bench.raised())
            bench.later(1)
        for ref in refs[1:9]:
            bench.hide(ref)
        found = {change.ref for change in bench.drain()[0]}
        assert found >= {refs[0], *refs[9:]}
        assert not found & set(refs[1:9])

    # Creates

    def test_a_create_is_found_once_by_its_marker(self, bench: Bench) -> None:
        mark = bench.connector.watermark(bench.place)
        first, second = bench.create(1), bench.create(10)
        refs = [bench.applied(create).ref for create in (first, second)]
        for create, ref in zip((first, second), refs, strict=True):
            found = bench.connector.find(create.marker, bench.place, mark)
            assert [record.ref for record in found] == [ref]
            assert found[0].marker == create.marker
        assert bench.connector.find("conformance:suite:nobody", bench.place, mark) == []

    def test_a_create_whose_answer_is_lost_is_unknown_and_found_once(self, bench: Bench) -> None:
        if not bench.can_fail:
            pytest.skip("nothing fails there on demand")
        mark, create = bench.connector.watermark(bench.place), bench.create(3)
        with bench.failing("lost"):
            assert type(bench.write(create)) is Unknown
        assert len(bench.connector.find(create.marker, bench.place, mark)) == 1

    # Failures

    def test_what_is_gone_is_gone_alone(self, bench: Bench) -> None:
        if not bench.can_hide:
            pytest.skip("nothing can be hidden there")
        kept, hidden, deleted = bench.raised(), bench.raised(), bench.raised()
        bench.hide(hidden)
        bench.delete(deleted)
        found = bench.connector.read([hidden, kept, deleted])
        assert [type(each) for each in found] == [Gone, Record, Gone]
        for ref in (hidden, deleted):
            assert type(bench.write(Update(ref, {bench.line: "x"}))) is Gone

    def test_a_refusal_is_rejected_with_its_reason_and_changes_nothing(self, bench: Bench) -> None:
        ref = bench.raised()
        before = bench.record(ref).values
        outcome = bench.write(bench.refused(ref))
        assert isinstance(outcome, Rejected)
        assert str(outcome)
        assert bench.record(ref).values == before

    @pytest.mark.parametrize(
        ("kind", "read", "write"),
        [
            ("limit", RateLimited, RateLimited),
            ("down", Unavailable, Unknown),
            ("denied", Denied, Denied),
            ("lost", Unavailable, Unknown),
        ],
    )
    def test_each_failure_has_its_name_and_no_secret(
        self, bench: Bench, kind: str, read: type[ConnectorError], write: type[ConnectorError]
    ) -> None:
        if not bench.can_fail:
            pytest.skip("nothing fails there on demand")
        ref = bench.raised()
        with bench.failing(kind):
            with pytest.raises(ConnectorError) as caught:
                bench.connector.read([ref])
            outcome = bench.write(Update(ref, {bench.line: "x"}))
        assert isinstance(caught.value, read)
        assert isinstance(outcome, write)
        for failure in (caught.value, outcome):
            for secret in bench.secrets:
                assert secret not in f"{failure!s} {failure!r}"

    def test_what_the_side_cannot_do_is_refused_and_not_ignored(self, bench: Bench) -> None:
        ref = bench.raised()
        before = bench.record(ref).values
        for action in bench.impossible(ref):
            with suppress(AssertionError):
                assert not isinstance(bench.write(action), Applied) or pytest.fail(f"{action} was taken")
        assert bench.record(ref).values == before

    def test_lists_come_back_in_equal_length_and_order(self, bench: Bench) -> None:
        refs = [bench.raised() for _ in range(4)]
        found = bench.connector.read([*reversed(refs), refs[0]])
        assert [r.ref for r in found if isinstance(r, Record)] == [*reversed(refs), refs[0]]
        writes = [Update(ref, {bench.line: f"number {n}"}) for n, ref in enumerate(refs)]
        outcomes = bench.connector.write(writes)
        assert [o.ref for o in outcomes if isinstance(o, Applied)] == refs
        assert [bench.record(ref).values[bench.line] for ref in refs] == [f"number {n}" for n in range(4)]
        assert (bench.connector.read([]), bench.connector.write([])) == ([], [])


BenchFixture = Callable[..., Iterator[Bench]]
"""What a subclass gives as the fixture `bench`."""
