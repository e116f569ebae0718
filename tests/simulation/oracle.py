"""The promises P1 to P10 as code, judged apart from the engine: `judge` puts them all to a run.

What they judge by is in `evidence`; P2 is in `edits_judged`, what the engine writes in `writes_judged`, what
people are shown in `lists_judged`, and the rest here.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping

from tests.simulation import truth
from tests.simulation.edits_judged import nothing_lost
from tests.simulation.evidence import Couple, Evidence, Violation, as_text, stays_closed
from tests.simulation.lists_judged import honest_conflicts, honest_parks
from tests.simulation.scenario import UNITS
from tests.simulation.simulation import Lists, Story
from tests.simulation.writes_judged import accounted, no_echo, no_stampede, notes_once
from tieline.connectors.base import SIDES, Side, Value, other


def judge(story: Story) -> list[Violation]:
    """Every promise that was not kept in a run."""
    if story.crash:
        return [Violation("P6", f"the engine broke: {story.crash}")]
    evidence = Evidence(story)
    found: list[Violation] = []
    for promise in PROMISES:
        found += promise(evidence)
    return found


def one_mirror(evidence: Evidence) -> Iterator[Violation]:
    """P1: each incident of people has one mirror, and what is none of ours has none."""
    story = evidence.story
    made: Counter[tuple[Side, str]] = Counter()
    for side in SIDES:
        for row in story.sides[side].rows.values():
            if row.origin is not None and not row.copied and row.visible:
                made[other(side), row.origin.id] += 1
    parks = {park.key for park in story.lists.parks}
    for side in SIDES:
        for row in story.sides[side].rows.values():
            count, mine = made[side, row.id], evidence.couple_of.get((side, row.id))
            if count > 1:
                yield Violation("P1", f"{row.label} of {side} has {count} mirrors")
            is_origin = row.origin is None and not row.marker.startswith(("sim:", "elsewhere:"))
            if not is_origin and row.origin is None and mine is not None:
                yield Violation("P1", f"{row.label} of {side} is none of ours and was mirrored")
            due = is_origin and row.visible and row.place == story.sides[side].place
            if due and mine is None and f"r:{side}:{row.id}" not in parks:
                yield Violation("P2", f"{row.label} of {side} never got a mirror, and is not parked")
    for row in story.people.clones:
        key = f"r:{'jira' if row.id in story.sides['jira'].rows else 'servicenow'}:{row.id}"
        if row.visible and row.place == story.sides[_side_of(key)].place and key not in parks:
            yield Violation("P1", f"the copy {row.label} is not reported")


def _side_of(key: str) -> Side:
    return "jira" if ":jira:" in key else "servicenow"


def convergence(evidence: Evidence) -> Iterator[Violation]:
    """P3 and P10: in the end the sides agree, the next pass writes nothing; most of it without a sweep."""
    story = evidence.story
    last = story.passes[-1]
    if last.error or last.writes:
        yield Violation("P3", f"the last pass still writes ({last.writes}) or fails ({last.error})")
    for couple in evidence.couples:
        if couple.visible:
            values = {side: couple.row(side).values for side in SIDES}
            yield from _differences(evidence, couple, values, story.lists, "P3")
            disturbed = couple.jira.place != story.sides["jira"].place or story.scenario.tampered
            early = {side: story.early_values[side].get(couple.row(side).id) for side in SIDES}
            if story.early and all(early.values()) and not disturbed:
                yield from _differences(evidence, couple, early, story.early, "P10")


def _differences(
    evidence: Evidence,
    couple: Couple,
    values: Mapping[Side, Mapping[str, Value] | None],
    lists: Lists,
    promise: str,
) -> Iterator[Violation]:
    if evidence.is_parked(lists, couple):
        return
    for unit in UNITS:
        ours, theirs = values["servicenow"] or {}, values["jira"] or {}
        if truth.agree(unit, ours, theirs) or evidence.open_conflict(lists, couple, unit) is not None:
            continue
        if unit == "status" and stays_closed(evidence, ours):
            continue
        shown = (
            f"{as_text(truth.own('servicenow', unit, ours))} and {as_text(truth.own('jira', unit, theirs))}"
        )
        yield Violation(promise, f"{couple} {unit}: the sides hold {shown}, and nobody is told")


def private(evidence: Evidence) -> Iterator[Violation]:
    """P9: the state can be read by its owner alone."""
    if evidence.story.mode & 0o077:
        yield Violation("P9", f"the state's file has mode {evidence.story.mode:o}")


PROMISES = (
    one_mirror, nothing_lost, convergence, no_echo, notes_once, no_stampede, accounted, private,
    honest_conflicts, honest_parks,
)  # fmt: skip
