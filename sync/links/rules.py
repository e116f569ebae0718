"""The part of a policy that is about links, as frozen values: what is tied, what closure asks for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import Final, Literal

from tieline.sync.links.evidence import Windows
from tieline.sync.links.model import Decision, EvidenceKind, Relation
from tieline.sync.policy.conditions import ALWAYS, Atom, Condition
from tieline.sync.policy.fields import Cell
from tieline.sync.policy.model import NOWHERE, Spot

Opening = Literal["", "propose", "open"]
"""What is done about a problem that is missing: nothing, a proposal to open one, or opening it."""


@dataclass(frozen=True, slots=True)
class LinkRule:
    """What becomes of evidence: the first rule that it meets speaks.

    `evidence` and `relations` are those it is about, empty for all; together the evidence of these kinds
    must reach `at_least`. `when` is asked of the incident.
    """

    id: str
    then: Decision
    when: Condition = ALWAYS
    evidence: frozenset[EvidenceKind] = frozenset()
    relations: frozenset[Relation] = frozenset()
    at_least: float = 0.0
    about: str = ""
    spot: Spot = NOWHERE

    def asks_for(self, kind: EvidenceKind) -> bool:
        """Whether evidence of this kind counts for it."""
        return not self.evidence or kind in self.evidence


@dataclass(frozen=True, slots=True)
class ClosureRule:
    """What a resolved incident must have: one of `needs`. With `alike`, only where so many are alike.

    `alike` incidents on one item within `within` make it apply. What follows if it is missing: an internal
    `note`, a `label`, that closing is held back (`hold`), and what is done about a problem.
    """

    id: str
    needs: frozenset[Relation]
    when: Condition = ALWAYS
    alike: int = 0
    within: timedelta = timedelta(days=30)
    note: str = ""
    label: str = ""
    hold: bool = False
    problem: Opening = ""
    about: str = ""
    spot: Spot = NOWHERE

    @property
    def follows(self) -> bool:
        """Whether anything is done about it, beside being told of."""
        return bool(self.note or self.label or self.hold or self.problem)


@dataclass(frozen=True, slots=True)
class Given:
    """Evidence of a test."""

    kind: EvidenceKind
    weight: float


@dataclass(frozen=True, slots=True)
class LinkTest:
    """An incident and evidence for one relation, and what is expected of them; or of its closure."""

    name: str
    given: Mapping[str, Cell] = field(default_factory=lambda: MappingProxyType({}))
    relation: Relation = "problem"
    evidence: tuple[Given, ...] = ()
    has: frozenset[Relation] = frozenset()
    alike: int = 0
    now: datetime | None = None
    expect: Decision | None = None
    missing: frozenset[str] | None = None
    rule: str = ""
    spot: Spot = NOWHERE


USUAL_RULES: Final = (
    LinkRule(
        "named", "link", evidence=frozenset({"mention"}), at_least=1.0,
        about="What somebody names in so many words is tied.",
    ),
    LinkRule(
        "next-door", "link", evidence=frozenset({"link"}), at_least=1.0,
        about="What its parent or what it repeats has, it has too.",
    ),
    LinkRule("likely", "propose", at_least=0.3, about="Everything else is for people to decide."),
)  # fmt: skip
"""What holds without rules of one's own, and below them."""

_GRAVE: Final = Atom("priority", "in", frozenset({"1", "2"}))
USUAL_CLOSURE: Final = (
    ClosureRule("grave", frozenset({"problem"}), _GRAVE, about="P1 and P2: somebody looks for the cause."),
    ClosureRule(
        "cured-by-change", frozenset({"cured_by"}),
        Atom("resolution", "in", frozenset({"Resolved by change"})),
        about="Resolved by change: the change is named.",
    ),
    ClosureRule(
        "recurring", frozenset({"problem"}), alike=3, problem="propose",
        about="Three alike on one item in 30 days: somebody looks for the cause.",
    ),
)  # fmt: skip
"""What a resolved incident must have where the policy says nothing about closure."""


@dataclass(frozen=True, slots=True)
class LinkPolicy:
    """All rules about links. The first `own` (`own_closure`) of them are the policy's."""

    rules: tuple[LinkRule, ...] = USUAL_RULES
    own: int = 0
    closure: tuple[ClosureRule, ...] = USUAL_CLOSURE
    own_closure: int = 0
    tests: tuple[LinkTest, ...] = ()
    digits: int = 7
    projects: frozenset[str] = frozenset()
    windows: Windows = field(default_factory=Windows)

    @property
    def count(self) -> int:
        """How many rules the policy wrote itself."""
        return self.own + self.own_closure

    @property
    def written(self) -> tuple[LinkRule | ClosureRule, ...]:
        """The rules that the policy wrote itself."""
        return (*self.rules[: self.own], *self.closure[: self.own_closure])

    @property
    def holding(self) -> list[str]:
        """The ids of the rules that hold back the closing."""
        return [rule.id for rule in self.closure if rule.hold]

    @property
    def conditions(self) -> tuple[Condition, ...]:
        """What the policy's own rules ask of incidents."""
        return tuple(rule.when for rule in self.written)

    def rule(self, id_: str) -> LinkRule | ClosureRule | None:
        """The rule with this id."""
        every: tuple[LinkRule | ClosureRule, ...] = (*self.rules, *self.closure)
        return next((rule for rule in every if rule.id == id_), None)


USUAL: Final = LinkPolicy()
