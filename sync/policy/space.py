"""A finite abstraction of all incidents: what clauses admit as boxes, and whether some boxes cover another.

Every field is split into cells that no condition can tell apart: values that are named, an age that is beyond
a threshold or not, a word that is or is not in a text. A clause admits some cells of each dimension: a box.
Whether a union of boxes covers a box is decided exactly, by subtraction; whether a piece that is left over
exists at all is shown by making an incident of it and asking the plain reading (`Space.example`).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Final

from tieline.sync.policy.clauses import Clause
from tieline.sync.policy.conditions import Atom, Moment, atom_holds
from tieline.sync.policy.fields import ALWAYS_FILLED, Cell, Kind, Record, Said
from tieline.sync.policy.model import Policy
from tieline.sync.policy.samples import sample_of

Dimension = tuple[str, str]
"""(field, what of it): "value" for its cells, an atom's text for one that is true or false."""
Box = Mapping[Dimension, int]
"""Cells admitted in each dimension, as masks; a dimension that is left out admits all of its cells."""

MAX_BOXES: Final = 4_000
"""Pieces looked at for one question; beyond, it is undecided."""
MAX_EXAMPLES: Final = 24
"""Pieces that are left over of which an incident is tried to be made, before it is undecided."""
TRUE: Final = 1
FALSE: Final = 2
NOW: Final = datetime(2026, 1, 5, 10, tzinfo=UTC)
A_BIT: Final = timedelta(seconds=1)
LONG_AGO: Final = timedelta(days=400)


class Undecided(Exception):
    """The question is too large, or what is left over could not be shown to exist."""


