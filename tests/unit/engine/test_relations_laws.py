"""Laws of relations under random edits, removals and trouble on both sides: P1 to P4 for links."""

from __future__ import annotations

import os
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from hypothesis import HealthCheck, Phase, example, given, settings
from hypothesis import strategies as st

from tieline.connectors.base import Action, Applied, Ref, Relate, Unrelate
from tieline.connectors.errors import ConnectorError, Unavailable, Unknown
from tieline.connectors.memory import Row
from tieline.sync.links.relations_merge import Ends, merge_relation

from .world import World

EXAMPLES = int(os.environ.get("TIELINE_LAW_EXAMPLES", "10"))
"""Of each law that plays whole passes; 500 for a long run."""
TOPS = 3
"""Incidents that may be the parent of the one child."""
TROUBLES = ("busy", "lost-made", "lost-unmade", "killed")


class Killed(BaseException):
    """The process dies here."""


@dataclass
class Game:
    """A child, its possible parents, and people who tie and untie them on both sides."""

    clash: str = "hold"
    world: World = field(init=False)
    child: Row = field(init=False)
    issue: Row = field(init=False)
    tops: list[tuple[Row, Row]] = field(init=False)
    trouble: str = ""

    def __post_init__(self) -> None:
        types = [{"relation": "parent", "jira": "Parent", "clash": self.clash}]
        self.world = World(links={"type": types})
        rows = [self.world.incident(short_description=f"Incident {n}") for n in range(TOPS + 1)]
        self.world.tick()
        self.world.run(initial=True)
        self.world.settle()
        self.world.tick()
        pairs = [(row, self.world.mirror_of(row)) for row in rows]
        (self.child, self.issue), *self.tops = pairs
        for side in (self.world.sn, self.world.jira):
            side.before_write, side.after_write = self._before, self._after

    def _before(self, action: Action) -> ConnectorError | None:
        if not isinstance(action, Relate | Unrelate):
            return None
        trouble = self.trouble
        if trouble == "busy":
            self.trouble = ""
            return Unavailable("busy")
        if trouble == "lost-unmade":
            self.trouble = ""
            return Unknown("no answer")
        return None

    def _after(self, action: Action, outcome: Applied | ConnectorError) -> Applied | ConnectorError:
        trouble = self.trouble
        if isinstance(action, Relate | Unrelate) and trouble in ("lost-made", "killed"):
            self.trouble = ""
            if trouble == "killed":
                raise Killed
            return Unknown("no answer")
        return outcome

    # What people do.

    def assign(self, top: int | None) -> None:
        target = None if top is None else Ref("servicenow", self.tops[top][0].id, "incident")
        self.world.sn.ties.set(self.child.id, "parent_incident", target)
        self.world.sn._stamp(self.child, {}, "somebody", True)

    def link(self, top: int) -> None:
        if top not in self.linked():  # Jira's screens refuse a link that is there already
            self.world.jira.ties.link(self.tops[top][1].id, "Parent", self.issue.id)
            self._touch(top)

    def unlink(self, top: int) -> None:
        for id_, (source, _, target) in list(self.world.jira.ties.issue_links.items()):
            if (source, target) == (self.tops[top][1].id, self.issue.id):
                self.world.jira.ties.unlink(id_)
                self._touch(top)

    def _touch(self, top: int) -> None:
        for row in (self.issue, self.tops[top][1]):
            self.world.jira._stamp(row, {}, "somebody", True)

    # What stands.

    def held(self) -> int | None:
        ref = self.world.sn.ties.columns.get(self.child.id, {}).get("parent_incident")
        ids = [row.id for row, _ in self.tops]
        return None if ref is None else ids.index(ref.id)

    def linked(self) -> set[int]:
        ids = [issue.id for _, issue in self.tops]
        return {ids.index(source) for source, _, _ in self.world.jira.ties.issue_links.values()}

    # What Tieline does.

    def sync(self, trouble: str = "") -> None:
        self.trouble = trouble
        self.world.tick()
        with suppress(Killed):
            self.world.run()
        self.trouble = ""

    def settle(self) -> None:
        self.world.tick(400)  # what was lost may be looked for now
        self.world.run()
        self.world.settle()
        self.world.tick()

    def agree(self) -> None:
        """No link twice; and what one side says the other says, as far as one column can."""
        twice = [link for link, n in Counter(self.world.jira.ties.issue_links.values()).items() if n > 1]
        assert twice == [], "a duplicate link"
        held, linked = self.held(), self.linked()
        if held is None:
            assert len(linked) != 1, f"Jira shows {linked}, and ServiceNow nothing"
        else:
            assert held in linked, f"ServiceNow holds {held}, Jira shows {linked}"
        assert (self.world.intents(), self.world.parks()) == (0, [])


