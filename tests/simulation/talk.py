"""Conversations in the simulated world: people say, edit and delete on both sides, and P5 is judged.

A run has conversations only if its scenario says so (`with_talk`): all other seeds stay what they are.
"""

from __future__ import annotations

import random
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from tests.simulation.scenario import Remark, Scenario
from tieline.connectors.base import (
    DROPPED,
    SIDES,
    AddComment,
    Applied,
    Ask,
    Comment,
    Conversation,
    Side,
    other,
)
from tieline.connectors.errors import ConnectorError, Gone, Rejected, Unavailable
from tieline.connectors.memory_talk import MemoryTalk

if TYPE_CHECKING:
    from tests.simulation.evidence import Couple
    from tests.simulation.sides import HostileSide, Row
    from tests.simulation.simulation import Story

SETTINGS: Final = """
[comments]
park_notes = false
limit = { servicenow = 2000, jira = 2000 }
"""
_WORD: Final = re.compile(r"w(\d+)x")


def with_talk(scenario: Scenario) -> Scenario:
    """The same scenario with people who talk about its incidents."""
    chance = random.Random(f"talk {scenario.seed}")
    span = sum(scenario.gaps)
    incidents = 1 + max((deed.incident for deed in scenario.deeds), default=0)
    remarks = [
        Remark(chance.uniform(0, span), chance.randrange(incidents), chance.choice(SIDES), n,
               chance.choice(("say", "say", "say", "edit", "delete")), chance.random() < 0.4)
        for n in range(chance.choice((10, 40, 80)))
    ]  # fmt: skip
    traits = replace(scenario.traits, talk=True, reopen="write")
    return replace(scenario, traits=traits, remarks=tuple(sorted(remarks, key=lambda r: r.at)))


class TalkRoom:
    """The conversations of one hostile side."""

    def __init__(self, side: HostileSide) -> None:
        self.side = side
        self.talk = MemoryTalk(side.side, side.server_now)
        self.said: list[tuple[str, str, bool]] = []
        """Record, word and who may read it: every version of every entry of people."""

    def do(self, row: Row, remark: Remark) -> None:
        """A person says something, or changes or deletes the last that was said (Jira)."""
        mine = [entry for entry in self.talk.of(row.id) if not entry.own]
        text = f"w{remark.n}x" + " long" * (500 if remark.n % 17 == 0 else 1)
        if remark.kind == "say" or self.side.side == "servicenow" or not mine:
            self.talk.say(row.id, text, "somebody", public=remark.public)
            self.said.append((row.id, f"w{remark.n}x", remark.public))
        elif remark.kind == "edit":
            self.talk.edit(row.id, mine[-1].id, text)
            self.said.append((row.id, f"w{remark.n}x", mine[-1].public))
        else:
            self.talk.delete(row.id, mine[-1].id)
        self.side.touch(row, "person")
        self.side.world.reach[f"remark {remark.kind} at {self.side.side}"] += 1

    def take(self, row: Row, action: AddComment) -> Applied | ConnectorError:
        """Carry out a write; a closed incident keeps nothing."""
        jira = self.side.side == "jira"
        if not jira and row.values.get("state") == "7":
            return Rejected("it was kept nowhere", {"work_notes": DROPPED})
        made = self.talk.add(action, "tieline")
        self.side.touch(row, "tieline")
        if jira:
            return Applied(action.ref, made=made.id)
        seen = action.seen.token.partition("@")[0]
        alone = row.mod_count <= int(seen) + 1 if seen else None
        return Applied(action.ref, self.side.record(row), alone, made=made.id)

    def conversations(self, asks: Sequence[Ask]) -> list[Conversation | ConnectorError]:
        """What was said; half an answer leaves some of it out. Jira told it along with the records."""
        told = self.side.side == "jira" and not any(ask.fresh for ask in asks)
        fault = None if told or not asks else self.side._read("conversations", half=True)
        found: list[Conversation | ConnectorError] = []
        for number, ask in enumerate(asks):
            row = self.side.rows.get(ask.ref.id)
            if fault == "half" and number % 2:
                found.append(Unavailable("left out of the answer"))
            elif row is None or not row.visible:
                found.append(Gone(f"{ask.ref} is not shown"))
            else:
                found.append(self.talk.told(ask))
        if asks and not told:
            self.side.world.answered()
        return found


def broken_promises(story: Story) -> list[str]:
    """P5: exactly once, in order, no note made public."""
    from tests.simulation.evidence import Evidence

    evidence = Evidence(story)
    found: list[str] = []
    for couple in evidence.couples:
        excused = evidence.is_parked(story.lists, couple) or not couple.visible
        for side in SIDES:
            found += _judge(story, couple, side, excused=excused)
    return found


def _judge(story: Story, couple: Couple, side: Side, *, excused: bool) -> Iterator[str]:
    room, across = story.sides[side].talks, story.sides[other(side)].talks
    source, target = couple.row(side), couple.row(other(side))
    public = {word: shown for record, word, shown in room.said if record == source.id}
    copies = [e for e in across.talk.of(target.id) if e.own and e.mark]
    order = [(word, e) for e in copies if (word := _word(e)) in public]
    for word, number in Counter(word for word, _ in order).items():
        if number > 1:
            yield f"{couple}: {word} of {side} stands {number} times"
    for word, entry in order:
        if entry.public and not public[word]:
            yield f"{couple}: {word} of {side} became public"
    people = [e for e in room.talk.of(source.id) if not e.own]
    closed = other(side) == "servicenow" and target.values.get("state") == "7"
    held = closed or target.sour  # it is refused, and waits
    if not excused and not held and source.place == story.sides[side].place:
        there = {word for word, _ in order}
        yield from (
            f"{couple}: {_word(e)} of {side} never came over" for e in people if _word(e) not in there
        )
    unedited = [_word(e) for e in people if e.stamp.endswith(" 0")]
    carried = [word for word, _ in order if word in unedited]
    if carried != [word for word in unedited if word in carried]:
        yield f"{couple}: what was said in {side} is out of order"


def _word(entry: Comment) -> str:
    found = _WORD.search(entry.text or "")
    return found[0] if found else ""