@dataclass(slots=True)
class Space:
    """The dimensions that some conditions make, and the cells of each."""

    policy: Policy
    cells: dict[Dimension, tuple[Cell, ...]] = field(default_factory=dict)
    """The values of a field's cells, by dimension."""
    atoms: dict[str, list[Atom]] = field(default_factory=lambda: defaultdict(list))
    implied: dict[tuple[Atom, bool], list[tuple[Atom, bool]]] = field(default_factory=dict)
    masks: dict[Atom, int] = field(default_factory=dict)
    steps: int = 0

    @classmethod
    def of(cls, policy: Policy, clauses: Iterable[Clause]) -> Space:
        """The space of everything that these clauses ask."""
        space = cls(policy)
        for atom in dict.fromkeys(atom for clause in clauses for atom, _ in clause):
            space.atoms[atom.field].append(atom)
        for name, found in space.atoms.items():
            if space.is_finite(name):
                space.cells[name, "value"] = space._values(name, found)
            else:
                space._relate(name, found)
        return space

    def kind(self, name: str) -> Kind:
        """What a field holds; a choice where it is not known."""
        return self.policy.kind(name) or "choice"

    def is_finite(self, name: str) -> bool:
        """Whether a field is split by its values: flags, and choices of which only values are asked."""
        kind = self.kind(name)
        if kind == "flag":
            return True
        if kind == "choice":
            closed = self.policy.names(name) is not None
            return closed or all(atom.operator in ("in", "empty") for atom in self.atoms[name])
        return False

    def _values(self, name: str, found: Sequence[Atom]) -> tuple[Cell, ...]:
        """The cells: values of the vocabulary, or those named and one that nobody names; and none."""
        if self.kind(name) == "flag":
            return (True, None)
        names = self.policy.names(name)
        if names is None:
            mentioned = {
                word for atom in found if isinstance(atom.argument, frozenset) for word in atom.argument
            }
            other = next(
                w for w in (f"other{n or ''}" for n in range(len(mentioned) + 1)) if w not in mentioned
            )
            names = frozenset({*mentioned, other})
        values: tuple[Cell, ...] = tuple(sorted(names))
        return values if name in ALWAYS_FILLED else (*values, None)

    def _relate(self, name: str, found: Sequence[Atom]) -> None:
        """What one atom of a field says about another: `contains "vpn client"` holds `contains "vpn"` too.

        Of several texts each may answer another question: only silence excludes anything.
        """
        one_text = self.kind(name) != "texts"
        for one in found:
            for two in found:
                if one is not two and _implies(one, two):
                    self.implied.setdefault((one, True), []).append((two, True))
                    self.implied.setdefault((two, False), []).append((one, False))
                elif (
                    one is not two
                    and (one_text or "empty" in (one.operator, two.operator))
                    and (_excludes(one, two))
                ):
                    self.implied.setdefault((one, True), []).append((two, False))

    def box(self, clause: Clause) -> dict[Dimension, int] | None:
        """What a clause admits; None if that is nothing."""
        box: dict[Dimension, int] = {}
        for atom, positive in clause:
            if self.is_finite(atom.field):
                key = (atom.field, "value")
                mask = self._mask(atom, self.cells[key], positive)
                box[key] = box.get(key, (1 << len(self.cells[key])) - 1) & mask
                if not box[key]:
                    return None
            elif not self._assume(box, atom, positive):
                return None
        return box

    def _mask(self, atom: Atom, values: Sequence[Cell], positive: bool) -> int:
        """The cells in which an atom holds, or does not."""
        if atom not in self.masks:
            self.masks[atom] = self._held(atom, values)
        everything = (1 << len(values)) - 1
        return self.masks[atom] if positive else everything & ~self.masks[atom]

    def _held(self, atom: Atom, values: Sequence[Cell]) -> int:
        if (
            atom.operator == "in"
            and self.kind(atom.field) == "choice"
            and isinstance(atom.argument, frozenset)
        ):
            places = {value: number for number, value in enumerate(values)}
            return sum(1 << places[word] for word in atom.argument if word in places)
        return sum(1 << number for number, value in enumerate(values) if atom_holds(atom, value, None))

    def _assume(self, box: dict[Dimension, int], atom: Atom, positive: bool) -> bool:
        """Narrow a box to where an atom holds (or not), with all that follows; False if nothing is left."""
        pending = [(atom, positive)]
        while pending:
            at, holds = pending.pop()
            key, mask = (at.field, str(at)), TRUE if holds else FALSE
            if box.get(key) == mask:
                continue
            if key in box:
                return False
            box[key] = mask
            self.cells.setdefault(key, (at.field, at.field))
            pending += self.implied.get((at, holds), ())
        return True

    def full(self, dimension: Dimension) -> int:
        """All cells of a dimension."""
        return TRUE | FALSE if dimension[1] != "value" else (1 << len(self.cells[dimension])) - 1

    def meet(self, one: Box, two: Box) -> dict[Dimension, int] | None:
        """What both admit; None if that is nothing."""
        met = dict(one)
        for key, mask in two.items():
            left = met.get(key, mask) & mask
            if not left:
                return None
            met[key] = left
        return self._closed(met)

    def _closed(self, box: dict[Dimension, int]) -> dict[Dimension, int] | None:
        """With what follows from single atoms; None if that contradicts."""
        if not self.implied:
            return box
        for name, found in self.atoms.items():
            if self.is_finite(name):
                continue
            for atom in found:
                mask = box.get((name, str(atom)))
                if mask is None:
                    continue
                for two, holds in self.implied.get((atom, mask == TRUE), ()):
                    wanted, key = TRUE if holds else FALSE, (name, str(two))
                    if box.get(key, wanted) != wanted:
                        return None
        return box

    def uncovered(self, box: Box, others: Sequence[Box]) -> Iterator[dict[Dimension, int]]:
        """Pieces of `box` that none of `others` covers. Raises Undecided beyond MAX_BOXES pieces."""
        self.steps = 0
        yield from self._subtract(dict(box), list(others))

    def _subtract(self, box: dict[Dimension, int], others: Sequence[Box]) -> Iterator[dict[Dimension, int]]:
        self.steps += 1
        if self.steps > MAX_BOXES:
            raise Undecided(f"more than {MAX_BOXES} cases")
        touching = [other for other in others if self.meet(box, other) is not None]
        if not touching:
            yield box
            return
        cutter = min(touching, key=lambda other: len(self._open(box, other)))
        rest = [other for other in touching if other is not cutter]
        inside = dict(box)
        for key in self._open(box, cutter):
            outside = inside.get(key, self.full(key)) & ~cutter[key]
            if outside:
                piece = {**inside, key: outside}
                if self._closed(piece) is not None:
                    yield from self._subtract(piece, rest)
            inside[key] = inside.get(key, self.full(key)) & cutter[key]

    def _open(self, box: Box, other: Box) -> list[Dimension]:
        """The dimensions in which `box` reaches out of `other`."""
        return [key for key, mask in other.items() if box.get(key, self.full(key)) & ~mask]

    def example(self, box: Box, accepts: Callable[[Record, Moment], bool]) -> Record | None:
        """An incident of a box that `accepts` takes: proof that there is one. None if none was made."""
        for record, now in self._candidates(box):
            moment = Moment(now, self.policy.calendars)
            if accepts(record, moment):
                return {**record, "now": now} if "now" in self.atoms else record
        return None

    def _candidates(self, box: Box) -> Iterator[tuple[Record, datetime]]:
        fixed: dict[str, Cell] = {}
        wishes: dict[str, list[tuple[Atom, bool]]] = {name: [] for name in self.atoms}
        for name, found in self.atoms.items():
            if self.is_finite(name):
                mask = box.get((name, "value"), self.full((name, "value")))
                fixed[name] = self.cells[name, "value"][(mask & -mask).bit_length() - 1]
                usual = None if name not in ALWAYS_FILLED else fixed[name]
                if (
                    usual is None and mask >> self.cells[name, "value"].index(None) & 1
                    if None in self.cells[name, "value"]
                    else False
                ):
                    fixed[name] = None
                continue
            wishes[name] = [(a, m == TRUE) for a in found if (m := box.get((name, str(a)))) in (TRUE, FALSE)]
        for now in _nows(wishes.get("now", ()), self.policy):
            record = dict(fixed)
            for name, wanted in wishes.items():
                if name != "now" and name not in fixed:
                    moment = Moment(now, self.policy.calendars)
                    record[name] = _wish(self.kind(name), wanted, moment)
            yield {n: v for n, v in record.items() if v is not None}, now


