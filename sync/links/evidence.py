"""What speaks for tying an incident to a problem, a change or another incident: each reason as data. Pure.

Nothing is decided here. Weights of `mention` and `link` say how sure the words are; those of `ci`, `change`
and `likeness` are set so that none of them alone reaches what links by itself (docs/links.md).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import Final

from rapidfuzz import fuzz

from tieline.connectors.base import Ref
from tieline.sync.links.mentions import Mention, Naming, mentions
from tieline.sync.links.model import Evidence, Link, Relation, Target

CERTAIN: Final = 1.0
DOUBTED: Final = 0.5
"""A name in a quotation or a question, or one of which the words do not tell the relation."""
SIBLING: Final = 0.8
"""An incident of the same outage has it; two that agree count as one link next door."""
SAME_ITEM: Final = 0.4
DEPENDENCY: Final = 0.2
CHANGED: Final = 0.6
"""A change on the same item that ended just before; it falls to nothing over the window."""
ALIKE: Final = 0.3
"""Texts that are the same word for word."""
LIKE_FROM: Final = 80.0
"""Likeness of two texts, of 100, from which they are evidence."""
DEVELOPMENT: Final = "development"
"""How the source of a text begins that commits, pull requests or deployments of the incident's issue tell."""
CHANGES: Final = "change_request"
RELATION_OF: Final[Mapping[str, Relation]] = MappingProxyType({"problem": "problem"})
"""What a mention means where no words tell it. A change may have caused or cured, so they must."""
INHERITED: Final[tuple[Relation, ...]] = ("problem", "caused_by", "cured_by")
"""Relations that an incident shares with its parent, with what it repeats, and with its outage."""


@dataclass(frozen=True, slots=True)
class Windows:
    """How long before it opened a change may have caused, before it was resolved cured, an incident."""

    caused: timedelta = timedelta(hours=24)
    cured: timedelta = timedelta(hours=24)
    alike: timedelta = timedelta(days=30)


@dataclass(frozen=True, slots=True)
class Case:
    """An incident as evidence sees it. `texts` are by source; `labels` are its own numbers and keys.

    `ci`, `service`, `component` and `category` are "" where unknown; times are UTC. `wording` is what was
    said when it was raised, its title and description: compared for likeness; "" for all texts. `components`
    are those of its issue. The source of a text that commits or deployments tell begins with `DEVELOPMENT`.
    """

    ref: Ref
    label: str
    opened: datetime
    resolved: datetime | None = None
    ci: str = ""
    service: str = ""
    component: str = ""
    category: str = ""
    texts: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    labels: frozenset[str] = frozenset()
    wording: str = ""
    components: frozenset[str] = frozenset()

    @property
    def words(self) -> str:
        """What is compared for likeness."""
        return (self.wording or " ".join(self.texts.values())).lower()


@dataclass(frozen=True, slots=True)
class Around:
    """What is known around an incident.

    `targets` are problems, changes and incidents; `changes` those of them that are changes though they are
    issues; `needs` tells which items an item depends on (CMDB);
    `links` are relations of any incident; `cases` other incidents, for likeness of text.
    """

    targets: Sequence[Target] = ()
    needs: Mapping[str, frozenset[str]] = field(default_factory=lambda: MappingProxyType({}))
    links: Sequence[Link] = ()
    cases: Sequence[Case] = ()
    changes: frozenset[Ref] = frozenset()


def evidence(case: Case, around: Around, naming: Naming, windows: Windows | None = None) -> list[Evidence]:
    """Everything that speaks for a relation of this incident, the strongest first."""
    windows = windows or Windows()
    found = [
        *by_mention(case, around.targets, naming),
        *by_links(case, around.links),
        *by_items(case, around),
        *by_changes(case, around, windows),
        *by_likeness(case, around, windows),
    ]
    return sorted(found, key=lambda e: (-e.weight, e.relation, e.target.label, e.kind, e.source))


def by_mention(case: Case, targets: Iterable[Target], naming: Naming) -> Iterator[Evidence]:
    """Records that the incident's texts name; those that do not exist are no evidence."""
    known: dict[str, Target] = {}
    for target in targets:
        known[target.label.upper()] = known[target.ref.id] = target
    for source, text in case.texts.items():
        for mention in mentions(text, naming):
            named = known.get(mention.id or mention.label)
            if named is not None and named.ref != case.ref and named.label not in case.labels:
                yield from _mentioned(mention, named, source, case.opened)


def _mentioned(mention: Mention, target: Target, source: str, opened: datetime) -> Iterator[Evidence]:
    relation, sure = _meant(mention, target, source)
    if relation is None:
        return
    early = target.closed is not None and target.closed < opened
    early = early and relation == "cured_by" and mention.relation != relation  # unless the words say so
    reason = f"{target.label} is named in {source}"
    if mention.relation == relation:
        reason += f", in words for {relation.replace('_', ' ')}"
    if mention.doubt:
        reason += f"; but {mention.doubt}"
    elif early:
        reason += "; but it was over before the incident opened"
    elif not sure:
        reason += "; the words do not say as what"
    weight = CERTAIN if sure and not mention.doubt and not early else DOUBTED
    yield Evidence("mention", relation, target, weight, reason, source)


def _meant(mention: Mention, target: Target, source: str) -> tuple[Relation | None, bool]:
    """The relation that is meant, and whether that is sure."""
    said = mention.relation
    match target.kind:
        case "problem":
            return "problem", True
        case "change":
            if said in ("caused_by", "cured_by"):
                return said, True
            return "cured_by", source.startswith(DEVELOPMENT)
        case "incident":
            return (said, True) if said in ("duplicate", "parent") else (None, False)
        case "issue":
            if source.startswith(DEVELOPMENT):
                return "cured_by", True
            return (said, True) if said in ("caused_by", "cured_by", "duplicate") else (None, False)
        case _:
            return None, False


