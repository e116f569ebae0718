"""The Aspect that keeps relations in step: reads what a wave needs, lets pure modules decide, remembers.

Relations come along with the records; further requests are made only where there is something to write:
numbers and addresses of targets that Jira has no issue of, the remote links of pairs that have some, and
whether an issue is still shown whose link is gone.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Final

from tieline.connectors.base import Action, Affected, Applied, Ref, Relate, Target, Unrelate
from tieline.connectors.errors import ConnectorError, Denied, Malformed, Rejected, Retryable
from tieline.sync.aspects import Extra, Recovered
from tieline.sync.config.links import LinkType
from tieline.sync.decide import Context
from tieline.sync.journal import record_conflicts
from tieline.sync.links import affected
from tieline.sync.links.affecting import items_of, listen, would_listen
from tieline.sync.links.model import Relation
from tieline.sync.links.relations import RELATED, kind_of
from tieline.sync.links.relations_doubt import recovered
from tieline.sync.links.relations_merge import Merged, merge_relation
from tieline.sync.links.relations_model import Standing
from tieline.sync.links.relations_steps import (
    NO_ISSUE,
    Job,
    dealt,
    is_wish,
    looked_at,
    settled_by_look,
    steps,
    told,
)
from tieline.sync.links.relations_view import REMOTE, View, base, plain, rekeyed, view
from tieline.sync.model import Arrival, Intent, Pair, Step
from tieline.sync.putting_off import put_all_off
from tieline.sync.run import Run
from tieline.sync.store.store import Tx
from tieline.sync.work import Work

RETRY: Final = timedelta(hours=6)
"""How long a relation that a side refused is left alone, unless something moves."""


class Relations:
    """Relations of incidents, as `[links]` has them; with `affected` their affected items as well."""

    def __init__(
        self, rules: Sequence[LinkType], tables: Mapping[str, str], *, affected: bool = False
    ) -> None:
        self._rules = tuple(rules)
        self._affected = affected
        self._kinds = {route: kind_of(table) for route, table in tables.items()}

    def _known(self, pair: Pair) -> Pair:
        """A pair whose Refs say of what kind its record in ServiceNow is: its route tells."""
        kind = self._kinds.get(pair.route, "incident")
        return replace(pair, servicenow=Ref("servicenow", pair.servicenow.id, kind))

    def owns(self, action: Action) -> bool:
        """Ties are this aspect's."""
        return isinstance(action, Relate | Unrelate)

    def hear(self, run: Run) -> None:
        """Put into the inbox what got an affected item."""
        if self._affected:
            listen(run)

    def would_hear(self, run: Run) -> Iterator[Ref]:
        """The records that `hear` would put into the inbox."""
        return would_listen(run) if self._affected else iter(())

    def _of(self, pair: Pair) -> list[LinkType]:
        return [rule for rule in self._rules if rule.on == self._known(pair).servicenow.kind]

    def _items(self, run: Run, works: Sequence[Work]) -> dict[int, Affected]:
        if not self._affected:
            return {}
        return items_of(run, [w for w in works if self._known(w.pair).servicenow.kind == "incident"])

    def read(self, run: Run, works: Sequence[Work]) -> Mapping[int, Part]:
        """What is remembered of these pairs, who their targets are, and which pairs wait for one of them."""
        told = [
            w for w in works if not self._of(w.pair) or all(r.ties is not None for r in w.records.values())
        ]
        try:
            items = self._items(run, told)
        except (Retryable, Malformed) as error:
            put_all_off(run, told, error)
            return {}
        if not told:
            return {}
        with run.store.read() as tx:
            kept = tx.relations_of([work.pair.id for work in told])
            waiting = tx.related_to([ref for work in told for ref in targets_of(work.pair)])
            refs = {plain(ref) for work in told for ref in _refs(work, kept.get(work.pair.id, ()))}
            pairs = {ref: self._known(pair) for ref, pair in tx.pairs_of(refs).items()}
        partners: dict[Ref, Pair | None] = {ref: pairs.get(ref) for ref in refs}
        for pair in pairs.values():  # what we tie ourselves is shown by either name
            partners |= {plain(pair.servicenow): pair, plain(pair.jira): pair}
        parts = {}
        for work in told:
            pair = self._known(work.pair)
            mine, listed = self._of(pair), items.get(work.pair.id)
            old = kept.get(work.pair.id, [])
            wake = [s.pair for s in waiting if _waits(s, work.pair)]
            tied = any(record.ties for record in work.records.values())
            if old or wake or tied or (listed is not None and listed.items):
                parts[work.pair.id] = Part(
                    run, pair, mine, partners, old, rekeyed(old, mine, partners), wake=wake, listed=listed
                )
        return _looked_up(run, told, parts)

    def recover(self, run: Run, intent: Intent) -> Recovered:
        """Look at the record: a tie stands or it does not, whoever made it."""
        return recovered(run, intent)


