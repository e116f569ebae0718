"""Makes one `Policy` of the tables of several files; what is wrong with them is noted, file by file."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final
from zoneinfo import ZoneInfo

from tieline.sync.config.faults import Path, Problem, suggestion
from tieline.sync.config.policy import (
    Bound as BoundTable,
)
from tieline.sync.config.policy import (
    CalendarTable,
    Entry,
    MajorTable,
    PolicyFile,
    PriorityTable,
    RuleTable,
    Strength,
    TestTable,
)
from tieline.sync.policy.calendars import Calendar, parse_hours
from tieline.sync.policy.conditions import AllOf, Atom, Condition, Not, atoms
from tieline.sync.policy.fields import CANONICAL, Kind
from tieline.sync.policy.model import (
    MAJOR,
    MAJOR_ENDS,
    NOWHERE,
    Assignment,
    Bound,
    Matrix,
    Policy,
    Rule,
    Sla,
    Source,
    Spot,
    Term,
    Test,
    TestStep,
)
from tieline.sync.policy.parse import Reader, first_places
from tieline.sync.policy.public_holidays import holidays_of

if TYPE_CHECKING:
    from tieline.sync.links.rules import LinkPolicy

A_MONDAY: Final = datetime(2026, 1, 5, 10, tzinfo=UTC)
"""When tests take place that do not say when."""
Rows = Sequence[Sequence[str | None]]
"""Priorities by impact (rows) and urgency (columns)."""
LEVELS: Final = ("1", "2", "3")


@dataclass(frozen=True)
class Piece:
    """The tables of one file, how to find a place in it, and where its faults are noted."""

    tables: PolicyFile
    spot: Callable[[Path], Spot]
    problems: list[Problem]


def build(
    pieces: Iterable[Piece], mirrored: Mapping[str, Kind], stock: Rows = (), spot: Spot = NOWHERE
) -> Policy:
    """The policy of all files together, in their order. Faults are added to the pieces' `problems`.

    `stock` is the matrix of the configuration, and where that stands: a policy without its own has that one.
    """
    pieces = list(pieces)
    own: dict[str, Kind] = {n: k for n, k in mirrored.items() if n not in CANONICAL}
    for piece in pieces:
        own |= _own_fields(piece, mirrored)
    makers = [_Maker(piece, Reader({**CANONICAL, **own}, piece.problems)) for piece in pieces]
    vocabulary: dict[str, tuple[Term, ...]] = {}
    for maker in makers:
        for name, terms in maker.vocabulary().items():
            vocabulary[name] = vocabulary.get(name, ()) + terms
    calendars = [entry for maker in makers for entry in maker.calendars()]
    known = {calendar.name: calendar for calendar, _ in calendars}
    priority = _only(makers, "priority")
    own_matrix = priority is not None and (priority.says_matrix or not stock)
    major = _only(makers, "major")
    links = _only(makers, "links")
    return Policy(
        rules=(major.major() if major else ()) + tuple(r for m in makers for r in m.rules()),
        bounds=priority.bounds() if priority else (),
        matrix=priority.matrix(vocabulary) if priority and own_matrix else _matrix(stock, vocabulary, spot),
        vocabulary=MappingProxyType(vocabulary),
        own_fields=MappingProxyType(own),
        sources=MappingProxyType({n: s for piece in pieces for n, s in _sources(piece).items()}),
        calendars=MappingProxyType(known),
        calendar_spots=MappingProxyType({c.name: spot for c, spot in calendars}),
        slas=tuple(sla for maker in makers for sla in maker.slas()),
        tests=tuple(test for maker in makers for test in maker.tests()),
        links=links.links() if links else None,
    )


def _own_fields(piece: Piece, mirrored: Mapping[str, Kind]) -> dict[str, Kind]:
    """The fields of a file's own, with what they hold."""
    found: dict[str, Kind] = {}
    for name, table in piece.tables.fields.items():
        if name in CANONICAL:
            continue
        kind = table.kind or mirrored.get(name)
        if kind is None:
            what, remedy = "does not say what it holds", "add kind: choice, text, set, time or flag"
            piece.problems.append(Problem(("fields", name), what, remedy))
        found[name] = kind or "choice"
    return found


def _sources(piece: Piece) -> dict[str, Source]:
    return {
        name: Source(table.servicenow or "", table.jira or "")
        for name, table in piece.tables.fields.items()
        if table.servicenow is not None or table.jira is not None
    }


