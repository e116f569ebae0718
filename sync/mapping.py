"""The shared vocabulary: which own-side values mean the same, and what to write for the other side's value.

A unit is one mirrored field, or several that are one. It classifies each side's values into a Class (what
the other side cannot tell apart) and encodes one side's values for the other. Nothing here decides who wins.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Final, Literal

from tieline.connectors.base import Side, Value, Values, other
from tieline.connectors.richtext import canonical_text

Direction = Literal["both", "to_jira", "to_servicenow"]
ClashRule = Literal["newest", "servicenow", "jira", "hold"]
TieRule = Literal["servicenow", "jira", "hold"]
EntityKind = Literal["person", "group"]

LINE_CUT: Final = "…"
TEXT_CUT: Final = "\n\n[… cut by Tieline: the full text stands in the other system]"
CLOSED_STATES: Final = frozenset({"6", "7"})
"""ServiceNow incident states whose data policy wants a close code and close notes: Resolved and Closed."""


@dataclass(frozen=True, slots=True)
class Unmapped:
    """A value that cannot be carried over; `reason` says which and what to do. It is held, never guessed."""

    reason: str
    kind: Literal["unmapped", "cut"] = "unmapped"


@dataclass(frozen=True, slots=True)
class Directory:
    """Who is who: for each person or group met so far, the id on the other side (None: has none)."""

    partners: Mapping[tuple[Side, EntityKind, str], str | None] = field(
        default_factory=lambda: MappingProxyType({})
    )
    names: Mapping[tuple[Side, EntityKind, str], str] = field(default_factory=lambda: MappingProxyType({}))

    def partner(self, side: Side, kind: EntityKind, id_: str) -> str | None:
        """The id on the other side; None if there is none or nobody looked yet."""
        return self.partners.get((side, kind, id_))

    def knows(self, side: Side, kind: EntityKind, id_: str) -> bool:
        """Whether somebody looked whether there is a partner."""
        return (side, kind, id_) in self.partners

    def name(self, side: Side, kind: EntityKind, id_: str) -> str:
        """The name to show for an id, or the id."""
        return self.names.get((side, kind, id_), id_)


@dataclass(frozen=True, slots=True)
class Edge:
    """One line of a value map: any of these on one side means any of those on the other."""

    servicenow: tuple[str, ...]
    jira: tuple[str, ...]

    def of(self, side: Side) -> tuple[str, ...]:
        """The values of one side."""
        return self.servicenow if side == "servicenow" else self.jira


class ValueMap:
    """A value map as classes: the connected components of its edges. The first listed partner is written."""

    def __init__(self, edges: Iterable[Edge]) -> None:
        self._class: dict[tuple[Side, str], int] = {}
        self._partner: dict[tuple[Side, str], str] = {}
        self._members: dict[int, set[tuple[Side, str]]] = {}
        for number, edge in enumerate(edges):
            self._join(number, edge)

    def _join(self, number: int, edge: Edge) -> None:
        nodes: set[tuple[Side, str]] = {("servicenow", v) for v in edge.servicenow}
        nodes |= {("jira", v) for v in edge.jira}
        for met in {self._class[n] for n in nodes if n in self._class}:
            nodes |= self._members.pop(met)
        self._members[number] = nodes
        self._class.update(dict.fromkeys(nodes, number))
        for value in edge.servicenow:
            self._partner.setdefault(("servicenow", value), edge.jira[0])
        for value in edge.jira:
            self._partner.setdefault(("jira", value), edge.servicenow[0])

    def class_of(self, side: Side, value: str) -> int | None:
        """The number of the value's class; None if the map does not know it."""
        return self._class.get((side, value))

    def partner(self, side: Side, value: str) -> str | None:
        """What is written on the other side for this side's value; None if the map does not know it."""
        return self._partner.get((side, value))

    def members(self, number: int, side: Side) -> frozenset[str]:
        """One side's values of a class."""
        return frozenset(v for s, v in self._members[number] if s == side)


@dataclass(frozen=True, slots=True)
class Rules:
    """How one unit is merged: which way it flows, and who wins a Clash, a tie, and the first comparison."""

    direction: Direction = "both"
    clash: ClashRule = "newest"
    tie: TieRule = "hold"
    first: TieRule = "hold"