def targets_of(pair: Pair) -> tuple[Ref, ...]:
    """What a pair may be remembered as, where others are tied to it."""
    kind = pair.servicenow.kind
    return Ref("servicenow", pair.servicenow.id, kind), Ref("jira", pair.jira.id, "issue")


def _waits(standing: Standing, pair: Pair) -> bool:
    """Whether a relation to a record of this pair can be shown better now that it is in a pair."""
    if standing.pair == pair.id:
        return False
    return standing.target.side == "jira" or standing.made.startswith(REMOTE) or standing.held == NO_ISSUE


def _refs(work: Work, standings: Iterable[Standing]) -> list[Ref]:
    shown = [tie.target for record in work.records.values() for tie in record.ties or ()]
    return [*shown, *(s.target for s in standings)]


def _looked_up(run: Run, works: Sequence[Work], parts: dict[int, Part]) -> dict[int, Part]:
    """The parts with the remote links of their issues, and with the targets that a remote link is wanted for.

    A pair whose remote links cannot be read now is left out. They cost a request an issue: the sweep does
    without, and takes them to stand as they were left.
    """
    linked = [work for work in works if work.pair.id in parts and parts[work.pair.id].has_remote]
    for work in linked:
        parts[work.pair.id].shown = parts[work.pair.id].believed()
    linked = [work for work in linked if work.entry.reasons != {"sweep"}]
    answers = run.sides["jira"].remote_ties([work.pair.jira for work in linked]) if linked else []
    for work, answer in zip(linked, answers, strict=True):
        if isinstance(answer, ConnectorError):
            if isinstance(answer, Denied):
                raise answer
            del parts[work.pair.id]
        else:
            parts[work.pair.id].shown = answer
    wanted: dict[str, set[str]] = {}
    for work in works:
        for target in parts[work.pair.id].nameless(work) if work.pair.id in parts else ():
            wanted.setdefault(target.kind, set()).add(target.id)
    found = [t for kind, ids in wanted.items() for t in run.sides["servicenow"].targets(kind, sorted(ids))]
    details = {target.ref: target for target in found}
    unseen = _unseen(run, works, parts)
    for part in parts.values():
        part.details = details
        part.unseen = unseen
    return parts


def _unseen(run: Run, works: Sequence[Work], parts: Mapping[int, Part]) -> frozenset[str]:
    """Of the issues whose links are gone those that are hidden from us, or deleted: one request for all.

    Their links went with them, and nobody took those away.
    """
    missed = {id_ for work in works if work.pair.id in parts for id_ in parts[work.pair.id].missed(work)}
    shown = run.sides["jira"].targets("issue", sorted(missed)) if missed else ()
    return frozenset(missed - {target.ref.id for target in shown})


