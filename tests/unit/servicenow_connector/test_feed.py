"""The feed on a table that changes, hides rows, ignores queries and leaves headers out."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import requests
from hypothesis import given
from hypothesis import strategies as st

from tieline.connectors.base import Change, Page, Ref, Version
from tieline.connectors.errors import Malformed, StateError, Unavailable
from tieline.connectors.servicenow.feed import REMEMBERED, Cursor, Feed
from tieline.connectors.servicenow.query import TIME_FORMAT
from tieline.connectors.servicenow.wire import Rows

from .conftest import Instance, Reply, Watch, reply, row, rows_reply, sys_id

START = datetime(2026, 3, 1, 9, 0, 0, tzinfo=UTC)
OVERLAP = timedelta(minutes=2)


class Table:
    """A table as the instance keeps it: (updated, id, visible), queried by the feed's two queries."""

    def __init__(self, rows: Sequence[tuple[datetime, str, bool]], *, counts: bool = True) -> None:
        self.rows = list(rows)
        self.counts = counts
        self.requests = 0

    def ask(self, query: str, limit: int, offset: int) -> Rows:
        self.requests += 1
        assert query.endswith("^ORDERBYsys_updated_on^ORDERBYsys_id")
        matching = sorted(item for item in self.rows if self._matches(item, query))
        page = matching[offset : offset + limit]
        shown = [
            {"sys_id": key, "number": key, "sys_updated_on": at.strftime(TIME_FORMAT), "sys_mod_count": "1"}
            for at, key, visible in page
            if visible
        ]
        total = len(matching)
        return Rows(shown, total, offset + limit < total) if self.counts else Rows(shown, None, None)

    @staticmethod
    def _matches(item: tuple[datetime, str, bool], query: str) -> bool:
        at, key = item[0].strftime(TIME_FORMAT), item[1]
        for alternative in query.split("^ORDERBY")[0].split("^NQ"):
            if all(
                (value := {"sys_updated_on": at, "sys_id": key}[name]) > bound
                or (operator == ">=" and value == bound)
                for name, operator, bound in re.findall(r"(\w+?)(>=|>)([^^]+)", alternative)
            ):
                return True
        return False

    def feed(self, watch: Watch, page_size: int = 3) -> Feed:
        return Feed(self.ask, OVERLAP, page_size, lambda: watch.now, lambda: timedelta(0))


def table(*seconds: int, hidden: Sequence[int] = (), counts: bool = True) -> Table:
    rows = [(START + timedelta(seconds=at), sys_id(n), n not in hidden) for n, at in enumerate(seconds)]
    return Table(rows, counts=counts)


def ids(pages: Sequence[Page]) -> list[str]:
    return [change.ref.id for page in pages for change in page.changes]


def test_an_idle_feed_costs_one_request(watch: Watch) -> None:
    source = table()
    [page] = source.feed(watch).pages(None, START)
    assert (page.changes, page.hidden, source.requests) == ((), 0, 1)
    list(source.feed(watch).pages(page.cursor, START))
    assert source.requests == 2


def test_changes_within_the_overlap_cost_one_request_too(watch: Watch) -> None:
    source = table(10, 20)
    [page] = source.feed(watch).pages(None, START)
    [again] = source.feed(watch).pages(page.cursor, START)
    assert ids([again]) == ids([page])
    assert source.requests == 2


def test_what_was_delivered_longer_ago_than_the_overlap_is_left_out(watch: Watch) -> None:
    source = table(10, 20)
    cursor = [*source.feed(watch).pages(None, START)][-1].cursor
    watch.now += OVERLAP + timedelta(seconds=2)
    assert ids([*source.feed(watch).pages(cursor, START)]) == []
    source.rows[0] = (START + timedelta(seconds=30), *source.rows[0][1:])
    assert ids([*source.feed(watch).pages(cursor, START)]) == [sys_id(0)]


def test_a_row_falls_silent_however_often_the_feed_is_read(watch: Watch) -> None:
    source, cursor, found = table(10), None, []
    for _ in range(6):
        [page] = source.feed(watch).pages(cursor, START)
        cursor = page.cursor
        found.append(len(page.changes))
        watch.move(timedelta(minutes=1))
    assert found == [1, 1, 1, 0, 0, 0]