def _only(makers: list[_Maker], key: str) -> _Maker | None:
    """The file that holds a table of which there can be one."""
    found = [maker for maker in makers if getattr(maker.tables, key) is not None]
    for maker in found[1:]:
        maker.reader.wrong((key,), "stands in another file as well", "keep it in one file")
    return found[0] if found else None


class _Maker:
    """Makes the parts of one file."""

    def __init__(self, piece: Piece, reader: Reader) -> None:
        self.tables = piece.tables
        self.spot = piece.spot
        self.reader = reader

    def vocabulary(self) -> dict[str, tuple[Term, ...]]:
        made: dict[str, tuple[Term, ...]] = {}
        for name, entries in self.tables.vocabulary.items():
            made[name] = tuple(
                _term(entry, self.spot(("vocabulary", name, number))) for number, entry in enumerate(entries)
            )
        return made

    def rules(self) -> Iterable[Rule]:
        return [self._rule(table, ("rule", number)) for number, table in enumerate(self.tables.rule)]

    def _rule(self, table: RuleTable, path: Path) -> Rule:
        when = self.reader.condition(table.when, (*path, "when"))
        values, orders = self.reader.assignments(table.then, (*path, "then"))
        strength = self._strength(table, path, values)
        if not table.then:
            self.reader.wrong((*path, "then"), "sets nothing", "say what such incidents get")
        spots = {
            f"when.{name}": self.spot(place)
            for name, place in reversed([*first_places(table.when, (*path, "when"))])
        }
        spots |= {f"then.{name}": self.spot((*path, "then", name)) for name in table.then}
        return Rule(
            id=table.id,
            when=when,
            sets=tuple(Assignment(n, v, strength(n)) for n, v in values.items()),
            orders=MappingProxyType(orders),
            about=table.about or "",
            before=frozenset(table.before or ()),
            spot=self.spot((*path, "id")),
            spots=MappingProxyType(spots),
        )

    def _strength(
        self, table: RuleTable, path: Path, values: Mapping[str, object]
    ) -> Callable[[str], Strength]:
        strength = table.strength
        if isinstance(strength, str):
            return lambda _name: strength
        for name in strength:
            if name != "default" and name not in values:
                self.reader.wrong(
                    (*path, "strength", name), "is not set by this rule", suggestion(name, values)
                )
        usual = strength.get("default", "until_touched")
        return lambda name: strength.get(name, usual)

    def bounds(self) -> tuple[Bound, ...]:
        priority = self._priority()
        return (
            *(self._bound(b, "floor", ("priority", "floor", n)) for n, b in enumerate(priority.floor)),
            *(self._bound(b, "ceiling", ("priority", "ceiling", n)) for n, b in enumerate(priority.ceiling)),
        )

    def _priority(self) -> PriorityTable:
        assert self.tables.priority is not None
        return self.tables.priority

    def _bound(self, table: BoundTable, kind: Any, path: Path) -> Bound:
        when = self.reader.condition(table.when, (*path, "when"))
        spot = self.spot((*path, "id"))
        if any(atom.field == "priority" for atom in atoms(when)):
            self.reader.wrong((*path, "when"), "asks the priority that it makes", "ask impact and urgency")
        return Bound(table.id, kind, when, table.priority, spot)

    @property
    def says_matrix(self) -> bool:
        """Whether the file has a matrix of its own."""
        return "matrix" in self._priority().model_fields_set

    def matrix(self, vocabulary: Mapping[str, tuple[Term, ...]]) -> Matrix:
        return _matrix(self._priority().matrix, vocabulary, self.spot(("priority", "matrix")))

    def calendars(self) -> list[tuple[Calendar, Spot]]:
        found = []
        for number, table in enumerate(self.tables.calendar):
            path: Path = ("calendar", number)
            found.append((self._calendar(table, path), self.spot((*path, "name"))))
        return found

    def _calendar(self, table: CalendarTable, path: Path) -> Calendar:
        zone, week = ZoneInfo("UTC"), parse_hours(())
        try:
            zone = ZoneInfo(table.time_zone)
        except (KeyError, ValueError, OSError):
            self.reader.wrong(
                (*path, "time_zone"), "is no time zone", "use a name such as Europe/Berlin", table.time_zone
            )
        try:
            week = parse_hours(table.hours)
        except ValueError as error:
            self.reader.wrong((*path, "hours"), f"cannot be used: {error}", 'write ["mon-fri 08:00-17:00"]')
        closed = frozenset(table.closed)
        if table.country is None:
            return Calendar(table.name, zone, week, closed)
        try:
            return Calendar(
                table.name, zone, week, _Closed(closed, holidays_of(table.country, table.subdivision))
            )
        except (KeyError, NotImplementedError):
            remedy = "use an ISO 3166 code such as DE, and a part of that country such as BE"
            self.reader.wrong((*path, "country"), "has no known holidays", remedy, table.country)
            return Calendar(table.name, zone, week, closed)

    def slas(self) -> list[Sla]:
        return [
            Sla(
                s.priority,
                s.respond,
                s.resolve,
                s.calendar or "",
                frozenset(s.pause_on),
                self.spot(("sla", n, "priority")),
            )
            for n, s in enumerate(self.tables.sla)
        ]

    def major(self) -> tuple[Rule, ...]:
        """The two rules of `[major]`: what makes one and keeps it one, and what ends it."""
        table: MajorTable | None = self.tables.major
        assert table is not None
        when = self.reader.condition(table.when, ("major", "when"))
        until = self.reader.condition(table.until, ("major", "until"))
        flag = Atom("major", "in", frozenset({"true"}))
        return (
            self._of_major(MAJOR, AllOf((when, Not(until))), table.then, ("major", "then"), True),
            self._of_major(
                MAJOR_ENDS, AllOf((flag, until)), table.afterwards, ("major", "afterwards"), False
            ),
        )

    def _of_major(
        self, id_: str, when: Condition, then: Mapping[str, Any], path: Path, is_major: bool
    ) -> Rule:
        values, orders = self.reader.assignments(then, path)
        sets = [Assignment(n, v, "until_touched") for n, v in values.items()]
        sets.append(Assignment("major", is_major, "always"))
        return Rule(
            id_, when, tuple(sets), MappingProxyType(orders), before=frozenset({"*"}), spot=self.spot(path)
        )

    def links(self) -> LinkPolicy:
        from tieline.sync.links.build import link_policy  # slow to import: only where links are spoken of

        assert self.tables.links is not None
        return link_policy(self.tables.links, self.reader, self.spot, A_MONDAY)

    def tests(self) -> list[Test]:
        return [self._test(table, ("test", number)) for number, table in enumerate(self.tables.test)]

    def _test(self, table: TestTable, path: Path) -> Test:
        now = A_MONDAY if table.now is None else table.now
        now = now.astimezone(UTC) if now.tzinfo else now.replace(tzinfo=UTC)
        cells = self.reader.cells
        steps = tuple(
            TestStep(
                s.by, s.after or timedelta(0), cells(s.set, (*path, "step", n, "set"), now),
                cells(s.expect, (*path, "step", n, "expect"), now), s.reasons, self.spot((*path, "step", n)),
            )
            for n, s in enumerate(table.step)
        )  # fmt: skip
        return Test(
            table.name, cells(table.given, (*path, "given"), now), frozenset(table.touched), table.fresh, now,
            cells(table.expect, (*path, "expect"), now), table.reasons, steps, self.spot((*path, "name")),
        )  # fmt: skip