def _implies(one: Atom, two: Atom) -> bool:
    """Whether `one` holding means that `two` holds, of the same field; False where that is not known."""
    argument: object = one.argument
    match one.operator, two.operator:
        case ("contains", "contains") | ("starts_with", "contains"):
            return str(two.argument) in str(argument)
        case "starts_with", "starts_with":
            return str(argument).startswith(str(two.argument))
        case "in", _ if isinstance(argument, frozenset) and two.operator not in (
            "before",
            "after",
            "older_than",
        ):
            return all(atom_holds(two, word, None) for word in argument)
        case "before", "before":
            return (
                isinstance(argument, datetime)
                and isinstance(two.argument, datetime)
                and argument <= two.argument
            )
        case "after", "after":
            return (
                isinstance(argument, datetime)
                and isinstance(two.argument, datetime)
                and argument >= two.argument
            )
        case "older_than", "older_than" if one.calendar == two.calendar:
            return (
                isinstance(argument, timedelta)
                and isinstance(two.argument, timedelta)
                and argument >= two.argument
            )
        case _:
            return False


def _excludes(one: Atom, two: Atom) -> bool:
    """Whether two atoms of a field can never both hold."""
    match one.operator, two.operator:
        case "empty", other:
            return other != "empty"
        case _, "empty":
            return True
        case "in", _ if isinstance(one.argument, frozenset) and two.operator in (
            "in",
            "contains",
            "starts_with",
            "matches",
        ):
            return not any(atom_holds(two, word, None) for word in one.argument)
        case "starts_with", "starts_with":
            long, short = sorted((str(one.argument), str(two.argument)), key=len, reverse=True)
            return not long.startswith(short)
        case "before", "after":
            return _apart(one.argument, two.argument)
        case "after", "before":
            return _apart(two.argument, one.argument)
        case _:
            return False