@dataclass
class Part:
    """The relations of one pair in one wave. `stored` is what the state has, `standings` what holds now."""

    run: Run
    pair: Pair
    rules: Sequence[LinkType]
    partners: Mapping[Ref, Pair | None]
    stored: Sequence[Standing]
    standings: list[Standing]
    wake: Sequence[int] = ()
    shown: frozenset[str] = frozenset()
    details: Mapping[Ref, Target] = field(default_factory=dict)
    unseen: frozenset[str] = frozenset()
    """Issues that are hidden or deleted, with the links to them."""
    decided_from: dict[Relation, frozenset[Ref]] = field(default_factory=dict)
    """By relation the links that Jira showed when the writes were planned."""
    listed: Affected | None = None
    """The affected items; None where nobody asks for them."""

    def owns(self, action: Action) -> bool:
        """Ties are this aspect's."""
        return isinstance(action, Relate | Unrelate)

    @property
    def has_remote(self) -> bool:
        """Whether a remote link shows one of the targets."""
        return any(s.made.startswith(REMOTE) for s in self.standings)

    def believed(self) -> frozenset[str]:
        """The remote links of ours that stood there when we last looked."""
        return frozenset(
            s.made.removeprefix(REMOTE) for s in self.standings if s.jira and s.made.startswith(REMOTE)
        )

    def missed(self, work: Work) -> frozenset[str]:
        """The issues to which a link led when we last looked, and to which none of its kind leads now."""
        shown = {tie.target.id for tie in work.records["jira"].ties or ()}
        mine = [s for s in self.standings if s.jira and not s.made.startswith(REMOTE)]
        return frozenset(self._met(s) for s in mine) - shown - {""}

    def _met(self, standing: Standing) -> str:
        issue = None if standing.issue else self._issue_of(standing.target)
        return standing.issue or ("" if issue is None else issue.id)

    def _hidden(self, rule: LinkType) -> frozenset[Ref]:
        """The targets of a relation whose issues we do not see now."""
        mine = [s for s in self.standings if s.relation == rule.relation and s.jira]
        return frozenset(s.target for s in mine if self._met(s) in self.unseen)

    def nameless(self, work: Work) -> list[Ref]:
        """The targets that a remote link has to be made for: their number and address must be looked up."""
        jobs = self._jobs(work, self.run.clock())
        return [
            target for job in jobs for target in job.merged.links - job.view.now.links
            if job.remote(target) and not job.unshowable(target) and not job.resting(target)
        ]  # fmt: skip

    def plan(self, work: Work, context: Context) -> Extra:
        """The writes that are left, behind those of the fields: the version that they made is known then."""
        jobs = self._jobs(work, context.now)
        self.decided_from = {job.view.rule.relation: job.view.now.links for job in jobs}
        items = self._items(context.now)
        more = () if items is None else affected.steps(items)
        return Extra(after=(*(step for job in jobs for step in steps(job)), *more))

    def _items(self, at: datetime) -> affected.Items | None:
        if self.listed is None:
            return None
        known = {s.target: s for s in self.standings if s.relation == affected.AFFECTED}
        return affected.Items(self.pair.id, self.pair.jira, self.listed, known, self.shown, at)

    def _jobs(self, work: Work, at: datetime) -> list[Job]:
        servicenow, jira = work.records["servicenow"], work.records["jira"]
        found = []
        for rule in self.rules:
            seen = view(
                rule, self.rules, servicenow, jira, self.partners, self.standings, self.shown,
                self._hidden(rule),
            )  # fmt: skip
            if seen is not None:
                mine = {s.target: s for s in self.standings if s.relation == rule.relation}
                merged = self._merged(rule, seen, mine)
                found.append(
                    Job(seen, merged, servicenow, jira, mine, self._issue_of, self.details, self.pair.id, at)
                )
        return found

    def _merged(self, rule: LinkType, seen: View, mine: Mapping[Ref, Standing]) -> Merged:
        now, wishes = seen.now, [s.target for s in mine.values() if is_wish(s)]
        if now.column:  # nothing that a person set is overwritten by a wish
            wishes = [target for target in wishes if target.side == "jira" or target in now.column]
        return merge_relation(
            now, base(rule, mine.values()), rule=rule.clash, direction=rule.direction, wanted=wishes
        )

    def _issue_of(self, target: Ref) -> Ref | None:
        if target.side == "jira":
            return target
        pair = self.partners.get(plain(target))
        return None if pair is None else Ref("jira", pair.jira.id, "issue")

    def looked(self, tx: Tx, work: Work, at: datetime) -> None:
        """Settle what both sides hold as they should, and say of the rest why it is held."""
        items = self._items(at)
        relations: set[Relation] = {rule.relation for rule in self.rules}
        relations |= {affected.AFFECTED} if items is not None else set()
        kept = [s for s in self.standings if s.relation not in relations]
        conflicts = []
        jobs = {job.view.rule.relation: job for job in self._jobs(work, at)}
        for rule in self.rules:
            mine = [s for s in self.standings if s.relation == rule.relation]
            job = jobs.get(rule.relation)
            kept += mine if job is None else looked_at(job, mine, at)
            conflict = None if job is None else settled_by_look(job)
            conflicts += [] if conflict is None else [replace(conflict, pass_id=self.run.id)]
        self._store(tx, kept if items is None else [*kept, *affected.looked_at(items)])
        record_conflicts(tx, conflicts)
        self.run.counts["conflicts"] += len(conflicts)
        self._wake(tx, at)

    def _wake(self, tx: Tx, at: datetime) -> None:
        """Let the pairs be looked at that are tied to this one, which they could not show before.

        By the next pass, which counts them: hundreds may wait for one parent, and this pass was let go on
        without them. Without a limit at once.
        """
        waiting = tx.pairs(self.wake).values() if self.wake else ()
        arrivals = [Arrival(pair.servicenow, RELATED) for pair in waiting if pair.state != "unlinked"]
        if arrivals:
            tx.arrive(arrivals, at, self.run.started if self.run.options.initial else None)
        self.wake = ()

    def _store(self, tx: Tx, kept: Sequence[Standing]) -> None:
        keys = {(s.relation, s.target) for s in kept}
        gone = [s for s in self.stored if (s.relation, s.target) not in keys]
        old = {(s.relation, s.target): s for s in self.stored}
        changed = [s for s in kept if old.get((s.relation, s.target)) != s]
        tx.drop_relations(gone)
        tx.save_relations(changed)
        self.stored = self.standings = list(kept)

    def settled(self, tx: Tx, step: Step, result: Applied, at: datetime) -> None:
        """A tie was made or taken away."""
        action = step.action
        assert isinstance(action, Relate | Unrelate)
        if action.global_id:
            gid = frozenset({action.global_id})
            self.shown = self.shown | gid if isinstance(action, Relate) else self.shown - gid
        standings = dealt(self.standings, self.pair.id, action, at)
        self._store(tx, self._with_links_seen(standings, action))
        self.run.counts["related" if isinstance(action, Relate) else "unrelated"] += 1

    def _with_links_seen(self, standings: Sequence[Standing], action: Relate | Unrelate) -> list[Standing]:
        """Once the column was written: the links that this was decided from are dealt with.

        Or the one that lost its place would look newly linked next time, and take the place back, for ever.
        """
        relation, _ = told(action)
        written = action.ref.side == "servicenow" and isinstance(action, Relate)
        seen = self.decided_from.get(relation, frozenset()) if written else frozenset()
        return [
            replace(s, jira=True) if s.relation == relation and s.target in seen else s for s in standings
        ]

    def refused(self, tx: Tx, step: Step, error: Rejected, at: datetime) -> bool:
        """A side refused a tie: it is held with the side's own words, and the pair goes on."""
        action = step.action
        assert isinstance(action, Relate | Unrelate)
        relation, target = told(action)
        known = next((s for s in self.standings if (s.relation, s.target) == (relation, target)), None)
        words = f"{action.ref.side} refused it: {error}"
        held = known or Standing(self.pair.id, relation, target, since=at)
        held = replace(held, held=words, retry_at=at + RETRY)
        self._store(tx, [*(s for s in self.standings if s is not known), held])
        return True
