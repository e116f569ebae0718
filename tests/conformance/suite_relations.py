"""What every connector promises about relations, as one suite to inherit: made, read, removed, refused.

A subclass of `RelationsSuite` gives a fixture `desk`: one side with its connector, and people who tie there.
"""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass

import pytest

from tieline.connectors.base import Applied, Record, Ref, Relate, Tie, Unrelate, Version
from tieline.connectors.errors import (
    ConnectorError,
    Denied,
    Gone,
    RateLimited,
    Rejected,
    Unavailable,
    Unknown,
)

from .desk import Desk

Ends = tuple[str, str, str]
"""A tie as it lies there: where it reads from, its name, where it leads to."""
FAR = Ref("servicenow", "7" * 32, "problem")
"""A problem that only ServiceNow has."""
GLOBAL_ID = f"tieline:problem:{FAR.id}"


@dataclass
class RelationDesk(Desk):
    """One side under test, and what people do there. `name` is a column, or a type of link, of the settings.

    `nowhere` is a target that does not exist there, `unknown` a column or type that there is not. With
    `one_only` a record holds one tie of a name; with `remote` it can show records that another system has.
    """

    name: str
    nowhere: Ref
    unknown: str
    one_only: bool
    remote: bool

    @abstractmethod
    def target(self) -> tuple[Ref, str]:
        """A person makes a record that others may be tied to: as a tie names it, and its number or key."""

    @abstractmethod
    def tie(self, ref: Ref, target: Ref, *, outward: bool = True) -> None:
        """A person ties a record to another."""

    @abstractmethod
    def untie(self, ref: Ref, target: Ref) -> None:
        """A person takes that away, whichever way it reads."""

    @abstractmethod
    def lying(self, ref: Ref) -> list[Ends]:
        """Every tie of a record as it lies there, the same one as often as it was made."""

    @abstractmethod
    def lying_remote(self, ref: Ref) -> list[tuple[str, str]]:
        """Global id and title of each remote link of a record, as they lie there."""

    # What the tests make of it

    def ties(self, ref: Ref) -> list[Tie]:
        """Its ties as they are read now."""
        told = self.record(ref).ties
        assert told is not None, "the record did not tell its ties"
        return list(told)

    def shown(self, ref: Ref) -> list[str]:
        """The global ids of its remote links as they are read now."""
        [found] = self.connector.remote_ties([ref])
        assert not isinstance(found, ConnectorError), found
        return sorted(found)

    def relate(self, ref: Ref, target: Ref, *, outward: bool = True) -> Relate:
        """What ties a record to a target, decided from what it shows now."""
        seen = Version("") if self.side == "jira" else self.record(ref).version
        return Relate(ref, self.name, target, outward, seen=seen)

    def remotely(self, ref: Ref, label: str = "PRB0040001") -> Relate:
        """What shows a record of the other system."""
        url = "https://desk.example.com/problem.do?sys_id=7"
        return Relate(ref, "problem", FAR, label=label, url=url, global_id=GLOBAL_ID)

    def heard(self, ref: Ref, since: str | None) -> tuple[bool, str]:
        """Whether the feed tells of a record, and where it stands now."""
        pages = list(self.connector.feed(since, self.record(ref).created))
        return any(change.ref == ref for page in pages for change in page.changes), pages[-1].cursor


