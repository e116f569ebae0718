"""From the merge of one relation to the writes that make it so, each with its reason. Pure.

And to what is remembered once they are made, or once the records were looked at.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final, cast

from tieline.connectors.base import Record, Ref, Relate, Target, Tie, Unrelate
from tieline.sync.config.links import TARGET_KIND
from tieline.sync.links.model import Relation
from tieline.sync.links.relations_merge import TAKEN, Ends, Merged
from tieline.sync.links.relations_model import Standing
from tieline.sync.links.relations_view import OURS, REMOTE, UNSEEN, View, global_id
from tieline.sync.model import Conflict, Step

WORDS: Final = {
    "problem": "problem",
    "caused_by": "caused by",
    "cured_by": "cured by",
    "parent": "parent incident",
    "duplicate": "duplicate of",
    "ci": "configuration item",
    "affected": "affected CI",
}
"""How people read a relation, also on a remote link."""
TWICE: Final = " twice"
"""How `about` ends of a write that takes away the second of two links, or remote links, that say the same."""
BOTH: Final = " both"
"""How `about` ends of a write that ties what the other side holds already: both hold it once it is made."""
NO_ISSUE: Final = "it stands in ServiceNow only: Jira has no issue of it"


@dataclass(frozen=True, slots=True)
class Job:
    """One relation to bring in step: what was found, what should be, and what is needed to write it.

    `issue_of` tells the issue of a target, None if it has none; `details` the targets that were looked up.
    """

    view: View
    merged: Merged
    servicenow: Record
    jira: Record
    standings: Mapping[Ref, Standing]
    issue_of: Callable[[Ref], Ref | None]
    details: Mapping[Ref, Target]
    pair: int
    at: datetime

    def label(self, target: Ref) -> str:
        """What people call a target, as far as it is known."""
        known = self.standings.get(target)
        found = self.details.get(target)
        return (
            self.view.labels.get(target, "")
            or (found.label if found is not None else "")
            or (known.label if known is not None else "")
            or target.id
        )

    def resting(self, target: Ref) -> bool:
        """Whether a write about this target was refused a while ago."""
        known = self.standings.get(target)
        return known is not None and known.retry_at is not None and known.retry_at > self.at

    def remote(self, target: Ref) -> bool:
        """Whether Jira shows this target by a remote link: it has no issue, or its links have no type."""
        return self.view.rule.jira is None or self.issue_of(target) is None

    def unshowable(self, target: Ref) -> bool:
        """Whether nothing in Jira could show this target."""
        return self.remote(target) and not self.view.rule.remote


def about(relation: str, target: Ref) -> str:
    """What a write carries with it so that it is known again: the relation and its target."""
    return f"{relation} {target}"


def steps(job: Job) -> list[Step]:
    """The writes, those that take away first: a column and a list never hold two of one thing at once."""
    found = [*_taken_away(job), *_column(job), *_made(job), *_better(job)]
    conflict = clash(job) if found else None
    if conflict is not None and _by_step(job):
        kind = Relate if job.merged.winner == "jira" else Unrelate
        place = next((n for n, step in enumerate(found) if isinstance(step.action, kind)), 0)
        found[place] = replace(found[place], conflicts=(conflict,))
    return found


def clash(job: Job) -> Conflict | None:
    """The Conflict of a relation that both sides moved apart, decided; None if they did not."""
    merged, rule = job.merged, job.view.rule
    if merged.lost is None or merged.column is None:
        return None
    place, lost = job.label(merged.column), job.label(merged.lost)
    stays = lost if merged.lost in merged.links else f"{lost} is taken away"
    why = (
        f"{rule.relation}: both sides were tied, to {place} and to {lost}; {rule.column} holds one, "
        f"{place} (rule {rule.clash}); {stays}{' stays in Jira' if merged.lost in merged.links else ''}"
    )
    ours, theirs = {rule.column: place}, {rule.jira or rule.relation: lost}
    if merged.winner == "jira":
        ours, theirs = {rule.column: lost}, {rule.jira or rule.relation: place}
    return Conflict(
        job.pair, rule.relation, "clash", ours, theirs, why, job.at, merged.winner, closed_at=job.at
    )


def settled_by_look(job: Job) -> Conflict | None:
    """The Conflict of a relation if nothing has to be written for it."""
    return None if _by_step(job) else clash(job)


def _by_step(job: Job) -> bool:
    merged = job.merged
    return merged.column not in job.view.now.column or merged.lost not in merged.links


def _taken_away(job: Job) -> Iterator[Step]:
    """Links and remote links that Jira should not show any more."""
    view, rule = job.view, job.view.rule
    for target in sorted(view.now.links - job.merged.links):
        if not job.resting(target):
            why = f"{rule.relation}: {job.label(target)} was taken away in servicenow"
            for tie in view.links.get(target, ()):
                yield Step(_unlink(job, target, tie), (why,))
            if target in view.remote:
                yield Step(_unlink_remote(job, target), (why,))


def _unlink(job: Job, target: Ref, tie: Tie) -> Unrelate:
    before = {tie.name: job.label(target)}
    return Unrelate(
        job.jira.ref, tie.name, tie.target, tie.outward, tie.id, before=before,
        about=about(job.view.rule.relation, target),
    )  # fmt: skip


def _unlink_remote(job: Job, target: Ref) -> Unrelate:
    rule = job.view.rule
    words = WORDS[rule.relation]
    return Unrelate(
        job.jira.ref, words, target, global_id=global_id(rule.relation, target),
        before={words: job.label(target)}, about=about(rule.relation, target),
    )  # fmt: skip


def _column(job: Job) -> Iterator[Step]:
    """What ServiceNow's column should hold instead of what it holds."""
    view, rule, wanted = job.view, job.view.rule, job.merged.column
    now = min(view.now.column, default=None)
    if wanted == now:
        return
    if wanted is not None and not job.resting(wanted):
        known = job.standings.get(wanted)
        wish = known.wanted if known is not None else ""
        why = f"{rule.relation}: {wish or f'{job.label(wanted)} was linked in jira'}"
        told = about(rule.relation, wanted) + (BOTH if wanted in view.now.links else "")
        action = Relate(
            job.servicenow.ref, rule.column, wanted, label=job.label(wanted), before=view.before,
            seen=job.servicenow.version, about=told,
        )  # fmt: skip
        yield Step(action, (why,))
    elif wanted is None and now is not None and not job.resting(now):
        gone = Unrelate(
            job.servicenow.ref, rule.column, now, before=view.before, seen=job.servicenow.version,
            about=about(rule.relation, now),
        )  # fmt: skip
        yield Step(gone, (f"{rule.relation}: {job.label(now)} was taken away in jira",))