def test_a_row_committed_late_within_the_overlap_is_seen(watch: Watch) -> None:
    source = table(200)
    cursor = [*source.feed(watch).pages(None, START)][-1].cursor
    watch.now += timedelta(hours=1)
    source.rows.append((START + timedelta(seconds=100), sys_id(77), True))
    assert ids([*source.feed(watch).pages(cursor, START)]) == [sys_id(77)]


def test_a_short_or_empty_page_is_not_the_last(watch: Watch) -> None:
    source = table(*range(20), hidden=[1, 2, 3, 4, 5, 6, 7, 8, 9, 11, 12, 19])
    pages = [*source.feed(watch).pages(None, START)]
    assert ids(pages) == [sys_id(n) for n in (0, 10, 13, 14, 15, 16, 17, 18)]
    assert [page.hidden for page in pages][-1] == 12


def test_rows_of_one_second_are_all_seen(watch: Watch) -> None:
    source = table(*[5] * 10)
    assert ids([*source.feed(watch).pages(None, START)]) == [sys_id(n) for n in range(10)]


def missed_once(source: Table, watch: Watch, *numbers: int) -> str:
    """Read the feed once while these rows are not shown; the cursor."""
    shown = source.rows
    source.rows = [(at, key, n not in numbers) for n, (at, key, _) in enumerate(shown)]
    pages = [*source.feed(watch).pages(None, START)]
    source.rows = shown
    assert pages[-1].hidden == len(numbers)
    return pages[-1].cursor


def test_a_row_that_was_missed_is_seen_however_long_nobody_looked(watch: Watch) -> None:
    """The next pass may come a day later, or a whole day of changes may lie behind the row."""
    source = table(0, 3600 * 5, 3600 * 10, 3600 * 20)
    watch.move(timedelta(days=1))
    cursor = missed_once(source, watch, 0)
    watch.move(timedelta(days=1))
    assert sys_id(0) in ids([*source.feed(watch).pages(cursor, START)])


def test_rows_that_stay_hidden_are_asked_for_for_a_while(watch: Watch) -> None:
    source = table(0, 3600, 7200)
    source.rows[0] = (*source.rows[0][:2], False)
    cursor, reached = None, []
    for _ in range(6):
        [page] = source.feed(watch).pages(cursor, START)
        cursor = page.cursor
        reached.append(page.hidden)
        watch.move(timedelta(minutes=31))
    assert reached == [1, 1, 1, 0, 0, 0]


def test_no_whole_table_is_read_again_for_one_row(watch: Watch) -> None:
    source = table(*range(0, 400_000, 1000))
    watch.move(timedelta(days=6))
    cursor = missed_once(source, watch, 0)
    source.requests = 0
    list(source.feed(watch).pages(cursor, START))
    assert source.requests < 5


def test_a_look_that_broke_off_keeps_what_it_missed(watch: Watch) -> None:
    source = table(0, 3600, 7200, 10800)
    source.rows[0] = (*source.rows[0][:2], False)
    first = next(iter(source.feed(watch).pages(None, START)))
    source.rows[0] = (*source.rows[0][:2], True)
    assert sys_id(0) in ids([*source.feed(watch).pages(first.cursor, START)])


def test_without_counts_a_short_page_is_not_the_last_and_an_empty_one_is(watch: Watch) -> None:
    source = table(*range(7), hidden=[1], counts=False)
    assert ids([*source.feed(watch).pages(None, START)]) == [sys_id(n) for n in (0, 2, 3, 4, 5, 6)]
    idle = table(counts=False)
    list(idle.feed(watch).pages(None, START))
    assert idle.requests == 1


@given(
    rows=st.lists(st.tuples(st.integers(0, 12), st.booleans()), max_size=30),
    page_size=st.integers(1, 5),
)
def test_every_visible_row_is_delivered_in_order_and_the_feed_ends(
    rows: list[tuple[int, bool]], page_size: int
) -> None:
    watch = Watch()
    items = [(START + timedelta(seconds=at), sys_id(n), visible) for n, (at, visible) in enumerate(rows)]
    source = Table(items)
    pages = [*source.feed(watch, page_size).pages(None, START)]
    assert ids(pages) == [key for _, key, visible in sorted(items) if visible]
    assert pages[-1].hidden == sum(1 for *_, visible in items if not visible)
    # Nothing is lost if the reader stops behind any page and starts again from its cursor.
    for number, page in enumerate(pages):
        later = ids([*source.feed(watch, page_size).pages(page.cursor, START)])
        assert set(ids(pages[: number + 1])) | set(later) == set(ids(pages))