@dataclass(frozen=True)
class Unit:
    """One mirrored field, or several that are one."""

    name: str
    servicenow: tuple[str, ...]
    jira: tuple[str, ...]
    rules: Rules = field(default_factory=Rules)

    def fields(self, side: Side) -> tuple[str, ...]:
        """The own fields of one side."""
        return self.servicenow if side == "servicenow" else self.jira

    def own(self, side: Side, values: Values) -> Values:
        """The part of a record's values that belongs to this unit."""
        return {name: values.get(name) for name in self.fields(side)}

    def computed(self, side: Side) -> frozenset[str]:
        """Fields that the side works out itself: read and compared, never written."""
        return frozenset()

    def flows(self, to: Side) -> bool:
        """Whether values are written to this side at all."""
        return self.rules.direction in ("both", f"to_{to}")

    def classify(self, side: Side, values: Values, directory: Directory) -> Hashable | Unmapped:
        """The Class of one side's values."""
        raise NotImplementedError

    def encode(self, to: Side, values: Values, current: Values, directory: Directory) -> Values | Unmapped:
        """What `to` must hold so that it means the other side's `values`.

        `current` is what it holds now: a part that is already in the right class is kept as it is.
        """
        raise NotImplementedError

    def stands_apart(self, servicenow: Values, jira: Values) -> bool:
        """Whether the two sides are meant to differ like this."""
        return False

    def agrees(self, servicenow: Values, jira: Values, directory: Directory) -> bool:
        """Whether both sides are in one class."""
        ours = self.classify("servicenow", servicenow, directory)
        theirs = self.classify("jira", jira, directory)
        return not isinstance(ours, Unmapped) and ours == theirs

    def entities(self, side: Side, values: Values) -> Sequence[tuple[EntityKind, str]]:
        """The people and groups in these values, to be looked up before anything is planned."""
        return ()


@dataclass(frozen=True)
class FieldUnit(Unit):
    """A unit of one field a side."""

    def value(self, side: Side, values: Values) -> Value:
        """The field's value on one side."""
        return values.get(self.fields(side)[0])

    def _as(self, side: Side, value: Value) -> Values:
        return {self.fields(side)[0]: value}


@dataclass(frozen=True)
class TextUnit(FieldUnit):
    """Text, compared in canonical form and cut to the narrower limit, with a mark where it was cut.

    Limits are counted in UTF-16 units, as both systems count them.
    """

    single_line: bool = False
    limits: Mapping[Side, int] = field(default_factory=lambda: {"servicenow": 4000, "jira": 30000})

    def canonical(self, value: Value) -> str:
        """The text in the form that a round trip through either side keeps."""
        text = canonical_text(value) if isinstance(value, str) else None
        if text is None:
            return ""
        return " ".join(text.split()) if self.single_line else text

    def classify(self, side: Side, values: Values, directory: Directory) -> Hashable | Unmapped:
        """The canonical text as far as both sides can hold it."""
        return cut(self.canonical(self.value(side, values)), min(self.limits.values()), self._mark)[0]

    def agrees(self, servicenow: Values, jira: Values, directory: Directory) -> bool:
        """One class; texts that are the same need no closer look."""
        same = self.value("servicenow", servicenow) == self.value("jira", jira)
        return same or super().agrees(servicenow, jira, directory)

    def encode(self, to: Side, values: Values, current: Values, directory: Directory) -> Values | Unmapped:
        """The text cut to the side's limit; the tail of a longer original is joined to its edited copy.

        An original is never cut by that: what does not fit any more is held.
        """
        text = self.canonical(self.value(other(to), values))
        original = self.canonical(self.value(to, current))
        _, tail = cut(original, self.limits[other(to)], self._mark)
        if not tail:
            return self._as(to, cut(text, self.limits[to], self._mark)[0] or None)
        if not text.endswith(self._mark):
            return self._held(
                "only the beginning of this text fits the other side, and its edited copy lost the mark "
                "of the cut"
            )
        joined = text.removesuffix(self._mark) + tail
        if units(joined) > max(self.limits[to], units(original)):
            return self._held(f"with this edit the full text is longer than {to} takes")
        return self._as(to, joined)

    def _held(self, why: str) -> Unmapped:
        return Unmapped(f"{self.name}: {why}: choose which one stands", "cut")

    @property
    def _mark(self) -> str:
        return LINE_CUT if self.single_line else TEXT_CUT