def _apart(before: object, after: object) -> bool:
    return (
        isinstance(before, datetime)
        and isinstance(after, datetime)
        and after >= before - timedelta(microseconds=1)
    )


Wishes = Sequence[tuple[Atom, bool]]


def _wish(kind: Kind, wanted: Wishes, moment: Moment) -> Cell:
    """A value that meets most wishes; whether it meets all is for others to ask."""
    match kind:
        case "set":
            return frozenset(str(a.argument) for a, yes in wanted if yes and a.operator == "has") or (
                frozenset({"other"}) if any(a.operator == "empty" and not yes for a, yes in wanted) else None
            )
        case "time":
            return _time_wish(wanted, moment)
        case "texts":
            texts = [
                _text_wish([(atom, holds)]) for atom, holds in wanted if holds == (atom.operator != "empty")
            ]
            return Said(frozenset(text for text in texts if text)) or None
        case _:
            return _text_wish(wanted)


def _text_wish(wanted: Wishes) -> str | None:
    yes = [atom for atom, holds in wanted if holds]
    for atom in yes:
        if atom.operator == "in" and isinstance(atom.argument, frozenset):
            fits = [w for w in sorted(atom.argument) if all(atom_holds(a, w, None) == h for a, h in wanted)]
            return fits[0] if fits else sorted(atom.argument)[0]
    start = max((str(a.argument) for a in yes if a.operator == "starts_with"), key=len, default="")
    words = [str(a.argument) for a in yes if a.operator == "contains"]
    words += [
        sample for a in yes if a.operator == "matches" for sample in [sample_of(str(a.argument))] if sample
    ]
    outer = [w for w in dict.fromkeys(words) if not any(w != other and w in other for other in words)]
    text = " | ".join([start, *(w for w in outer if w not in start)] if start else outer)
    wants_some = any(atom.operator == "empty" and not holds for atom, holds in wanted)
    return text or ("~" if wants_some else None)


def _time_wish(wanted: Wishes, moment: Moment) -> datetime | None:
    if not any(holds for atom, holds in wanted if atom.operator != "empty"):
        filled = any(atom.operator == "empty" and not holds for atom, holds in wanted)
        if not filled:
            return None
    for value in _times([atom for atom, _ in wanted], moment):
        if all(atom_holds(atom, value, moment) == holds for atom, holds in wanted):
            return value
    return moment.now


def _times(found: Sequence[Atom], moment: Moment) -> Iterator[datetime]:
    """Moments on both sides of every threshold, and spread over two weeks for business hours."""
    yield moment.now
    for atom in found:
        argument = atom.argument
        if isinstance(argument, datetime):
            yield from (argument - A_BIT, argument, argument + A_BIT)
        elif isinstance(argument, timedelta):
            yield from (moment.now - argument - A_BIT, moment.now - argument, moment.now - argument + A_BIT)
            yield from (moment.now - argument * 2 - timedelta(days=n) for n in (1, 4, 10))
    if any(atom.calendar for atom in found):
        yield from (moment.now - timedelta(hours=3 * n) for n in range(1, 113))
    yield moment.now - LONG_AGO


def _nows(wanted: Wishes, policy: Policy) -> Iterator[datetime]:
    if not wanted:
        yield NOW
        return
    moment = Moment(NOW, policy.calendars)
    for value in _times([atom for atom, _ in wanted], moment):
        if all(atom_holds(atom, value, moment) == holds for atom, holds in wanted):
            yield value
            return
