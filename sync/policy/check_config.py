"""Findings about the policy beside the configuration that it stands in, and about how major incidents end."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from tieline.sync.policy.conditions import atoms
from tieline.sync.policy.fields import COMMENTS
from tieline.sync.policy.findings import Finding
from tieline.sync.policy.load import Loaded, matrix_spot
from tieline.sync.policy.model import MAJOR, MAJOR_ENDS, Policy, Rule
from tieline.sync.policy.sources import NO_SOURCE, asked, is_written, sources
from tieline.sync.words import counted

if TYPE_CHECKING:
    from tieline.sync.config import Config


def check_config(loaded: Loaded) -> Iterator[Finding]:
    """What a pass would do otherwise than the policy says, because of what the configuration mirrors."""
    if loaded.config is None:
        return
    yield from matrices(loaded)
    routes = list(_carried(loaded.config))
    yield from _not_written(loaded.policy, frozenset().union(*(both for _, both in routes)))
    hears = loaded.config.comments is not None
    yield from _not_read(loaded.policy, [mirrored for mirrored, _ in routes], hears=hears)
    yield from _not_opened(loaded.policy, loaded.config)


def matrices(loaded: Loaded) -> Iterator[Finding]:
    """Two matrices that differ: what the policy makes of an incident is not what ServiceNow computes."""
    config, policy = loaded.config, loaded.policy
    if config is None or config.priority is None or not policy.matrix.cells:
        return
    own = {
        name: {value: term.name for term in terms for value in term.servicenow}
        for name, terms in policy.vocabulary.items()
    }
    for i, row in enumerate(config.priority.matrix, 1):
        for u, cell in enumerate(row, 1):
            impact = own.get("impact", {}).get(str(i), str(i))
            urgency = own.get("urgency", {}).get(str(u), str(u))
            mirrored = own.get("priority", {}).get(str(cell), str(cell))
            said = policy.matrix.cells.get((impact, urgency))
            if said is not None and said != mirrored:
                first = next(iter(loaded.texts))
                there = matrix_spot(config, first, loaded.texts[first])
                yield Finding(
                    "TL026",
                    "error",
                    policy.matrix.spot,
                    f"impact {impact} with urgency {urgency} makes {said} here, and {mirrored} by the "
                    f"[priority] of the configuration ({there.short})",
                    "ServiceNow computes one of the two, and rules would be undone or never come to rest",
                    "take the matrix out of the policy, which then has the configuration's; or correct one",
                )
                return


def _carried(config: Config) -> Iterator[tuple[frozenset[str], frozenset[str]]]:
    """For each route the fields that are mirrored, and those of them in both directions."""
    from tieline.sync.policy.bridge import fields_of
    from tieline.sync.vocabulary import vocabulary

    for route in config.routes:
        units = vocabulary(config, route).units
        both = [unit for unit in units if unit.flows("servicenow") and unit.flows("jira")]
        yield (
            frozenset(name for unit in units for name in fields_of(unit)),
            frozenset(name for unit in both for name in fields_of(unit)),
        )


def _not_written(policy: Policy, carried: frozenset[str]) -> Iterator[Finding]:
    setters: dict[str, list[Rule]] = {}
    for rule in policy.rules:
        for assignment in rule.sets:
            setters.setdefault(assignment.field, []).append(rule)
    for name, rules in setters.items():
        if name in carried or policy.kind(name) == "flag" or is_written(policy, name):
            continue
        rest = f", and {counted(len(rules) - 1, 'other rule')}," if len(rules) > 1 else ""
        yield Finding(
            "TL027",
            "warning",
            rules[0].at(f"then.{name}"),
            f"{rules[0].id!r}{rest} sets {name}, which is not mirrored in both directions",
            "a pass writes it to neither side",
            "add a [[field]] of this name to the configuration, say on which side it stands "
            f'([fields] {name} = {{ jira = "..." }}), or leave it out',
            rules[0].id,
        )


def _not_read(policy: Policy, routes: list[frozenset[str]], *, hears: bool) -> Iterator[Finding]:
    given = {a.field for rule in policy.rules for a in rule.sets if policy.kind(a.field) == "flag"}
    silent: set[str] = set()
    for mirrored in routes:
        silent |= asked(policy) - mirrored - sources(policy, mirrored).keys() - given
    silent |= frozenset() if hears else {COMMENTS}
    about_links = policy.links.written if policy.links is not None else ()
    for entry in (*policy.entries, *about_links):
        named = dict.fromkeys(atom.field for atom in atoms(entry.when))
        for name in named:
            if name in silent:
                yield Finding(
                    "TL028",
                    "warning",
                    entry.at(f"when.{name}") if isinstance(entry, Rule) else entry.spot,
                    f"{entry.id!r} asks {name}, which a pass does not read from either side",
                    "it counts as empty there, whatever the tickets hold",
                    _remedy(name),
                    entry.id,
                )


def _remedy(name: str) -> str:
    if name == COMMENTS:
        return "add [comments] to the configuration: a pass hears what it mirrors"
    if name in NO_SOURCE:
        return "ask another field"
    return f'mirror it, or say where it stands: [fields] {name} = {{ kind = "...", servicenow = "..." }}'


def _not_opened(policy: Policy, config: Config) -> Iterator[Finding]:
    """Problems that a rule would open, and to which no pass could tie an incident."""
    if policy.links is None or (config.links is not None and config.links.ties_problems):
        return
    for rule in policy.links.closure[: policy.links.own_closure]:
        if rule.problem == "open":
            yield Finding(
                "TL036",
                "warning",
                rule.spot,
                f"the rule {rule.id!r} opens no problem: it is proposed to people instead",
                'no [[links.type]] carries the relation "problem" of incidents to ServiceNow, so that '
                "nothing could tie them to it",
                'add [[links.type]] relation = "problem" to the configuration, or write problem = "propose"',
                rule.id,
            )


def check_major(policy: Policy) -> Iterator[Finding]:
    """What a major incident gets and keeps for ever."""
    begins, ends = policy.rule(MAJOR), policy.rule(MAJOR_ENDS)
    if not isinstance(begins, Rule) or not isinstance(ends, Rule):
        return
    off = ends.orders.get("unlabel")
    gone = off if isinstance(off, frozenset) else frozenset[str]()
    for assignment in begins.sets:
        if assignment.field == "labels" and isinstance(assignment.value, frozenset):
            for label in sorted(assignment.value - gone):
                yield Finding(
                    "TL029",
                    "warning",
                    begins.at("then.labels"),
                    f"a major incident gets the label {label!r}, and keeps it when it has ended",
                    "people go on treating it as a major one",
                    f'take it off: afterwards = {{ unlabel = "{label}" }}',
                    MAJOR,
                )