@dataclass(frozen=True)
class ChoiceUnit(FieldUnit):
    """A value from a list on each side, joined by a map. An unknown one is held, or passed as it is."""

    map: ValueMap = field(default_factory=lambda: ValueMap(()))
    pass_unmapped: bool = False

    def classify(self, side: Side, values: Values, directory: Directory) -> Hashable | Unmapped:
        """The class of the value in the map."""
        value = self.value(side, values)
        if value is None:
            return None
        number = self.map.class_of(side, str(value))
        if number is not None:
            return number
        return value if self.pass_unmapped else unmapped(self.name, side, value)

    def encode(self, to: Side, values: Values, current: Values, directory: Directory) -> Values | Unmapped:
        """The value's partner."""
        value = self.value(other(to), values)
        if value is None:
            return self._as(to, None)
        partner = self.map.partner(other(to), str(value))
        if partner is None and not self.pass_unmapped:
            return unmapped(self.name, other(to), value)
        return self._as(to, partner if partner is not None else value)


@dataclass(frozen=True)
class SetUnit(FieldUnit):
    """Several values, merged element by element. Elements without a partner belong to their side alone."""

    map: ValueMap = field(default_factory=lambda: ValueMap(()))
    pass_unmapped: bool = True

    def knowing(self, directory: Directory) -> SetUnit:
        """The unit as it is for one plan; elements that are people want to know who is who."""
        return self

    def elements(self, side: Side, values: Values) -> Mapping[Hashable, str]:
        """The shared elements: class -> own value."""
        classes = {self._element(side, member): member for member in sorted(self.members(side, values))}
        return {class_: member for class_, member in classes.items() if class_ is not None}

    def classify(self, side: Side, values: Values, directory: Directory) -> Hashable | Unmapped:
        """The classes of the shared elements."""
        return frozenset(self.elements(side, values))

    def encode(self, to: Side, values: Values, current: Values, directory: Directory) -> Values | Unmapped:
        """The other side's shared elements beside this side's own; elements of one class stay as they are."""
        return self.with_elements(to, current, self.elements(other(to), values))

    def with_elements(self, to: Side, current: Values, wanted: Mapping[Hashable, str]) -> Values:
        """This side's values with exactly the shared elements `wanted` (class -> the other side's name)."""
        present = self.elements(to, current)
        kept = {None, *wanted}
        members = {m for m in self.members(to, current) if self._element(to, m) in kept}
        members |= {self._partner(to, theirs) for c, theirs in wanted.items() if c not in present}
        return self._as(to, frozenset(members) or None)

    def dealt_with(self, side: Side, held: Values, across: Values, then: Values) -> Values:
        """What of `held` is dealt with: elements that the other side, which holds `across`, has as well.

        What only one of them holds is still to be carried: of that counts what `then` was dealt with.
        """
        ours, theirs = self.elements(side, held), self.elements(other(side), across)
        apart = ours.keys() ^ theirs.keys()
        members = {m for m in self.members(side, held) if self._element(side, m) not in apart}
        members |= {m for m in self.members(side, then) if self._element(side, m) in apart}
        return self._as(side, frozenset(members) or None)

    def members(self, side: Side, values: Values) -> frozenset[str]:
        """All that this side holds, also what belongs to it alone."""
        value = self.value(side, values)
        return value if isinstance(value, frozenset) else frozenset(() if value is None else (value,))

    def _element(self, side: Side, member: str) -> Hashable | None:
        number = self.map.class_of(side, member)
        return number if number is not None else (member if self.pass_unmapped else None)

    def _partner(self, to: Side, theirs: str) -> str:
        partner = self.map.partner(other(to), theirs)
        return theirs if partner is None else partner


def cut(text: str, limit: int, mark: str) -> tuple[str, str]:
    """The text within `limit` UTF-16 units, ending with `mark` if it was cut, and the tail cut off.

    A limit that leaves the mark no room cuts without one.
    """
    if units(text) <= limit:
        return text, ""
    mark = mark if units(mark) < limit else ""
    room = limit - units(mark)
    head = text.encode("utf-16-le")[: room * 2].decode("utf-16-le", "ignore").rstrip()
    return head + mark, text[len(head) :]


def units(text: str) -> int:
    """The length that Java, and so both systems, see: UTF-16 units."""
    return len(text) if text.isascii() else len(text.encode("utf-16-le", "surrogatepass")) // 2


def unmapped(unit: str, side: Side, value: Value) -> Unmapped:
    """The usual reason: the map of this unit has no line for the value."""
    return Unmapped(f"{unit}: the value {value!r} of {side} has no partner in the map; add a line for it")
