"""Runs a query over one table: which rows meet it, in which order; limits and access rules come later."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from random import Random
from typing import Any

from tieline.connectors.sandbox.servicenow.conditions import Test, condition
from tieline.connectors.sandbox.servicenow.moments import Preferences, literal
from tieline.connectors.sandbox.servicenow.paths import Path, find_path
from tieline.connectors.sandbox.servicenow.query import Clause, Group, Order, Query, Term
from tieline.connectors.sandbox.servicenow.schema import NUMBERS, Row
from tieline.connectors.sandbox.servicenow.store import Rows, Store

RowTest = Callable[[Row], bool]


@dataclass(frozen=True, slots=True)
class Searching:
    """What a search depends on beside the query: who asks, what invalid terms do, and the shuffle of ties.

    `strict` is the property glide.invalid_query.returns_no_rows.
    """

    store: Store
    user: Preferences
    strict: bool
    random: Random


def select(around: Searching, rows: Rows, query: Query) -> list[Row]:
    """Every row that meets the query, ordered; rows that tie come in an order of this search's own."""
    search = _Search(around, rows)
    tests = [search.group(group) for group in query.groups]
    if search.invalid and around.strict:
        return []
    found = _matches(search, query.groups, tests)
    return search.ordered(found, query.order) if query.order else found


def _matches(search: _Search, groups: tuple[Group, ...], tests: list[list[RowTest]]) -> list[Row]:
    if not groups:
        return list(search.rows)
    if len(groups) == 1:
        return [row for row in search.candidates(groups[0]) if all(test(row) for test in tests[0])]
    found: dict[str, Row] = {}
    for group, wanted in zip(groups, tests, strict=True):
        for row in search.candidates(group):
            if all(test(row) for test in wanted):
                found.setdefault(row["sys_id"], row)
    return list(found.values())


class _Search:
    def __init__(self, around: Searching, rows: Rows) -> None:
        self.around = around
        self.rows = rows
        self.invalid = False

    def group(self, group: Group) -> list[RowTest]:
        """The tests of a group; an invalid term is dropped, and with it a clause that had no other."""
        clauses = [[t for t in map(self._term, clause) if t is not None] for clause in group]
        return [_any_of(tests) for tests in clauses if tests]

    def _term(self, term: Term) -> RowTest | None:
        path = find_path(self.around.store, self.rows.table, term.field)
        if path is not None:
            test = condition(path.column, term.operator, term.value, self.around.user)
            if test is not None:
                return _on_row(path, test)
        self.invalid = True
        return None

    def candidates(self, group: Group) -> Iterable[Row]:
        """A superset of the group's rows, from an index where one helps."""
        since = ""
        for clause in group:
            values = self._wanted(clause)
            if values:
                column = clause[0].field
                return [row for value in values for row in self.rows.having(column, value)]
            since = max(since, _updated_since(clause))
        return self.rows.updated_since(since) if since else self.rows

    def _wanted(self, clause: Clause) -> Iterable[str]:
        """The values of one indexed column that the whole clause comes down to; none if it does not."""
        field = clause[0].field
        values: dict[str, None] = {}
        for term in clause:
            if term.field != field or not self.rows.indexed(field) or not _is_plain(term):
                return ()
            values |= dict.fromkeys(term.value.split(",") if term.operator == "IN" else [term.value])
        return values

    def ordered(self, found: list[Row], order: tuple[Order, ...]) -> list[Row]:
        """Sorted by all valid keys; the platform breaks no ties, and neither does this."""
        keys = [(find_path(self.around.store, self.rows.table, o.field), o.descending) for o in order]
        if not any(o.field == "sys_id" for o in order):
            self.around.random.shuffle(found)
        for path, descending in reversed(keys):
            if path is not None:
                found.sort(key=self._key(path), reverse=descending)
        return found

    def _key(self, path: Path) -> Callable[[Row], Any]:
        column, store = path.column, self.around.store
        if column.type in NUMBERS:
            return lambda row: int(path.value(row) or -1)
        if column.type == "reference":
            return lambda row: store.display(column.reference, path.value(row))
        return path.reader


def _any_of(tests: list[RowTest]) -> RowTest:
    if len(tests) == 1:
        return tests[0]
    return lambda row: any(test(row) for test in tests)


def _on_row(path: Path, test: Test) -> RowTest:
    read = path.reader
    return lambda row: test(read(row))


def _is_plain(term: Term) -> bool:
    odd = term.value == "" or "javascript:" in term.value or "NULL" in term.value
    return term.operator in ("=", "IN") and not odd


def _updated_since(clause: Clause) -> str:
    term = clause[0]
    if len(clause) != 1 or term.field != "sys_updated_on" or term.operator not in (">", ">=", "=", "BETWEEN"):
        return ""
    return literal(term.value.partition("@")[0]) or ""