TOP = st.integers(0, TOPS - 1)
DEED = st.one_of(
    st.tuples(st.just("assign"), st.one_of(st.none(), TOP)),
    st.tuples(st.just("link"), TOP),
    st.tuples(st.just("unlink"), TOP),
)
ROUND = st.tuples(st.lists(DEED, max_size=3), st.sampled_from(["", *TROUBLES]))
QUICK = settings(
    max_examples=EXAMPLES, deadline=None, suppress_health_check=list(HealthCheck),
    phases=[Phase.explicit, Phase.reuse, Phase.generate, Phase.shrink],
)  # fmt: skip


def play(game: Game, deeds: list[tuple[str, int | None]]) -> None:
    for what, top in deeds:
        getattr(game, what)(top)


@QUICK
@example(rounds=[([("link", 0)], "lost-made"), ([("link", 1)], "")], clash="jira")
@given(rounds=st.lists(ROUND, min_size=1, max_size=5), clash=st.sampled_from(["hold", "servicenow", "jira"]))
def test_links_converge_and_none_is_doubled(
    rounds: list[tuple[list[tuple[str, int | None]], str]], clash: str
) -> None:
    game = Game(clash)
    for deeds, trouble in rounds:
        play(game, deeds)
        game.sync(trouble)
    game.settle()
    game.agree()
    before = (game.held(), game.linked())
    game.world.tick()
    game.world.run()
    assert not game.world.writes, "a pass in which nobody did anything writes nothing"
    assert (game.held(), game.linked()) == before


@QUICK
@given(st.lists(DEED, min_size=1, max_size=4), st.sampled_from(TROUBLES), st.sampled_from(["desk", "jira"]))
def test_what_a_person_takes_away_last_stays_away(
    deeds: list[tuple[str, int | None]], trouble: str, where: str
) -> None:
    game = Game()
    play(game, deeds)
    game.sync()
    game.settle()
    if where == "desk":
        last = game.held()
        game.assign(None)
    else:
        last = min(game.linked(), default=None)
        if last is not None:
            game.unlink(last)
    game.sync(trouble)
    game.settle()
    game.agree()
    assert last is None or (last not in game.linked() and game.held() != last)


@QUICK
@given(st.lists(DEED, max_size=4), TOP, st.sampled_from(TROUBLES), st.sampled_from(["desk", "jira"]))
def test_what_a_person_makes_last_reaches_the_other_side(
    deeds: list[tuple[str, int | None]], top: int, trouble: str, where: str
) -> None:
    game = Game()
    play(game, deeds)
    game.sync()
    game.settle()
    if where == "desk":
        game.assign(top)
        game.sync(trouble)
        game.settle()
        assert (game.held(), top in game.linked()) == (top, True)
    else:
        free = game.held() is None and not game.linked()
        game.link(top)
        game.sync(trouble)
        game.settle()
        assert top in game.linked(), "a person's link is never taken away"
        assert not free or game.held() == top
    game.agree()


REF = st.sampled_from([Ref("servicenow", str(n), "problem") for n in range(3)] + [Ref("jira", "9", "issue")])
SN_REF = REF.filter(lambda ref: ref.side == "servicenow")
COLUMN: st.SearchStrategy[frozenset[Ref]] = st.one_of(
    st.just(frozenset()), SN_REF.map(lambda ref: frozenset({ref}))
)
ENDS = st.builds(Ends, COLUMN, st.frozensets(REF))
RULE = st.sampled_from(["hold", "servicenow", "jira"])
DIRECTION = st.sampled_from(["both", "to_jira", "to_servicenow"])


@given(ENDS, ENDS, RULE, DIRECTION)
def test_the_merge_of_a_merge_changes_nothing(now: Ends, base: Ends, rule: Any, direction: Any) -> None:
    first = merge_relation(now, base, rule=rule, direction=direction)
    after = Ends(frozenset({first.column} - {None}), first.links)  # type: ignore[arg-type]
    again = merge_relation(after, after, rule=rule, direction=direction)
    assert (again.column, again.links, again.lost) == (first.column, first.links, None)


@given(ENDS, ENDS)
def test_nothing_is_invented_and_nothing_stays_that_was_taken_away(now: Ends, base: Ends) -> None:
    merged = merge_relation(now, base)
    assert merged.links <= now.column | now.links
    assert merged.column is None or merged.column in merged.links
    gone = (base.column - now.column) - (now.links - base.links) - now.column
    assert not gone & merged.links & base.links


@given(ENDS, ENDS)
def test_every_rule_but_a_named_one_keeps_what_somebody_made(now: Ends, base: Ends) -> None:
    merged = merge_relation(now, base, rule="hold")
    assert (now.links - base.links) | (now.column - base.column) <= merged.links


@given(ENDS)
def test_what_agrees_is_left_alone(now: Ends) -> None:
    links = now.links | now.column
    merged = merge_relation(Ends(now.column, links), Ends(now.column, links))
    assert merged.links == links
    assert not now.column or {merged.column} == now.column