def _matrix(given: Rows, vocabulary: Mapping[str, tuple[Term, ...]], spot: Spot) -> Matrix:
    if not given:
        return Matrix()
    impacts = _names(vocabulary, "impact", LEVELS)
    urgencies = _names(vocabulary, "urgency", LEVELS)
    rows = tuple(tuple(cell or "" for cell in row) for row in given)
    cells = {
        (impact, urgency): priority
        for impact, row in zip(impacts, rows, strict=False)
        for urgency, priority in zip(urgencies, row, strict=False)
        if priority
    }
    priorities = _names(vocabulary, "priority", tuple(sorted(set(cells.values()))))
    return Matrix(impacts, urgencies, priorities, MappingProxyType(cells), rows, spot)


@dataclass(frozen=True)
class _Closed:
    """Days on which a calendar is closed: those named, and public holidays."""

    named: frozenset[Any]
    public: Any

    def __contains__(self, day: object) -> bool:
        return day in self.named or day in self.public


def _term(entry: Entry, spot: Spot) -> Term:
    usual = (entry.name,)
    return Term(
        entry.name, entry.servicenow or usual, entry.jira or usual, entry.of or (), entry.lossy or "", spot
    )


def _names(vocabulary: Mapping[str, tuple[Term, ...]], name: str, usual: tuple[str, ...]) -> tuple[str, ...]:
    terms = vocabulary.get(name)
    return usual if terms is None else tuple(term.name for term in terms)
