"""Looks around mirrored incidents on both sides: what they are tied to, what speaks for more. Only reads."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Final

from tieline.connectors.base import SIDES, Ask, Conversation, Record, Ref, Side, Target
from tieline.sync.config.links import TARGET_KIND
from tieline.sync.config.model import Config
from tieline.sync.links.around import components_of, developed, naming_of, surroundings, wording_of
from tieline.sync.links.closure import Closed
from tieline.sync.links.decide import Standing, Verdict, decide, refused
from tieline.sync.links.evidence import Case, evidence
from tieline.sync.links.model import Link, Proposal, Relation
from tieline.sync.links.relations_model import Standing as Kept
from tieline.sync.links.rules import USUAL, LinkPolicy
from tieline.sync.model import Pair
from tieline.sync.policy.bridge import View, standing_of
from tieline.sync.policy.conditions import Moment
from tieline.sync.policy.fields import Record as Cells
from tieline.sync.policy.model import Policy
from tieline.sync.run import Run
from tieline.sync.store.store import Tx
from tieline.sync.vocabulary import field_kinds

WAVE: Final = 100
NOT_MIRRORED: Final = "relations of this kind are not mirrored, so nothing can link them: add one to [links]"


@dataclass(frozen=True, slots=True)
class Surveyed:
    """What is known of one mirrored incident, and what is to be said about its ties."""

    pair: Pair
    case: Case
    record: Cells
    own_words: Cells
    """The same in ServiceNow's own words: what the usual rules of closure ask."""
    standing: Standing
    links: tuple[Link, ...]
    known: tuple[tuple[int, Proposal], ...]
    verdicts: tuple[Verdict, ...]

    def closed(self, policy: LinkPolicy) -> Closed:
        """As the rules of closure see it."""
        return Closed(self.case, self.record if policy.own_closure else self.own_words, self.standing)


@dataclass(frozen=True, slots=True)
class Rules:
    """The policy that a survey goes by; `moment` is now."""

    policy: Policy
    links: LinkPolicy
    moment: Moment


def rules_of(run: Run, policy: Policy | None) -> Rules:
    """The rules about links of a policy, the usual ones without any."""
    known = policy or Policy()
    return Rules(known, known.links or USUAL, Moment(run.clock(), known.calendars))


def all_pairs(run: Run) -> Iterator[list[Pair]]:
    """Every pair of a route that there is, a wave at a time."""
    after = 0
    while True:
        with run.store.read() as tx:
            pairs = tx.walk_pairs(after, WAVE)
        if not pairs:
            return
        yield [pair for pair in pairs if pair.route in run.vocabularies]
        after = pairs[-1].id


def survey(run: Run, pairs: Sequence[Pair], rules: Rules, *, deep: bool = True) -> list[Surveyed]:
    """These pairs, without those of which a half is not shown. `deep`: evidence is looked for as well."""
    shown = _read(run, pairs)
    details = {
        target.ref.id: target
        for target in run.sides["servicenow"].targets("incident", [pair.servicenow.id for pair, _ in shown])
    }
    said = _said(run, [records for _, records in shown]) if deep else {}
    with run.store.read() as tx:
        proposals = tx.proposals_of([pair.servicenow for pair, _ in shown])
        links = {pair.id: links_around(tx, pair) for pair, _ in shown}
        kept = tx.relations_of([pair.id for pair, _ in shown])
    cases = {
        pair.id: _case(run, pair, records, details.get(pair.servicenow.id), said) for pair, records in shown
    }
    near = surroundings(run, list(cases.values()), rules.links) if deep else {}
    found = []
    for pair, records in shown:
        case = cases[pair.id]
        own = [link for link in links[pair.id] if link.incident == pair.servicenow]
        standing = standing_from(own)
        record, own_words = _cells(run, pair, records, rules.policy)
        known = tuple(proposals.get(pair.servicenow, ()))
        verdicts: list[Verdict] = []
        if deep:
            seen = near[case.ref]
            seen = replace(seen, links=tuple(dict.fromkeys((*links[pair.id], *seen.links))))
            speaking = evidence(case, seen, naming_of(run, rules.links), rules.links.windows)
            coming = frozenset((k.relation, k.target.id) for k in kept.get(pair.id, ()) if k.wanted)
            no = refused((p for _, p in known if (p.relation, p.target.ref.id) not in coming), standing)
            verdicts = _possible(run, decide(speaking, rules.links, record, rules.moment, standing, no))
        found.append(Surveyed(pair, case, record, own_words, standing, tuple(own), known, tuple(verdicts)))
    return found


def mirrored(config: Config) -> frozenset[Relation]:
    """The relations that a pass keeps in step for incidents."""
    types = () if config.links is None else config.links.type
    return frozenset(each.relation for each in types if each.on == "incident")


