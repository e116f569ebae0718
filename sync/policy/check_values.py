"""Findings about values: ids, fields, vocabulary, matrix, maps, patterns, what nobody uses. Pure."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Final

from tieline.connectors.base import SIDES, Side
from tieline.sync.config.faults import suggestion
from tieline.sync.policy.check_idle import calendars, unused
from tieline.sync.policy.conditions import Atom, Condition, atoms, pattern
from tieline.sync.policy.fields import CANONICAL
from tieline.sync.policy.findings import Finding
from tieline.sync.policy.matrix import inverse
from tieline.sync.policy.model import Bound, Policy, Rule, Spot, Term
from tieline.sync.policy.patterns import always_matches, never_matches
from tieline.sync.policy.sla import SLA_WORDS

CLOSING: Final = frozenset({"6", "7"})
"""ServiceNow's states Resolved and Closed, whose data policy wants a close code."""


def check_values(policy: Policy) -> Iterator[Finding]:
    """Everything that can be said about values without comparing rules."""
    yield from _ids(policy)
    yield from _fields(policy)
    yield from _words(policy)
    yield from _matrix(policy)
    yield from _maps(policy)
    yield from _patterns(policy)
    yield from calendars(policy)
    yield from _subcategories(policy)
    yield from _closing(policy)
    yield from unused(policy)
    yield from _tests(policy)


def _ids(policy: Policy) -> Iterator[Finding]:
    groups: list[tuple[str, list[tuple[str, Spot]]]] = [
        ("rule", [(entry.id, entry.spot) for entry in policy.entries]),
        ("test", [(test.name, test.spot) for test in policy.tests]),
        *(
            (f"{name} value", [(term.name, term.spot) for term in terms])
            for name, terms in policy.vocabulary.items()
        ),
    ]
    for what, named in groups:
        first: dict[str, Spot] = {}
        for id_, spot in named:
            if id_ in first:
                yield Finding(
                    "TL001",
                    "error",
                    spot,
                    f"the {what} {id_!r} stands twice, first at {first[id_].short}",
                    "reasons, tests and ignores name it, and could mean either",
                    "give one of them another name",
                    id_,
                )
            first.setdefault(id_, spot)


def _fields(policy: Policy) -> Iterator[Finding]:
    known = {**CANONICAL, **policy.own_fields}
    for entry in policy.entries:
        asked = {atom.field: _spot(entry, f"when.{atom.field}") for atom in atoms(entry.when)}
        given = {a.field: entry.at(f"then.{a.field}") for a in entry.sets} if isinstance(entry, Rule) else {}
        for name, spot in {**asked, **given}.items():
            if name not in known:
                yield no_field(name, known, spot, entry.id)


def no_field(name: str, known: Iterable[str], spot: Spot, rule: str) -> Finding:
    """A field that there is not."""
    return Finding(
        "TL002",
        "error",
        spot,
        f"there is no field {name!r}",
        "a condition on it never holds, and a value for it goes nowhere",
        f"{suggestion(name, known)} A field of your own goes into [fields]",
        rule,
    )


def asked_words(policy: Policy, when: Condition, spots: Mapping[str, Spot], rule: str) -> Iterator[Finding]:
    """Values in a condition that the vocabulary does not have."""
    for atom in dict.fromkeys(atoms(when)):
        names = _known(policy, atom.field)
        if names is not None and isinstance(atom.argument, frozenset):
            for word in sorted(atom.argument - names):
                yield _foreign(atom.field, word, names, spots[atom.field], rule)


def _spot(entry: Rule | Bound, part: str) -> Spot:
    return entry.at(part) if isinstance(entry, Rule) else entry.spot


def _words(policy: Policy) -> Iterator[Finding]:
    for entry in policy.entries:
        spots = {atom.field: _spot(entry, f"when.{atom.field}") for atom in atoms(entry.when)}
        yield from asked_words(policy, entry.when, spots, entry.id)
        for assignment in entry.sets if isinstance(entry, Rule) else ():
            names = _known(policy, assignment.field)
            value = assignment.value
            if names is not None and isinstance(value, str) and value not in names:
                yield _foreign(
                    assignment.field, value, names, _spot(entry, f"then.{assignment.field}"), entry.id
                )
    order = frozenset(policy.matrix.priorities)
    for bound in policy.bounds:
        if bound.priority not in order:
            yield _foreign("priority", bound.priority, order, bound.spot, bound.id)
    for sla in policy.slas:
        if sla.priority not in order and order:
            yield _foreign("priority", sla.priority, order, sla.spot, "")


