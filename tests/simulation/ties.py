"""Relations in the simulated world: people tie and untie records on both sides, and P1 to P4 are judged.

A run has relations only if its scenario says so (`with_ties`): all other seeds stay what they are. What is
judged here is known from the two sides alone: what stood when, and whether a person or the engine did it.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields, replace
from datetime import datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from tests.simulation.scenario import Scenario, Traits
from tests.simulation.world import Who
from tieline.connectors.base import (
    SIDES,
    Affected,
    Applied,
    Page,
    Race,
    Ref,
    Relate,
    Search,
    Side,
    Target,
    Tie,
    Unrelate,
)
from tieline.connectors.errors import ConnectorError, Gone, Rejected, Unavailable
from tieline.connectors.memory_ties import MemoryTies

if TYPE_CHECKING:
    from tests.simulation.people import People
    from tests.simulation.sides import HostileSide, Row

PROBLEMS: Final = 3
COLUMN: Final = {"parent": "parent_incident", "problem": "problem_id", "duplicate": "u_duplicate_of"}
TYPE: Final = {"parent": "Parent", "problem": "Problem/Incident", "duplicate": "Duplicate"}
OUTWARD: Final = frozenset({"duplicate"})
"""Relations whose link reads from the incident to its target."""
AFFECTED: Final = "affected"
ITEMS: Final = 4
REACH: Final = timedelta(minutes=2)
"""How far back the feed of affected items reaches again."""
AMBUSHED: Final = 0.15
"""How often a person does in Jira just what the engine does, in the same moment."""


@dataclass(frozen=True, slots=True)
class Tying:
    """A person ties a record `at` seconds after the start, or (`off`) takes a tie of it away.

    `incident` and `target` count incidents in the order in which people raised them.
    """

    at: float
    incident: int
    side: Side
    n: int
    relation: str
    target: int
    off: bool = False


@dataclass(frozen=True, slots=True)
class TiedTraits(Traits):
    """Traits of a run with relations: `ties` is the rule for a clash of theirs; `affected`: of items."""

    ties: str = "hold"
    affected: bool = False


@dataclass(frozen=True, slots=True)
class Tied(Scenario):
    """A scenario with people who tie records to each other."""

    tyings: tuple[Tying, ...] = ()


def settings(traits: Traits) -> str:
    """The relations as they are configured; evidence is not looked for. Nothing without relations."""
    if not isinstance(traits, TiedTraits):
        return ""
    clash = traits.ties
    return f"""