def test_a_row_from_the_far_future_does_not_carry_the_cursor_away(watch: Watch) -> None:
    source = table(10)
    source.rows.append((datetime(2099, 1, 1, tzinfo=UTC), sys_id(50), True))
    cursor = [*source.feed(watch).pages(None, START)][-1].cursor
    source.rows.append((START + timedelta(seconds=60), sys_id(51), True))
    assert sys_id(51) in ids([*source.feed(watch).pages(cursor, START)])


def test_a_cursor_stays_small(watch: Watch) -> None:
    changes = [
        Change(Ref("servicenow", sys_id(n)), "", Version("1@x"), START + timedelta(seconds=n % 60))
        for n in range(3 * REMEMBERED)
    ]
    cursor = Cursor(START).advance(changes, watch.now, OVERLAP, watch.now)
    assert len(cursor.delivered) == REMEMBERED
    assert len(cursor.dump()) < 60 * REMEMBERED
    assert Cursor.load(cursor.dump()) == cursor


@pytest.mark.parametrize(
    "text", ["", "{}", "[]", '{"at": "soon", "delivered": {}}', '{"at": 3, "delivered": 4}']
)
def test_a_cursor_that_is_none_is_said_to_be(watch: Watch, text: str) -> None:
    with pytest.raises(StateError, match="cursor"):
        list(table().feed(watch).pages(text, START))


# Over HTTP


def test_what_a_feed_asks_for(instance: Instance, connector: Any) -> None:
    instance.replies = [rows_reply(row(1))]
    [page] = connector.feed(None, START)
    assert page.changes == (
        Change(
            Ref("servicenow", sys_id(1)),
            "INC0000001",
            Version("4@2026-03-01 10:00:00"),
            datetime(2026, 3, 1, 10, tzinfo=UTC),
        ),
    )
    params = instance.params()
    assert params["sysparm_query"] == (
        "sys_updated_on>=2026-03-01 09:00:00^ORDERBYsys_updated_on^ORDERBYsys_id"
    )
    assert params["sysparm_fields"] == "sys_id,number,sys_updated_on,sys_mod_count"
    assert params["sysparm_limit"] == "1000"
    assert "sysparm_offset" not in params


def test_the_next_look_reaches_back_by_the_overlap(instance: Instance, connector: Any) -> None:
    instance.replies = [rows_reply(row(1)), rows_reply()]
    [page] = connector.feed(None, START)
    list(connector.feed(page.cursor, START))
    assert instance.params()["sysparm_query"].startswith("sys_updated_on>=2026-03-01 09:58:00^")


@pytest.mark.parametrize(
    "rows",
    [
        [row(1, sys_updated_on="2019-01-01 00:00:00")],
        [row(1, sys_updated_on="2026-03-01 11:00:00"), row(2)],
        [row(2), row(1)],
        [row(1), row(1)],
    ],
    ids=["before the bound", "not in order of time", "not in order of ids", "twice"],
)
def test_a_query_that_was_not_kept_to_is_malformed(instance: Instance, connector: Any, rows: Any) -> None:
    instance.replies = [rows_reply(*rows)]
    with pytest.raises(Malformed, match="not kept to"):
        list(connector.feed(None, START))


def test_a_link_to_a_next_page_is_believed(instance: Instance, make: Any) -> None:
    link = '<https://example.service-now.com/api/now/table/incident?sysparm_fields=a,b&sysparm_offset=2>;rel="next"'
    instance.replies = [reply({"result": [row(1)]}, headers={"Link": link}), reply({"result": []})]
    assert len(ids([*make(page_size=2).feed(None, START)])) == 1
    assert len(instance.sent) == 2


@pytest.mark.parametrize(
    "given", [reply("<html>"), reply('{"result": ['), reply({"error": {"message": "x"}})]
)
def test_a_feed_that_cannot_be_believed_yields_nothing(
    instance: Instance, connector: Any, given: Reply
) -> None:
    instance.replies = [given]
    with pytest.raises(Malformed):
        list(connector.feed(None, START))


def test_a_page_is_handed_out_before_the_next_is_asked_for(instance: Instance, make: Any) -> None:
    instance.replies = [rows_reply(row(1), total=2), *[requests.ReadTimeout()] * 5]
    pages = make(page_size=1).feed(None, START)
    assert ids([next(pages)]) == [sys_id(1)]
    with pytest.raises(Unavailable):
        next(pages)