def _known(policy: Policy, name: str) -> frozenset[str] | None:
    if name == "sla":
        return frozenset(SLA_WORDS)
    if policy.kind(name) == "flag":
        return None
    names = policy.names(name)
    if names is None and name == "priority" and policy.matrix.cells:
        return frozenset(policy.matrix.priorities)
    return names


def _foreign(name: str, word: str, names: frozenset[str], spot: Spot, rule: str) -> Finding:
    return Finding(
        "TL003",
        "error",
        spot,
        f"{word!r} is no {name} of the vocabulary",
        "no incident has it, and neither side has a name for it",
        suggestion(word, sorted(names)),
        rule,
    )


def _matrix(policy: Policy) -> Iterator[Finding]:
    matrix = policy.matrix
    if not matrix.rows:
        return
    missing = [(i, u) for i in matrix.impacts for u in matrix.urgencies if (i, u) not in matrix.cells]
    too_wide = len(matrix.rows) > len(matrix.impacts) or any(
        len(r) > len(matrix.urgencies) for r in matrix.rows
    )
    if missing or too_wide:
        what = ", ".join(f"impact {i} with urgency {u}" for i, u in missing[:3]) or "more cells than levels"
        yield Finding(
            "TL008",
            "error",
            matrix.spot,
            f"the matrix does not fit the levels: {what}",
            "such incidents get no priority",
            "give it a row for each impact and a column for each urgency",
        )
    names = policy.names("priority")
    for word in sorted({p for p in matrix.cells.values() if names is not None and p not in names}):
        yield _foreign("priority", word, names or frozenset(), matrix.spot, "")
    yield from _monotonic(policy)
    yield from _inverses(policy)


def _monotonic(policy: Policy) -> Iterator[Finding]:
    matrix, order = policy.matrix, policy.matrix.priorities
    for (impact, urgency), priority in matrix.cells.items():
        i, u = matrix.impacts.index(impact), matrix.urgencies.index(urgency)
        graver = [(matrix.impacts[i - 1], urgency)] if i else []
        graver += [(impact, matrix.urgencies[u - 1])] if u else []
        for cell in graver:
            above = matrix.cells.get(cell)
            if above in order and priority in order and order.index(above) > order.index(priority):
                yield Finding(
                    "TL009",
                    "warning",
                    matrix.spot,
                    f"impact {cell[0]} with urgency {cell[1]} gives {above}, and the lesser impact {impact} "
                    f"with urgency {urgency} gives {priority}",
                    "what is graver gets a lesser priority",
                    "put the priorities of the matrix in order",
                )


def _inverses(policy: Policy) -> Iterator[Finding]:
    matrix = policy.matrix
    for priority in matrix.priorities:
        if inverse(matrix, None, None, (priority,)) is None:
            spot = next(
                (t.spot for t in policy.vocabulary.get("priority", ()) if t.name == priority), matrix.spot
            )
            yield Finding(
                "TL010",
                "warning",
                spot,
                f"no impact and urgency give the priority {priority}",
                "who sets it in Jira is not heard: ServiceNow computes it and ignores a written one",
                "give it a cell of the matrix, or take it out of the vocabulary",
            )


def _maps(policy: Policy) -> Iterator[Finding]:
    for name, terms in policy.vocabulary.items():
        for side in SIDES:
            holders: dict[str, list[Term]] = defaultdict(list)
            for term in terms:
                for own in term.own(side):
                    holders[own].append(term)
            yield from _lossy(name, side, terms)
            yield from _round_trips(name, side, terms, holders)


def _lossy(name: str, side: Side, terms: Sequence[Term]) -> Iterator[Finding]:
    for term in terms:
        own = term.own(side)
        if len(own) > 1 and not term.lossy:
            rest = ", ".join(map(repr, own[1:]))
            yield Finding(
                "TL011",
                "warning",
                term.spot,
                f"{name} {term.name!r} is {', '.join(map(repr, own))} in {side}",
                f"once the other side or a rule says it, it is written as {own[0]!r}: {rest} is lost",
                'split it, or say why it is meant: lossy = "..."',
            )