def _made(job: Job) -> Iterator[Step]:
    """Links that Jira should show and does not."""
    for target in sorted(job.merged.links - job.view.now.links):
        if job.resting(target) or job.unshowable(target):
            continue
        known = job.standings.get(target)
        wish = known.wanted if known is not None else ""
        why = wish or f"{job.label(target)} was set in servicenow"
        action = _link(job, target)
        if action is not None:
            yield Step(action, (f"{job.view.rule.relation}: {why}",))


def _link(job: Job, target: Ref) -> Relate | None:
    rule, issue = job.view.rule, job.issue_of(target)
    held = target in job.view.now.column and target == job.merged.column
    told = about(rule.relation, target) + (BOTH if held else "")
    if rule.jira is not None and issue is not None:
        return Relate(job.jira.ref, rule.jira, issue, rule.outward, job.label(target), about=told)
    found = job.details.get(target)
    if found is None:  # it could not be looked up now
        return None
    return Relate(
        job.jira.ref, WORDS[rule.relation], target, label=found.label, url=found.url,
        global_id=global_id(rule.relation, target), about=told,
    )  # fmt: skip


def _better(job: Job) -> Iterator[Step]:
    """A remote link whose target has got an issue gives way to an issue link; a second one of ours goes.

    It goes once the issue link stands: that may be refused, and then Jira would show nothing.
    """
    view = job.view
    for target in sorted(view.now.links & job.merged.links):
        if job.resting(target):
            continue
        ties, known = view.links.get(target, ()), job.standings.get(target)
        if target in view.remote and not ties and not job.remote(target):
            action = _link(job, target)
            if action is not None:
                yield Step(action, (f"{view.rule.relation}: {job.label(target)} has an issue now",))
        if target in view.remote and ties and not job.remote(target):
            why = f"{view.rule.relation}: {job.label(target)} is linked as an issue"
            gone = _unlink_remote(job, target)
            yield Step(replace(gone, about=gone.about + TWICE), (why,))
        made = "" if known is None else made_of(known.made, view, target)
        ours = next((tie for tie in ties if tie.id == made), None)
        for tie in too_many(ties, ours):
            why = f"{view.rule.relation}: the same link stands there already"
            second = _unlink(job, target, tie)
            yield Step(replace(second, about=second.about + TWICE), (why,))