def _possible(run: Run, verdicts: Sequence[Verdict]) -> list[Verdict]:
    """What no pass can link is proposed."""
    can = mirrored(run.config)
    return [
        replace(v, decision="propose", why=NOT_MIRRORED)
        if v.decision == "link" and v.relation not in can
        else v
        for v in verdicts
    ]


def standing_from(links: Sequence[Link]) -> Standing:
    """What an incident is tied to, by relation."""
    standing: dict[Relation, frozenset[Ref]] = {}
    for link in links:
        standing[link.relation] = standing.get(link.relation, frozenset()) | {link.target.ref}
    return standing


def links_around(tx: Tx, pair: Pair) -> list[Link]:
    """The relations of a pair, of its parent, of what it repeats, and of incidents of the same parent."""
    own = _links(tx, [pair])
    doors = [link.target.ref for link in own if link.relation in ("parent", "duplicate")]
    near = list(tx.pairs_of(doors).values()) if doors else []
    siblings = tx.related_to(doors) if doors else []
    others = {kept.pair for kept in siblings if kept.relation == "parent"} - {pair.id}
    near += list(tx.pairs(others).values())
    return own + _links(tx, [other for other in near if other.id != pair.id])


def _links(tx: Tx, pairs: Sequence[Pair]) -> list[Link]:
    by_pair = tx.relations_of([pair.id for pair in pairs])
    return [
        Link(pair.servicenow, kept.relation, _target(kept), "servicenow" if kept.servicenow else "jira")
        for pair in pairs
        for kept in by_pair.get(pair.id, [])
        if (kept.servicenow or kept.jira) and kept.relation != "affected"
    ]


def _target(kept: Kept) -> Target:
    kind = TARGET_KIND[kept.relation] if kept.target.side == "servicenow" else "issue"
    return Target(Ref(kept.target.side, kept.target.id, kind), kept.label or kept.target.id)


def _read(run: Run, pairs: Sequence[Pair]) -> list[tuple[Pair, dict[Side, Record]]]:
    asked = {side: [pair.ref(side) for pair in pairs] for side in SIDES}
    read = run.read_both(asked)
    found = []
    for number, pair in enumerate(pairs):
        both = [read[side][number] for side in SIDES]
        records: dict[Side, Record] = {
            record.ref.side: record for record in both if isinstance(record, Record)
        }
        if len(records) == len(SIDES):
            found.append((pair, records))
    return found


def _said(run: Run, shown: Sequence[dict[Side, Record]]) -> dict[Ref, dict[str, str]]:
    """What people said on these records; what we wrote ourselves is no evidence."""
    found: dict[Ref, dict[str, str]] = {}
    for side in SIDES:
        asks = [Ask(records[side].ref) for records in shown]
        for answer in run.sides[side].conversations(asks) if asks else []:
            if isinstance(answer, Conversation):
                found[answer.ref] = {
                    f"{c.kind} of {c.created:%Y-%m-%d %H:%M} in {side}": c.text
                    for c in answer.entries
                    if c.text and not c.own
                }
    return found


def _case(
    run: Run, pair: Pair, records: dict[Side, Record], target: Target | None, said: dict[Ref, dict[str, str]]
) -> Case:
    texts: dict[str, str] = {}
    for side, record in records.items():
        kinds = field_kinds(run.config, side)
        texts |= {
            f"{name} in {side}": value
            for name, value in record.values.items()
            if kinds.get(name) in ("line", "text") and isinstance(value, str)
        }
        texts |= said.get(record.ref, {})
    texts |= developed(run, records["jira"])
    components = components_of(records["jira"])
    snow = records["servicenow"]
    return Case(
        ref=pair.servicenow,
        label=pair.number,
        opened=(target.opened if target else None) or min(r.created for r in records.values()),
        resolved=target.closed if target else None,
        ci=target.ci if target else "",
        service=target.service if target else "",
        component=min(components, default=""),
        components=components,
        category=(target.category if target else "") or str(snow.values.get("category") or ""),
        texts=texts,
        wording=wording_of(snow),
        labels=frozenset({pair.number, pair.key}),
    )


def _cells(run: Run, pair: Pair, records: dict[Side, Record], policy: Policy) -> tuple[Cells, Cells]:
    vocabulary = run.vocabularies[pair.route]
    directory = run.people.directory([(record, vocabulary) for record in records.values()], run.clock())
    memory, _ = standing_of(vocabulary.units, pair.base)
    shown = records.values()
    in_policy = View(policy).of_records(vocabulary.units, shown, directory, memory)
    return in_policy, View(Policy()).of_records(vocabulary.units, shown, directory, memory)