def _round_trips(
    name: str, side: Side, terms: Sequence[Term], holders: Mapping[str, list[Term]]
) -> Iterator[Finding]:
    for term in terms:
        back = holders[term.own(side)[0]][0]
        if back is not term:
            yield Finding(
                "TL012",
                "error",
                term.spot,
                f"{name} {term.name!r} is {term.own(side)[0]!r} in {side}, and read back as {back.name!r}",
                "what a rule sets turns into something else as soon as it is written",
                f"give it a value of its own in {side}, or make the two one",
            )


def _patterns(policy: Policy) -> Iterator[Finding]:
    for entry in policy.entries:
        for atom in dict.fromkeys(atoms(entry.when)):
            if atom.operator == "matches":
                word = _always_or_never(policy, atom)
                if word:
                    yield Finding(
                        "TL016",
                        "warning",
                        _spot(entry, f"when.{atom.field}"),
                        f"the pattern {atom.argument!r} {word} matches {atom.field}",
                        "a condition that does not depend on the incident is a mistake, or superfluous",
                        "correct the pattern, or leave the condition out",
                        entry.id,
                    )


def _always_or_never(policy: Policy, atom: Atom) -> str:
    text, names = str(atom.argument), policy.names(atom.field)
    if names is not None:
        hits = [name for name in names if pattern(text).search(name) is not None]
        return "never" if not hits else "always" if len(hits) == len(names) else ""
    return "always" if always_matches(text) else "never" if never_matches(text) else ""


def _subcategories(policy: Policy) -> Iterator[Finding]:
    belongs = {term.name: term.of for term in policy.vocabulary.get("subcategory", ()) if term.of}
    categories = policy.names("category")
    for term in policy.vocabulary.get("subcategory", ()):
        for word in term.of:
            if categories is not None and word not in categories:
                yield _foreign("category", word, categories, term.spot, "")
    for rule in policy.rules:
        given = {a.field: a.value for a in rule.sets}
        sub, category = given.get("subcategory"), given.get("category")
        if (
            isinstance(sub, str)
            and isinstance(category, str)
            and category not in belongs.get(sub, (category,))
        ):
            yield Finding(
                "TL022",
                "warning",
                rule.at("then.subcategory"),
                f"{rule.id!r} sets the subcategory {sub!r}, which belongs to {', '.join(belongs[sub])}, "
                f"with the category {category!r}",
                "ServiceNow's form does not offer it there",
                "correct one of the two",
                rule.id,
            )


def _closing(policy: Policy) -> Iterator[Finding]:
    """A status that closes wants a close code in ServiceNow and a resolution in Jira."""
    closing = [t for t in policy.vocabulary.get("status", ()) if CLOSING & set(t.servicenow)]
    if closing and not policy.vocabulary.get("resolution"):
        names = ", ".join(repr(term.name) for term in closing)
        yield Finding(
            "TL014",
            "warning",
            closing[0].spot,
            f"the status {names} ends an incident, and no resolution is named",
            "ServiceNow refuses to resolve without a close code, and Jira's screen wants a resolution",
            "list the resolutions: [vocabulary] resolution = [{ name, servicenow, jira }]",
        )


def _tests(policy: Policy) -> Iterator[Finding]:
    ids = Counter(entry.id for entry in policy.entries)
    for test in policy.tests:
        named = {*test.reasons.values(), *(r for s in test.steps for r in s.reasons.values())} - {""}
        for id_ in sorted(named):
            if id_ not in ids:
                yield Finding(
                    "TL024",
                    "error",
                    test.spot,
                    f"the test {test.name!r} expects the rule {id_!r}, which does not exist",
                    "it can never pass",
                    suggestion(id_, ids),
                )
    for rule in policy.rules:
        for id_ in sorted(rule.before - {"*"}):
            if id_ not in ids:
                yield Finding(
                    "TL024",
                    "error",
                    rule.spot,
                    f"{rule.id!r} is meant to stand before {id_!r}, which does not exist",
                    "it says nothing",
                    suggestion(id_, ids),
                    rule.id,
                )