def too_many(ties: Sequence[Tie], ours: Tie | None) -> list[Tie]:
    """Of links that say the same those that go: ours, if it is known, and all but the oldest of the others.

    Jira's own screens refuse a second one: it comes from a request, of ours or of another program's.
    """
    others = sorted((tie for tie in ties if tie is not ours), key=lambda tie: (len(tie.id), tie.id))
    return [*([ours] if ours else []), *others[1:]] if others else []


def made_of(known: str, view: View, target: Ref) -> str:
    """What `Standing.made` says once the records showed the target: the id of a link of ours, if there is."""
    ties = view.links.get(target, ())
    if known == OURS and ties:
        return max((tie.id for tie in ties), key=lambda id_: (len(id_), id_))
    if known.startswith(REMOTE) and target not in view.remote:
        return ""
    return known


# What is remembered


def is_wish(standing: Standing) -> bool:
    """Whether it is wanted, and stands nowhere yet."""
    return bool(standing.wanted) and not standing.servicenow and not standing.jira


def told(action: Relate | Unrelate) -> tuple[Relation, Ref]:
    """The relation and the target that a write is about."""
    relation, ref, *_ = action.about.split(" ")
    side, _, id_ = ref.partition(":")
    found = cast(Relation, relation)
    kind = TARGET_KIND[found] if side == "servicenow" else "issue"
    return found, Ref("servicenow" if side == "servicenow" else "jira", id_, kind)


def dealt(known: Iterable[Standing], pair: int, action: Relate | Unrelate, at: datetime) -> list[Standing]:
    """The relations of a pair once this write was made; the record is looked at again for what it shows.

    What it was decided from is dealt with as well: somebody may take it away before the next look.
    """
    relation, target = told(action)
    made, both = isinstance(action, Relate), action.about.endswith(BOTH)
    found = {(s.relation, s.target): s for s in known}
    mine = found.get((relation, target)) or Standing(pair, relation, target, since=at)
    mine = replace(mine, held="", retry_at=None)
    if action.ref.side == "servicenow":
        for key, other in found.items():
            if key[0] == relation and other.servicenow:
                found[key] = replace(other, servicenow=False)
        mine = replace(mine, servicenow=made, jira=mine.jira or both)
    elif made:
        how = f"{REMOTE}{action.global_id}" if action.global_id else OURS
        kept = not action.global_id and mine.made.startswith(REMOTE)  # that one goes once the link is seen
        mine = replace(mine, servicenow=mine.servicenow or both, jira=True, made=mine.made if kept else how)
    else:  # of two that said the same one is left; of what is affected we take away what ServiceNow did
        stays = mine.servicenow and relation != "affected"
        mine = replace(mine, servicenow=stays, jira=action.about.endswith(TWICE), made="")
    found[relation, target] = mine
    return list(found.values())


def looked_at(job: Job, mine: Sequence[Standing], at: datetime) -> list[Standing]:
    """The relations of one kind after a look: what is as it should be is dealt with, the rest stays."""
    now, merged = job.view.now, job.merged
    known = {s.target: s for s in mine}
    found = []
    for target in sorted({*known, *now.column, *now.links, *merged.links}):
        old = known.get(target) or Standing(job.pair, job.view.rule.relation, target, since=at)
        new = _after_look(job, old, now, merged)
        if new is not None:
            found.append(new)
    return found


def _after_look(job: Job, old: Standing, now: Ends, merged: Merged) -> Standing | None:
    target, label = old.target, job.label(old.target)
    stands = target in now.column or target in now.links
    if merged.realised(target, now):
        if not stands:
            return replace(old, held=TAKEN) if is_wish(old) else None
        return replace(
            old, servicenow=target in now.column, jira=target in now.links, wanted="", label=label,
            made=made_of(old.made, job.view, target), retry_at=None,
            held=UNSEEN if target in job.view.unseen else merged.held.get(target, ""),
            issue=next((tie.target.id for tie in job.view.links.get(target, ())),
                       old.issue if target in job.view.unseen else ""),
        )  # fmt: skip
    if target in merged.links and target not in now.links and job.unshowable(target):
        return replace(old, label=label, held=NO_ISSUE)
    return replace(old, label=label) if target in job.standings else None
