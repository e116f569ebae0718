"""P1 to P4 for relations, judged by what stood on both sides and who made it so, not by the engine's records.

A tie is known by the relation, the record that has it and its target, in ServiceNow's ids: an issue is what
it is the mirror of, or what is its mirror.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from tests.simulation.evidence import MOMENTS, Couple, Evidence
from tests.simulation.simulation import Story
from tests.simulation.ties import AFFECTED, COLUMN, Happened, TiedTraits, Triple
from tests.simulation.world import START
from tieline.connectors.base import SIDES, Side, other


@dataclass
class Past:
    """What happened to one tie, in order, on both sides."""

    events: list[Happened] = field(default_factory=list)

    def of(self, side: Side) -> list[Happened]:
        """What happened on one side."""
        return [each for each in self.events if each.side == side]

    def stood(self, side: Side, since: datetime, until: datetime, *, stands: bool) -> bool:
        """Whether it stood on a side (or did not) at some moment in between."""
        count, before = 0, True
        for each in self.of(side):
            if each.at >= since and before:
                if (count > 0) == stands:
                    return True
                before = False
            if each.at > until:
                break
            count += 1 if each.made else -1
            if each.at >= since and (count > 0) == stands:
                return True
        return (count > 0) == stands if before else False

    def standing(self, side: Side, before: int) -> bool:
        """Whether it stood on a side before the event with this number."""
        return sum(1 if each.made else -1 for each in self.of(side) if each.seq < before) > 0

    def last_before(self, seq: int) -> Happened | None:
        """What happened to it before the event with this number."""
        return next((each for each in reversed(self.events) if each.seq < seq), None)


class Ties:
    """The ties of a run, arranged for judging."""

    def __init__(self, story: Story) -> None:
        self.story = story
        self.evidence = Evidence(story)
        self.couples = {couple.servicenow.id: couple for couple in self.evidence.couples}
        self.home = {couple.jira.id: couple.servicenow.id for couple in self.evidence.couples}
        self.pasts: dict[Triple, Past] = defaultdict(Past)
        for side in SIDES:
            for each in story.sides[side].ties.log:
                triple = self.plain(side, each.triple, each.how)
                if triple is not None:
                    self.pasts[triple].events.append(each)
        for past in self.pasts.values():
            past.events.sort(key=lambda each: each.seq)

    def plain(self, side: Side, triple: Triple, how: str) -> Triple | None:
        """A tie in ServiceNow's ids; None where an end has no half there, and for a link that is nobody's."""
        if side == "servicenow":
            return triple
        if triple[0] == "problem" and how == "link":  # issues that are incidents are nobody's problem
            return None
        relation, row, target = triple
        mine, far = self.home.get(row), target if how == "remote" else self.home.get(target)
        return None if mine is None or far is None else (relation, mine, far)

    def now(self, side: Side) -> Counter[Triple]:
        """What stands there in the end."""
        found: Counter[Triple] = Counter()
        for (how, triple), count in self.story.sides[side].ties.standing().items():
            plain = self.plain(side, triple, how)
            if plain is not None:
                found[plain] += count
        return found

    def is_linked(self, triple: Triple) -> bool:
        """Whether an issue link shows it in the end."""
        standing = self.story.sides["jira"].ties.standing()
        return any(how == "link" and self.plain("jira", t, how) == triple for how, t in standing)

    def excused(self, triple: Triple) -> bool:
        """Whether people are shown that one of the ends is left alone, or it cannot be written to."""
        couple, far = self.couples.get(triple[1]), self.couples.get(triple[2])
        ends = [couple, *([far] if triple[0] not in ("problem", AFFECTED) else [])]
        return any(end is None or self._is_left(end) for end in ends)

    def _is_left(self, couple: Couple) -> bool:
        sour = couple.servicenow.sour or couple.jira.sour
        return not couple.visible or sour or self.evidence.is_parked(self.story.lists, couple)

    def clashed(self, triple: Triple) -> bool:
        """Whether people are shown that both sides tied it to different records."""
        couple = self.couples.get(triple[1])
        return any(
            self.evidence.pair_ids.get((life, conflict.pair)) is couple and conflict.unit == triple[0]
            for (life, _), conflict in self.story.lists.conflicts.items()
        )

    def raced(self, triple: Triple, gone: Happened) -> bool:
        """Whether what took it away ran over what a person had just tied, unseen, and that is told."""
        last = self.pasts[triple].last_before(gone.seq)
        if last is None or not last.made or (last.who, last.side) != ("person", gone.side):
            return False
        looks = self.story.world.looks[gone.side, gone.triple[1]]
        couple = self.couples.get(triple[1])
        return not any(last.seq <= look.seq < gone.seq for look in looks) and any(
            (conflict.kind, conflict.unit) == ("race", triple[0])
            and abs(conflict.at - gone.at) <= MOMENTS
            and self.evidence.pair_ids.get((life, conflict.pair)) is couple
            for (life, _), conflict in self.story.lists.conflicts.items()
        )

    def halved(self, triple: Triple, gone: Happened) -> bool:
        """Whether a person took one of two that say the same away, unseen, as we took the other.

        Then nothing is left of what they took away: the second was to go, and theirs is carried over.
        """
        last = self.pasts[triple].last_before(gone.seq)
        if last is None or last.made or (last.who, last.side) != ("person", gone.side):
            return False
        looks = self.story.world.looks[gone.side, gone.triple[1]]
        return not any(last.seq <= look.seq < gone.seq for look in looks)

    def name(self, triple: Triple) -> str:
        """A tie for people."""
        relation, row, target = triple
        return f"{relation} {self.couples.get(row, row)} -> {self.couples.get(target, target)}"


def broken_promises(story: Story) -> list[str]:
    """Everything that the engine did to relations that it must not, or left undone."""
    ties = Ties(story)
    return [
        *_doubled(ties), *_apart(ties), *_invented(ties), *_taken(ties), *_undone(ties), *_meddled(ties),
        *_listed(ties),
    ]  # fmt: skip


def for_the_oracle(story: Story) -> Story:
    """The story without conflicts of relations: the other oracle knows fields alone."""
    lists = story.lists
    known = {key: each for key, each in lists.conflicts.items() if each.unit not in COLUMN}
    return replace(story, lists=replace(lists, conflicts=known))


def _doubled(ties: Ties) -> Iterator[str]:
    """P1: no link stands twice in the end, and none was made while the same one had been shown for long."""
    for (how, triple), count in ties.story.sides["jira"].ties.standing().items():
        if count > 1:
            yield f"P1: {how} {triple} stands {count} times"
    for triple, past in ties.pasts.items():
        links = [each for each in past.of("jira") if each.how == "link"]
        since: list[datetime] = []
        for each in links:
            if each.made and each.who == "tieline" and since and each.at - since[0] > MOMENTS:
                yield f"P1: {ties.name(triple)} was made again at {_moment(each.at)}"
            if each.made:
                since.append(each.at)
            elif since:
                since.pop(0)


def _apart(ties: Ties) -> Iterator[str]:
    """P3: what one side says the other says, as far as one column can.

    A state that was lost or put back may not know of a remote link, and then nobody asks for it.
    """
    columns, links = ties.now("servicenow"), ties.now("jira")
    for row in ties.couples:
        for relation in COLUMN:
            held = [t for t in columns if t[:2] == (relation, row) and not ties.excused(t)]
            shown = [t for t in links if t[:2] == (relation, row)]
            for triple in held:
                if triple not in shown:
                    yield f"P3: {ties.name(triple)} stands in ServiceNow, and Jira does not show it"
            alone = not any(t[:2] == (relation, row) for t in columns) and len(shown) == 1
            lost = ties.story.scenario.tampered and shown and not ties.is_linked(shown[0])
            if alone and not lost and not ties.excused(shown[0]):
                yield f"P3: {ties.name(shown[0])} stands in Jira, and ServiceNow's column is empty"


def _invented(ties: Ties) -> Iterator[str]:
    """P4: what the engine ties, the other side showed just before."""
    for triple, past in ties.pasts.items():
        for each in past.events:
            if each.who != "tieline" or not each.made:
                continue
            if not past.stood(other(each.side), each.at - MOMENTS, each.at, stands=True):
                yield f"P4: {ties.name(triple)} was made in {each.side} at {_moment(each.at)}: by nobody"


def _taken(ties: Ties) -> Iterator[str]:
    """P2: what stood is taken away only if a person took it away on the other side, or a rule says so.

    Or where a write met what a person had just tied: that was run over, and is told as a race. Or a person
    took it away on the same side, where it had stood twice.
    """
    for triple, past in ties.pasts.items():
        for each in past.events:
            if each.who != "tieline" or each.made or ties.story.scenario.tampered:
                continue
            second = past.standing(each.side, each.seq + 1)
            if second or _was_taken(past, each) or (_decides(ties) and ties.clashed(triple)):
                continue
            if ties.raced(triple, each) or ties.halved(triple, each):
                continue
            yield f"P2: {ties.name(triple)} was taken away in {each.side} at {_moment(each.at)}: by nobody"


def _decides(ties: Ties) -> bool:
    traits = ties.story.scenario.traits
    return isinstance(traits, TiedTraits) and traits.ties != "hold"


def _was_taken(past: Past, each: Happened) -> bool:
    """Whether a person took it away on the other side, after the engine last made it."""
    before = [e for e in past.events if e.seq < each.seq]
    ours = [e for e in before if e.who == "tieline" and e.made]
    since = ours[-1].at - MOMENTS if ours else START
    return any(e.who == "person" and not e.made and e.side != each.side and e.at >= since for e in before)


def _undone(ties: Ties) -> Iterator[str]:
    """P2: what a person takes away last, of what both sides had dealt with, is gone from both."""
    final = {side: ties.now(side) for side in SIDES}
    for triple, past in ties.pasts.items():
        acts = [each for each in past.events if each.who == "person"]
        if not acts or acts[-1].made or ties.excused(triple) or ties.story.scenario.tampered:
            continue
        if triple[0] == AFFECTED:  # it is no relation that goes both ways
            continue
        last = acts[-1]
        if not _was_dealt_with(ties, past, last):
            continue
        for side in SIDES:
            if final[side][triple]:
                yield (
                    f"P2: {ties.name(triple)} was taken away in {last.side} at {_moment(last.at)}, and "
                    f"stands in {side}"
                )


def _was_dealt_with(ties: Ties, past: Past, last: Happened) -> bool:
    """Whether it had stood on both sides, unmoved, through two passes that nothing went wrong with."""
    before = [each for each in past.events if each.seq < last.seq]
    if not all(past.standing(side, last.seq) for side in SIDES):
        return False
    since = max(each.at for each in before) + MOMENTS
    return sum(since <= begun and ended <= last.at for begun, ended in _good_passes(ties.story)) >= 2


def _good_passes(story: Story) -> list[tuple[datetime, datetime]]:
    return [(done.begun, done.ended) for done in story.passes if not done.error]


def _meddled(ties: Ties) -> Iterator[str]:
    """P4: a link that is no relation of ours is left alone."""
    for each in ties.story.sides["jira"].ties.log:
        if each.who == "tieline" and each.how == "link" and each.triple[0] == "problem":
            yield f"P4: a link that is nobody's was touched: {each.triple}"


def _listed(ties: Ties) -> Iterator[str]:
    """Affected items: P4, the list is people's; P3, Jira shows it; P2, but for what people took away there.

    A state that was lost or put back knows neither what was shown nor what people took away.
    """
    final = {side: ties.now(side) for side in SIDES}
    for triple, past in ties.pasts.items():
        if triple[0] != AFFECTED:
            continue
        if any(each.who == "tieline" for each in past.of("servicenow")):
            yield f"P4: {ties.name(triple)}: the list of affected items was changed"
        if ties.excused(triple) or ties.story.scenario.tampered:
            continue
        listed, shown = (final[side][triple] > 0 for side in SIDES)
        unlinked = [each for each in past.of("jira") if each.who == "person" and not each.made]
        if shown and not listed:
            yield f"P3: {ties.name(triple)} is not listed any more, and Jira shows it"
        if listed and not shown and not unlinked:
            yield f"P3: {ties.name(triple)} is listed, and Jira does not show it"
        acts = [each for each in past.events if each.who == "person"]
        if shown and acts[-1] in unlinked and _was_dealt_with(ties, past, acts[-1]):
            yield f"P2: {ties.name(triple)} was put back after {_moment(acts[-1].at)}"


def _moment(at: datetime) -> str:
    return f"{(at - START).total_seconds():.0f} s"


def reached(stories: Sequence[Story]) -> Counter[str]:
    """How often relations were tied and untied, by whom, over these runs."""
    return Counter(
        f"{each.who} {'made' if each.made else 'took away'} {each.how}"
        for story in stories for side in SIDES for each in story.sides[side].ties.log
    )  # fmt: skip
