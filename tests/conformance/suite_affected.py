"""What a connector promises about affected items, as one suite to inherit: whole or not, fed, never guessed.

A subclass of `AffectedSuite` gives a fixture `desk`: one side with its connector, and people who keep lists.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import AbstractContextManager

from tieline.connectors.base import Affected, Connector, Record, Ref


class AffectedDesk(ABC):
    """One side with lists of affected items, and what people do there."""

    connector: Connector

    @abstractmethod
    def raised(self) -> Ref:
        """A person makes an incident."""

    @abstractmethod
    def item(self, name: str) -> Ref:
        """There is an item of this name."""

    @abstractmethod
    def affect(self, ref: Ref, item: Ref) -> None:
        """A person puts an item on an incident's list."""

    @abstractmethod
    def unaffect(self, ref: Ref, item: Ref) -> None:
        """A person takes it off."""

    @abstractmethod
    def hide(self, ref: Ref, item: Ref) -> None:
        """Keep this entry of the list from our account."""

    @abstractmethod
    def later(self, seconds: float) -> None:
        """So much time passes."""

    @abstractmethod
    def asking(self) -> AbstractContextManager[list[str]]:
        """The requests that are made meanwhile."""

    def told(self, *refs: Ref) -> list[Affected]:
        """What is on these lists now."""
        return self.connector.affected(refs)

    def names(self, ref: Ref) -> list[str]:
        """The names of the items on a list."""
        return sorted(item.label for item in self.told(ref)[0].items)

    def record(self, ref: Ref) -> Record:
        """The incident as it is read now."""
        [found] = self.connector.read([ref])
        assert isinstance(found, Record), found
        return found

    def heard(self, since: str | None, start: Ref) -> tuple[list[Ref], str]:
        """The incidents of which the feed tells, and where it stands now."""
        refs: list[Ref] = []
        pages: Iterator[tuple[list[Ref], str]] = (
            ([change.ref for change in page.changes], page.cursor)
            for page in self.connector.affecting(since, self.record(start).created)
        )
        for mine, cursor in pages:
            refs, since = refs + mine, cursor
        assert since is not None
        return refs, since


class AffectedSuite:
    """The promises. Inherit it and give a fixture `desk`."""

    def test_what_is_put_on_the_list_is_told_with_its_name_and_its_page(self, desk: AffectedDesk) -> None:
        ref, item = desk.raised(), desk.item("db01")
        assert desk.told(ref) == [Affected((), whole=True)]
        desk.affect(ref, item)
        [told] = desk.told(ref)
        [target] = told.items
        assert (target.ref, target.label, target.kind, told.whole) == (item, "db01", "ci", True)
        assert target.url.startswith("http")

    def test_the_incident_does_not_tell_and_the_feed_does(self, desk: AffectedDesk) -> None:
        ref, item = desk.raised(), desk.item("db01")
        desk.later(4000)
        _, cursor = desk.heard(None, ref)
        desk.later(4000)
        before = desk.record(ref)
        desk.affect(ref, item)
        assert desk.record(ref).version == before.version
        refs, cursor = desk.heard(cursor, ref)
        assert refs == [ref]
        desk.later(4000)
        desk.heard(cursor, ref)  # reaches back once more
        desk.later(4000)
        assert desk.heard(desk.heard(cursor, ref)[1], ref)[0] == []

    def test_what_is_taken_off_is_not_told(self, desk: AffectedDesk) -> None:
        ref, first, second = desk.raised(), desk.item("db01"), desk.item("db02")
        desk.affect(ref, first)
        desk.affect(ref, second)
        desk.unaffect(ref, first)
        assert (desk.names(ref), desk.told(ref)[0].whole) == (["db02"], True)

    def test_lists_of_many_incidents_come_in_one_request_each_its_own(self, desk: AffectedDesk) -> None:
        refs = [desk.raised() for _ in range(3)]
        items = [desk.item(f"db{n}") for n in range(3)]
        desk.affect(refs[0], items[0])
        desk.affect(refs[2], items[0])
        desk.affect(refs[2], items[2])
        with desk.asking() as asked:
            told = desk.told(*refs)
        assert [sorted(item.label for item in each.items) for each in told] == [["db0"], [], ["db0", "db2"]]
        assert all(each.whole for each in told)
        assert len(asked) == 1

    def test_a_long_list_is_read_to_its_end(self, desk: AffectedDesk) -> None:
        ref, names = desk.raised(), [f"db{n:02}" for n in range(11)]
        for name in names:
            desk.affect(ref, desk.item(name))
        assert (desk.names(ref), desk.told(ref)[0].whole) == (names, True)

    def test_what_is_hidden_is_not_taken_for_gone(self, desk: AffectedDesk) -> None:
        ref, first, second = desk.raised(), desk.item("db01"), desk.item("db02")
        desk.affect(ref, first)
        desk.affect(ref, second)
        desk.hide(ref, first)
        assert (desk.names(ref), desk.told(ref)[0].whole) == (["db02"], False)
        desk.hide(ref, second)
        assert (desk.names(ref), desk.told(ref)[0].whole) == ([], False)

    def test_nothing_is_asked_for_nothing(self, desk: AffectedDesk) -> None:
        with desk.asking():
            assert desk.told() == []
