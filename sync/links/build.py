"""Makes the rules about links of the tables that stand in a policy; what is wrong with them is noted."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

from tieline.sync.config.faults import Path
from tieline.sync.config.policy import ClosureTable, LinkRuleTable, LinksTable, LinkTestTable
from tieline.sync.links.evidence import Windows
from tieline.sync.links.rules import (
    USUAL_CLOSURE,
    USUAL_RULES,
    ClosureRule,
    Given,
    LinkPolicy,
    LinkRule,
    LinkTest,
)
from tieline.sync.policy.model import Spot
from tieline.sync.policy.parse import Reader


def link_policy(table: LinksTable, reader: Reader, spot: Callable[[Path], Spot], now: datetime) -> LinkPolicy:
    """The rules of `[links]`. `now` is when tests take place that do not say when."""
    own = [_rule(entry, reader, spot, ("links", "rule", n)) for n, entry in enumerate(table.rule)]
    closure = [
        _closure(entry, reader, spot, ("links", "closure", n)) for n, entry in enumerate(table.closure or ())
    ]
    tests = [_test(entry, reader, spot, ("links", "test", n), now) for n, entry in enumerate(table.test)]
    return LinkPolicy(
        rules=(*own, *(USUAL_RULES if table.usual else ())),
        own=len(own),
        closure=USUAL_CLOSURE if table.closure is None else tuple(closure),
        own_closure=len(closure),
        tests=tuple(tests),
        digits=table.digits,
        projects=frozenset(key.upper() for key in table.projects),
        windows=Windows(table.caused_within, table.cured_within),
    )


def _rule(entry: LinkRuleTable, reader: Reader, spot: Callable[[Path], Spot], path: Path) -> LinkRule:
    return LinkRule(
        id=entry.id,
        then=entry.then,
        when=reader.condition(entry.when, (*path, "when")),
        evidence=frozenset(entry.evidence),
        relations=frozenset(entry.relation),
        at_least=entry.at_least,
        about=entry.about or "",
        spot=spot((*path, "id")),
    )


def _closure(entry: ClosureTable, reader: Reader, spot: Callable[[Path], Spot], path: Path) -> ClosureRule:
    return ClosureRule(
        id=entry.id,
        needs=frozenset(entry.needs),
        when=reader.condition(entry.when, (*path, "when")),
        alike=entry.alike,
        within=entry.within,
        note=entry.note or "",
        label=entry.label or "",
        hold=entry.hold,
        problem=entry.problem or "",
        about=entry.about or "",
        spot=spot((*path, "id")),
    )


def _test(
    entry: LinkTestTable, reader: Reader, spot: Callable[[Path], Spot], path: Path, usual: datetime
) -> LinkTest:
    now = entry.now or usual
    now = now.astimezone(UTC) if now.tzinfo else now.replace(tzinfo=UTC)
    if entry.expect is None and entry.missing is None:
        reader.wrong(path, "expects nothing", 'say what: expect = "propose", or missing = []')
    return LinkTest(
        name=entry.name,
        given=reader.cells(entry.given, (*path, "given"), now),
        relation=entry.relation,
        evidence=tuple(Given(given.kind, given.weight) for given in entry.evidence),
        has=frozenset(entry.has),
        alike=entry.alike,
        now=now,
        expect=entry.expect,
        missing=None if entry.missing is None else frozenset(entry.missing),
        rule=entry.rule,
        spot=spot((*path, "name")),
    )