class RelationsSuite:
    """The promises. Inherit it and give a fixture `desk`."""

    # Made, read, taken away

    @pytest.mark.parametrize("outward", [True, False])
    def test_a_tie_is_made_once_and_read_back_as_it_was_meant(
        self, desk: RelationDesk, outward: bool
    ) -> None:
        ref, (target, label) = desk.raised(), desk.target()
        assert desk.ties(ref) == []
        desk.applied(desk.relate(ref, target, outward=outward))
        [tie] = desk.ties(ref)
        assert (tie.name, tie.target, tie.label) == (desk.name, target, label)
        ends = (ref.id, desk.name, target.id)
        if desk.side == "jira":
            assert tie.outward == outward
            assert tie.id
            ends = ends if outward else ends[::-1]
        assert desk.lying(ref) == [ends]

    def test_the_other_end_reads_it_the_other_way(self, desk: RelationDesk) -> None:
        ref, (target, _) = desk.raised(), desk.target()
        desk.applied(desk.relate(ref, target))
        if desk.side == "servicenow":
            pytest.skip("a column refers in one direction only")
        [tie] = desk.ties(Ref("jira", target.id))
        assert (tie.name, tie.target.id, tie.outward) == (desk.name, ref.id, False)

    def test_a_tie_is_taken_away_alone_and_taking_it_away_again_is_no_failure(
        self, desk: RelationDesk
    ) -> None:
        ref, (target, _), (other, _) = desk.raised(), desk.target(), desk.target()
        if not desk.one_only:
            desk.tie(ref, other)
        desk.applied(desk.relate(ref, target))
        mine = next(tie for tie in desk.ties(ref) if tie.target == target)
        for _ in range(2):
            desk.applied(Unrelate(ref, mine.name, mine.target, mine.outward, mine.id))
            assert [tie.target for tie in desk.ties(ref)] == ([] if desk.one_only else [other])

    def test_what_people_tie_and_untie_is_read_and_heard_of(self, desk: RelationDesk) -> None:
        ref, (target, label) = desk.raised(), desk.target()
        desk.later(4000)
        _, cursor = desk.heard(ref, None)
        desk.later(4000)
        before = desk.record(ref).version
        desk.tie(ref, target)
        heard, cursor = desk.heard(ref, cursor)
        assert heard
        assert [(tie.target, tie.label) for tie in desk.ties(ref)] == [(target, label)]
        assert desk.record(ref).version != before
        desk.later(4000)
        desk.untie(ref, target)
        heard, _ = desk.heard(ref, cursor)
        assert heard
        assert desk.ties(ref) == []

    def test_a_column_holds_one_and_a_list_holds_each(self, desk: RelationDesk) -> None:
        ref, (first, _), (second, _) = desk.raised(), desk.target(), desk.target()
        desk.applied(desk.relate(ref, first))
        desk.applied(desk.relate(ref, second))
        held = {tie.target for tie in desk.ties(ref)}
        assert held == ({second} if desk.one_only else {first, second})

    def test_a_tie_that_stands_twice_shows_twice_and_one_of_them_can_go(self, desk: RelationDesk) -> None:
        """Jira's API makes the same link again without a word: whoever made one too many must see both."""
        ref, (target, _) = desk.raised(), desk.target()
        desk.tie(ref, target)
        desk.applied(desk.relate(ref, target))
        ties = desk.ties(ref)
        assert len(ties) == (1 if desk.one_only else 2)
        if not desk.one_only:
            assert len({tie.id for tie in ties}) == 2
            desk.applied(Unrelate(ref, ties[1].name, ties[1].target, ties[1].outward, ties[1].id))
            assert desk.ties(ref) == ties[:1]

    def test_ties_of_many_records_come_along_with_them(self, desk: RelationDesk) -> None:
        refs, (target, _) = [desk.raised() for _ in range(3)], desk.target()
        outcomes = desk.connector.write([desk.relate(refs[0], target), desk.relate(refs[2], target)])
        assert [outcome.ref for outcome in outcomes if isinstance(outcome, Applied)] == [refs[0], refs[2]]
        found = desk.connector.read(refs)
        assert [len(each.ties or ()) for each in found if isinstance(each, Record)] == [1, 0, 1]

    # Records that only the other side has

    def test_a_record_of_the_other_side_is_shown_once_however_often_it_is_sent(
        self, desk: RelationDesk
    ) -> None:
        ref = desk.raised()
        if not desk.remote:
            pytest.skip("it shows no records of other systems")
        for label in ("PRB0040001", "PRB0040001 renamed"):
            assert desk.applied(desk.remotely(ref, label)).made == GLOBAL_ID
            assert desk.shown(ref) == [GLOBAL_ID]
            assert desk.lying_remote(ref) == [(GLOBAL_ID, label)]
        assert desk.ties(ref) == []
        for _ in range(2):
            desk.applied(Unrelate(ref, "problem", FAR, global_id=GLOBAL_ID))
            assert desk.shown(ref) == []
        assert desk.lying_remote(ref) == []

    def test_remote_links_are_told_by_record_and_what_is_hidden_is_gone_alone(
        self, desk: RelationDesk
    ) -> None:
        if not desk.remote:
            assert desk.connector.remote_ties([desk.raised(), desk.raised()]) == [frozenset(), frozenset()]
            return
        shown, empty, hidden = desk.raised(), desk.raised(), desk.raised()
        for ref in (shown, hidden):
            desk.applied(desk.remotely(ref))
        desk.hide(hidden)
        found = desk.connector.remote_ties([shown, hidden, empty])
        assert (found[0], type(found[1]), found[2]) == (frozenset({GLOBAL_ID}), Gone, frozenset())

    # Refused

    def test_what_the_side_cannot_show_is_refused_and_changes_nothing(self, desk: RelationDesk) -> None:
        ref, (target, _) = desk.raised(), desk.target()
        desk.tie(ref, target)
        impossible: list[Relate | Unrelate] = [Relate(ref, desk.unknown, target)]
        if desk.remote:
            impossible.append(Relate(ref, desk.name, FAR))  # as an issue link
        else:
            impossible += [desk.remotely(ref), Unrelate(ref, desk.name, target, global_id=GLOBAL_ID)]
        for action in impossible:
            assert isinstance(desk.write(action), Rejected), action
        assert [tie.target for tie in desk.ties(ref)] == [target]
        assert desk.shown(ref) == []

    def test_a_target_that_is_not_there_is_refused_with_a_reason(self, desk: RelationDesk) -> None:
        ref = desk.raised()
        outcome = desk.write(desk.relate(ref, desk.nowhere))
        assert isinstance(outcome, Rejected), outcome
        assert str(outcome)
        assert desk.ties(ref) == []

    def test_a_record_that_is_not_shown_is_gone_alone(self, desk: RelationDesk) -> None:
        shown, hidden, (target, _) = desk.raised(), desk.raised(), desk.target()
        writes = [desk.relate(hidden, target), desk.relate(shown, target)]
        desk.hide(hidden)
        first, second = desk.connector.write(writes)
        assert isinstance(first, Gone | Rejected)  # Jira does not tell which end it does not show
        assert isinstance(second, Applied)
        assert len(desk.ties(shown)) == 1

    @pytest.mark.parametrize(
        ("kind", "error"),
        [("limit", RateLimited), ("down", Unknown), ("denied", Denied), ("lost", Unknown)],
    )
    def test_each_failure_has_its_name_and_no_tie_is_made_twice(
        self, desk: RelationDesk, kind: str, error: type[ConnectorError]
    ) -> None:
        ref, (target, _) = desk.raised(), desk.target()
        made = desk.relate(ref, target)
        with desk.failing(kind):
            outcome = desk.write(made)
        assert type(outcome) is error, outcome
        assert len(desk.lying(ref)) == (1 if kind == "lost" else 0)
        assert [tie.target for tie in desk.ties(ref)] == ([target] if kind == "lost" else [])

    @pytest.mark.parametrize(("kind", "error"), [("down", Unavailable), ("denied", Denied)])
    def test_remote_links_that_cannot_be_read_are_not_taken_for_none(
        self, desk: RelationDesk, kind: str, error: type[ConnectorError]
    ) -> None:
        if not desk.remote:
            pytest.skip("it shows no records of other systems")
        ref = desk.raised()
        desk.applied(desk.remotely(ref))
        with desk.failing(kind):
            try:
                [found] = desk.connector.remote_ties([ref])
            except ConnectorError as failure:
                found = failure
        assert isinstance(found, error), found