def by_links(case: Case, links: Sequence[Link]) -> Iterator[Evidence]:
    """What is tied to the incident's parent, to what it repeats, and to incidents of the same outage."""
    own = [link for link in links if link.incident == case.ref]
    near = {link.target.ref: link for link in own if link.relation in ("parent", "duplicate")}
    for link in links:
        if link.relation not in INHERITED or link.incident == case.ref:
            continue
        door = near.get(link.incident)
        if door is not None:
            reason = f"{door.target.label}, its {door.relation}, has {link.target.label}"
            yield Evidence(
                "link", link.relation, link.target, CERTAIN, reason, f"link of {door.target.label}"
            )
    yield from _by_siblings(case, links, {link.target.ref for link in own if link.relation == "parent"})


def _by_siblings(case: Case, links: Sequence[Link], parents: set[Ref]) -> Iterator[Evidence]:
    members = {link.incident for link in links if link.relation == "parent" and link.target.ref in parents}
    siblings = members - {case.ref}
    held: dict[Relation, dict[Ref, set[Ref]]] = {}
    targets: dict[Ref, Target] = {}
    for link in links:
        if link.incident in siblings and link.relation in INHERITED:
            held.setdefault(link.relation, {}).setdefault(link.target.ref, set()).add(link.incident)
            targets[link.target.ref] = link.target
    for relation, by_target in held.items():
        for ref, who in by_target.items():
            agreed = len(by_target) == 1 and len(who) > 1
            reason = f"{len(who)} of {len(siblings)} other incidents of this outage have {targets[ref].label}"
            weight = CERTAIN if agreed else SIBLING
            yield Evidence("link", relation, targets[ref], weight, reason, "incidents of the same parent")


def by_items(case: Case, around: Around) -> Iterator[Evidence]:
    """Problems that were open on the same item, or on one that it depends on, when the incident came."""
    for target in around.targets:
        if target.kind != "problem" or not target.ci or not case.ci:
            continue
        if target.closed is not None and target.closed < case.opened:
            continue
        if target.ci == case.ci:
            reason = f"{target.label} is open on {case.ci} too"
            yield Evidence("ci", "problem", target, SAME_ITEM, reason, "cmdb_ci")
        elif target.ci in around.needs.get(case.ci, frozenset()):
            reason = f"{case.ci} depends on {target.ci}, on which {target.label} is open"
            yield Evidence("ci", "problem", target, DEPENDENCY, reason, "cmdb_rel_ci")


def by_changes(case: Case, around: Around, windows: Windows) -> Iterator[Evidence]:
    """Changes that ended there shortly before the incident opened, or before it was resolved."""
    for target in around.targets:
        ended = target.closed or target.started
        is_change = target.kind == "change" or target.ref in around.changes
        where = _shared(case, target, around) if is_change else None
        if ended is None or where is None:
            continue
        place, share, source = where
        before = case.opened - (target.started or ended)
        if timedelta(0) <= before <= windows.caused:
            weight = CHANGED * share * (1 - before / windows.caused * 0.8)
            reason = f"{target.label} was made on {place} {_length(before)} before it opened"
            yield Evidence("change", "caused_by", target, weight, reason, source)
        elif case.resolved is not None and case.opened < ended <= case.resolved:
            waited = case.resolved - ended
            if waited <= windows.cured:
                weight = CHANGED * share * (1 - waited / windows.cured * 0.8)
                reason = f"{target.label} was made on {place} {_length(waited)} before it was resolved"
                yield Evidence("change", "cured_by", target, weight, reason, source)


def _shared(case: Case, target: Target, around: Around) -> tuple[str, float, str] | None:
    """What the two have in common, how much that counts, and where it was found."""
    components = case.components & target.components
    if case.ci and target.ci == case.ci:
        return case.ci, 1.0, CHANGES
    if case.ci and target.ci in around.needs.get(case.ci, frozenset()):
        return f"{target.ci}, on which {case.ci} depends,", 0.7, CHANGES
    if case.service and target.service == case.service:
        return case.service, 0.6, CHANGES
    if components:
        return f"{min(components)} in Jira", 0.6, "components in jira"
    return None


def by_likeness(case: Case, around: Around, windows: Windows) -> Iterator[Evidence]:
    """What incidents of the same category with much the same words were tied to, not long ago."""
    text = case.words
    if not text.strip() or not case.category:
        return
    near = {
        other.ref: other
        for other in around.cases
        if other.ref != case.ref
        and other.category == case.category
        and timedelta(0) <= case.opened - other.opened <= windows.alike
    }
    ratios: dict[Ref, float] = {}
    for link in around.links:
        other = near.get(link.incident)
        if other is None or link.relation != "problem":
            continue
        if other.ref not in ratios:
            ratios[other.ref] = fuzz.token_sort_ratio(text, other.words)
        if ratios[other.ref] >= LIKE_FROM:
            weight = ALIKE * ratios[other.ref] / 100
            reason = f"{other.label} reads alike ({ratios[other.ref]:.0f} of 100) and has {link.target.label}"
            yield Evidence("likeness", "problem", link.target, weight, reason, "text")


def _length(span: timedelta) -> str:
    minutes = int(span.total_seconds() // 60)
    return f"{minutes} min" if minutes < 120 else f"{minutes // 60} h"


def joined(found: Iterable[Evidence]) -> float:
    """All evidence for one relation as one figure: the best of each kind, as if kinds were independent."""
    best: dict[str, float] = {}
    for each in found:
        best[each.kind] = max(best.get(each.kind, 0.0), each.weight)
    rest = 1.0
    for weight in best.values():
        rest *= 1 - weight
    return 1 - rest