[links]
look = false
affected = {str(traits.affected).lower()}
[[links.type]]
relation = "parent"
jira = "Parent"
clash = "{clash}"
[[links.type]]
relation = "problem"
jira = "Problem/Incident"
[[links.type]]
relation = "duplicate"
servicenow = "u_duplicate_of"
jira = "Duplicate"
reads = "outward"
clash = "{clash}"
"""


def with_ties(scenario: Scenario) -> Tied:
    """The same scenario with people who tie its incidents, some of them when all else is quiet already."""
    chance = random.Random(f"ties {scenario.seed}")
    span = sum(scenario.gaps)
    incidents = 1 + max((deed.incident for deed in scenario.deeds), default=0)
    many = chance.choice((20, 50, 90))
    moments = [chance.uniform(0, span) for _ in range(many)]
    moments += [span + 1400 + chance.uniform(0, 250) for _ in range(6)]
    tyings = [
        Tying(
            at, chance.randrange(incidents), chance.choice(SIDES), n, chance.choice(tuple(COLUMN)),
            chance.randrange(incidents), chance.random() < 0.4,
        )
        for n, at in enumerate(sorted(moments))
    ]  # fmt: skip
    traits = TiedTraits(**_parts(scenario.traits), ties=chance.choice(("hold", "hold", "servicenow", "jira")))
    return Tied(**{**_parts(scenario), "traits": traits}, tyings=tuple(tyings))


def with_affected(scenario: Scenario) -> Tied:
    """The same, with people who put items on the lists of incidents, and take off what they see."""
    tied = with_ties(scenario)
    chance = random.Random(f"affected {scenario.seed}")
    span, incidents = sum(scenario.gaps), 1 + max((deed.incident for deed in scenario.deeds), default=0)
    moments = [chance.uniform(0, span) for _ in range(chance.choice((20, 40, 60)))]
    moments += [span + 1400 + chance.uniform(0, 250) for _ in range(4)]
    tyings = []
    for n, at in enumerate(sorted(moments)):
        off = chance.random() < 0.45
        side: Side = "jira" if off and chance.random() < 0.5 else "servicenow"
        tyings.append(Tying(at, chance.randrange(incidents), side, n, AFFECTED, chance.randrange(ITEMS), off))
    assert isinstance(tied.traits, TiedTraits)
    traits = replace(tied.traits, affected=True)
    return replace(tied, traits=traits, tyings=tuple(sorted((*tied.tyings, *tyings), key=lambda t: t.at)))


def _parts(of: Scenario | Traits) -> dict[str, Any]:
    return {each.name: getattr(of, each.name) for each in fields(of)}


def schedule(scenario: Scenario, people: People) -> None:
    """Let people tie and untie when the time comes."""
    for tying in scenario.tyings if isinstance(scenario, Tied) else ():
        room = people.sides[tying.side].ties
        people.world.at(tying.at, partial(room.do, people, tying))


Triple = tuple[str, str, str]
"""A relation, the record that has it, and its target, by the ids of one side."""


@dataclass(frozen=True, slots=True)
class Happened:
    """A tie came to stand, or ceased to, on one side. `how` tells a link from a remote one and a column."""

    seq: int
    at: datetime
    side: Side
    who: Who
    triple: Triple
    made: bool
    how: str


class TieRoom:
    """The relations of one hostile side, and everything that ever happened to them."""

    def __init__(self, side: HostileSide) -> None:
        self.side = side
        self.ties = MemoryTies(side.side)
        self.ties.told = isinstance(side.world.scenario, Tied)
        self.log: list[Happened] = []
        if side.side == "servicenow":
            for n in range(PROBLEMS):
                self.ties.add("problem", f"{n:032x}".replace("0", "b", 1), f"PRB{n:07d}")
            ids = [f"{n:032x}".replace("0", "c", 1) for n in range(ITEMS)]
            self.items = [self.ties.add("ci", id_, f"db{n}") for n, id_ in enumerate(ids)]

    # What stands.

    def standing(self) -> Counter[tuple[str, Triple]]:
        """Every tie with how it is shown, as often as it stands."""
        found: Counter[tuple[str, Triple]] = Counter()
        for row, held in self.ties.columns.items():
            found.update(("column", (_relation(COLUMN, name), row, ref.id)) for name, ref in held.items())
        for row, listed in self.ties.items.items():
            found.update(("listed", (AFFECTED, row, ref.id)) for ref in listed)
        for source, name, far in self.ties.issue_links.values():
            relation = _relation(TYPE, name)
            ends = (source, far) if relation in OUTWARD else (far, source)
            found[("link", (relation, *ends))] += 1
        for row, shown in self.ties.remote.items():
            for id_ in shown:
                _, relation, target = id_.split(":")
                found[("remote", (relation, row, target))] += 1
        return found

    def shown(self, row: Row) -> tuple[Tie, ...] | None:
        """What a record shows; links to what is hidden from us are not there."""
        told = self.ties.shown(row.id, {each.id: each.label for each in self.side.rows.values()})
        if told is None or self.side.side == "servicenow":
            return told
        return tuple(tie for tie in told if self._is_seen(tie.target.id))

    def _is_seen(self, id_: str) -> bool:
        row = self.side.rows.get(id_)
        return row is not None and row.visible

    # What people do.

    def do(self, people: People, tying: Tying) -> None:
        """A person ties a record to another, or takes away what stands."""
        row = people.row_of(tying.incident, self.side.side)
        if row is None or not row.visible or row.sour:
            return
        before = self.standing()
        if tying.relation == AFFECTED and self.side.side == "servicenow":
            rows = self._list(row, tying)
        else:
            rows = self._take_off(row, tying) if tying.off else self._put_on(people, row, tying)
        if rows or self.standing() != before:
            self._happened(before, "person", rows)
            self.side.world.reach[f"tying {'off' if tying.off else 'on'} at {self.side.side}"] += 1

    def _put_on(self, people: People, row: Row, tying: Tying) -> list[Row]:
        far = people.row_of(tying.target, self.side.side)
        if self.side.side == "servicenow" and tying.relation == "problem":
            target = list(self.ties.known.values())[tying.n % PROBLEMS].ref
            self.ties.set(row.id, COLUMN["problem"], target)
            return [row]
        if far is None or far is row or not far.visible:
            return []
        if self.side.side == "servicenow":
            self.ties.set(row.id, COLUMN[tying.relation], Ref("servicenow", far.id, "incident"))
            return [row]
        ends = (row.id, far.id) if tying.relation in OUTWARD else (far.id, row.id)
        if (ends[0], TYPE[tying.relation], ends[1]) in self.ties.issue_links.values():
            return []  # Jira's own screens refuse a link that is there already
        self.ties.link(ends[0], TYPE[tying.relation], ends[1])
        return [row, far]

    def _list(self, row: Row, tying: Tying) -> list[Row]:
        """An item is put on the list, which the incident does not tell; or taken off, and it is edited."""
        listed, item = self.ties.items.get(row.id, {}), self.items[tying.target]
        if not tying.off:
            if item not in listed:
                self.ties.affect(row.id, item, self.side.world.now())
            return []
        gone = sorted(listed)[tying.n % len(listed)] if listed else item
        self.ties.unaffect(row.id, gone)
        return [row] if listed else []

    def _take_off(self, row: Row, tying: Tying) -> list[Row]:
        if self.side.side == "servicenow":
            held = COLUMN[tying.relation] in self.ties.columns.get(row.id, {})
            self.ties.set(row.id, COLUMN[tying.relation], None)
            return [row] if held else []
        links = [
            (id_, ends) for id_, ends in self.ties.issue_links.items()
            if ends[1] == TYPE.get(tying.relation) and ends[0 if tying.relation in OUTWARD else 2] == row.id
        ]  # fmt: skip
        remote = [id_ for id_ in self.ties.remote.get(row.id, ()) if f":{tying.relation}:" in id_]
        if links:
            id_, ends = links[tying.n % len(links)]
            self.ties.unlink(id_)
            return [self.side.rows[end] for end in (ends[0], ends[2])]
        if remote:
            del self.ties.remote[row.id][remote[0]]
        return [row] if remote else []

    def _happened(self, before: Counter[tuple[str, Triple]], who: Who, rows: Sequence[Row]) -> None:
        """Remember what came and went, and let the records count as changed."""
        world, after = self.side.world, self.standing()
        for made, moved in ((False, before - after), (True, after - before)):
            for how, triple in moved.elements():
                seq = world.next_seq()
                self.log.append(Happened(seq, world.now(), self.side.side, who, triple, made, how))
                world.tell(f"{who} at {self.side.side}: {how} {triple} {'made' if made else 'taken away'}")
        for row in rows:
            if not row.deleted:
                self.side.touch(row, who)

    # The port.

    def take(self, row: Row, action: Relate | Unrelate) -> Applied | ConnectorError:
        """Carry out a write; the same link may be made again."""
        ends = [row]
        if self.side.side == "jira" and not action.global_id:
            if isinstance(action, Relate) and not self._is_seen(action.target.id):
                return Rejected(f"Jira shows no such issue: {action.target.id}", {action.name: "not there"})
            ends += [self.side.rows[action.target.id]] if self._is_seen(action.target.id) else []
        self._ambush(action, ends)
        before, last = self.standing(), (row.updated, row.updated_by, row.mod_count)
        outcome = self.ties.write(action)
        if isinstance(outcome, Rejected):
            return outcome
        moved = self.standing() != before
        self._happened(before, "tieline", ends if moved else [])
        if self.side.side == "jira":
            return Applied(action.ref, made=outcome)
        seen = action.seen.token.partition("@")[0]
        alone = last[2] <= int(seen) if seen else None
        races = () if alone is not False else (Race("", None, False, last[0], _not_us(last[1])),)
        return Applied(action.ref, self.side.record(row), alone, races)

    def _ambush(self, action: Relate | Unrelate, rows: Sequence[Row]) -> None:
        """A person's script makes the very link, or takes it away, in the moment in which the engine does."""
        world = self.side.world
        if self.side.side == "servicenow" or action.global_id or not world.armed:
            return
        if world.chance.random() > AMBUSHED:
            return
        before = self.standing()
        ends = (action.ref.id, action.target.id)
        source, far = ends if action.outward else ends[::-1]
        if isinstance(action, Relate) and (source, action.name, far) not in self.ties.issue_links.values():
            self.ties.link(source, action.name, far)
        elif isinstance(action, Unrelate):
            self.ties.unlink(action.id)
        if self.standing() != before:
            self._happened(before, "person", rows)
            world.reach[f"tying at the same time: {type(action).__name__}"] += 1

    def remote_ties(self, refs: Sequence[Ref]) -> list[frozenset[str] | ConnectorError]:
        """The global ids of each record's remote links."""
        found: list[frozenset[str] | ConnectorError] = []
        for ref in refs:
            fault = self.side._read("remote", half=True)
            if fault == "half":
                found.append(Unavailable("left out of the answer"))
            elif not self._is_seen(ref.id):
                found.append(Gone(f"{ref} is not shown"))
            else:
                found.append(self.ties.remote_of(ref.id))
            self.side.world.answered()
        return found

    def targets(self, kind: str, keys: Sequence[str]) -> list[Target]:
        """Problems that are known, and records that can be seen."""
        self.side._read("targets")
        self.side.world.answered()
        if kind not in ("incident", "issue"):
            return self.ties.find(kind, keys)
        rows = [row for row in self.side.rows.values() if row.visible and {row.id, row.label} & set(keys)]
        url = f"https://{self.side.side}/"
        return [Target(Ref(self.side.side, r.id, kind), r.label, url=url + r.label) for r in rows]

    def affected(self, refs: Sequence[Ref]) -> list[Affected]:
        """The items that people put on these records' lists."""
        self.side._read("affected")
        self.side.world.answered()
        return [self.ties.items_of(ref.id) for ref in refs]

    def affecting(self, cursor: str | None, start: datetime) -> Iterator[Page]:
        """The records that got an item, from a little before where it was read to."""
        self.side._read("affecting")
        self.side.world.answered()
        since = start if cursor is None else datetime.fromisoformat(cursor) - REACH
        yield Page(self.ties.affecting(since), self.side.world.now().isoformat())

    def seek(self, search: Search) -> list[Target]:
        """Nobody looks for evidence here."""
        return []

    def depends_on(self, cis: Sequence[str]) -> dict[str, frozenset[str]]:
        """Nothing."""
        return {}


def _relation(names: dict[str, str], name: str) -> str:
    return next(relation for relation, each in names.items() if each == name)


def _not_us(by: str) -> str:
    return "" if by == "tieline" else by
