"""Affected items: what ServiceNow lists is shown on the issue once, one way, and a removal is respected."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tieline.connectors.base import Action, Affected, Applied, Ref, Relate, Target, Unrelate
from tieline.connectors.errors import ConnectorError, Denied, Malformed, Rejected, Unavailable, Unknown
from tieline.connectors.memory import Row
from tieline.sync.links import affected
from tieline.sync.links.affected import TAKEN_AWAY, Items
from tieline.sync.links.relations import Standing
from tieline.sync.links.relations_steps import dealt

from .world import START, World

DAY = 90_000


@pytest.fixture
def world() -> World:
    return World(links={"affected": True})


def item(world: World, name: str = "db01") -> Ref:
    return world.sn.ties.add("ci", f"ci-{name}", name)


def affect(world: World, row: Row, target: Ref) -> None:
    world.sn.ties.affect(row.id, target, world.now)


def shown(world: World, issue: Row) -> list[tuple[str, str, str]]:
    """Global id, title and relationship of each remote link that shows an item."""
    held = world.jira.ties.remote.get(issue.id, {})
    return sorted((id_, made.label, made.name) for id_, made in held.items())


def kept(world: World) -> list[Standing]:
    with world.store.read() as tx:
        return tx.walk_relations(None, 1000)


def quiet(world: World) -> None:
    """So much time passes that no feed tells of what was before."""
    world.tick(3600)
    world.run()
    world.tick()


def affected_pair(world: World) -> tuple[Row, Row, Ref]:
    row, issue = world.paired()
    target = item(world)
    affect(world, row, target)
    world.settle()
    quiet(world)
    assert len(shown(world, issue)) == 1
    return row, issue, target


def test_an_item_put_on_an_old_incident_wakes_its_pair_and_is_shown_once(world: World) -> None:
    row, issue = world.paired()
    world.tick(3600)
    affect(world, row, item(world))
    world.tick()
    world.run()
    assert shown(world, issue) == [("tieline:affected:ci-db01", "db01", "affected CI")]
    assert world.jira.ties.remote[issue.id]["tieline:affected:ci-db01"].url == "https://servicenow/db01"
    world.settle()
    world.run()
    assert sum(world.writes.values()) == 0
    assert [(s.relation, s.servicenow, s.jira, s.held) for s in kept(world)] == [("affected", True, True, "")]


def test_what_is_affected_from_the_start_is_shown_on_the_new_issue(world: World) -> None:
    row = world.incident()
    affect(world, row, item(world))
    world.tick()
    world.run(initial=True)
    world.settle()
    world.tick()
    world.run()
    assert [label for _, label, _ in shown(world, world.mirror_of(row))] == ["db01"]


def test_a_pass_asks_once_for_the_feed_and_once_a_wave(world: World) -> None:
    rows = [world.incident(short_description=f"Number {n}") for n in range(5)]
    world.tick()
    world.run(initial=True)
    world.settle()
    quiet(world)
    world.run()
    assert (world.asked["affecting"], world.asked["affected"]) == (1, 0)
    for n, row in enumerate(rows):
        affect(world, row, item(world, f"db{n}"))
    world.tick()
    world.run()
    assert (world.asked["affecting"], world.asked["affected"]) == (1, 1)
    assert world.writes["Relate"] == 5
    assert world.asked["targets"] == 0


def test_nothing_is_asked_where_it_is_not_configured() -> None:
    world = World()
    row, _ = world.paired()
    affect(world, row, item(world))
    world.tick()
    world.run()
    assert world.asked["affecting"] == world.asked["affected"] == world.writes["Relate"] == 0


def test_it_needs_no_other_relation() -> None:
    world = World(links={"affected": True, "type": []})
    world.sn.ties.told = world.jira.ties.told = False
    _, issue, _ = affected_pair(world)
    assert [label for _, label, _ in shown(world, issue)] == ["db01"]


def test_what_is_taken_off_the_list_goes_with_the_next_change_of_the_incident(world: World) -> None:
    row, issue, target = affected_pair(world)
    world.sn.ties.unaffect(row.id, target)
    world.run()
    assert len(shown(world, issue)) == 1, "nothing tells of it"
    world.tick()
    world.sn.edit(row.id, {"short_description": "Two printers"})
    world.settle()
    assert (shown(world, issue), kept(world)) == ([], [])


def test_what_is_taken_off_the_list_goes_with_the_sweep(world: World) -> None:
    row, issue, target = affected_pair(world)
    world.sn.ties.unaffect(row.id, target)
    world.tick(DAY)
    world.run()
    assert (shown(world, issue), kept(world)) == ([], [])


def test_a_link_that_a_person_takes_away_stays_away_and_the_list_stays_as_it_is(world: World) -> None:
    row, issue, target = affected_pair(world)
    world.jira.ties.remote[issue.id].clear()
    for _ in range(3):
        world.tick(DAY)
        world.sn.edit(row.id, {"short_description": f"Two printers at {world.now}"})
        world.settle()
        assert shown(world, issue) == []
    assert list(world.sn.ties.items[row.id]) == [target]
    (held,) = kept(world)
    assert (held.servicenow, held.jira, held.held) == (True, False, TAKEN_AWAY)


def test_taken_off_and_put_on_again_it_is_shown_again(world: World) -> None:
    row, issue, target = affected_pair(world)
    world.jira.ties.remote[issue.id].clear()
    world.sn.edit(row.id, {"short_description": "Two printers"})
    world.settle()
    world.sn.ties.unaffect(row.id, target)
    world.tick()
    world.sn.edit(row.id, {"short_description": "Three printers"})
    world.settle()
    assert kept(world) == []
    world.tick()
    affect(world, row, target)
    world.settle()
    assert len(shown(world, issue)) == 1


def test_hidden_items_are_not_taken_away_and_others_are_shown_all_the_same(world: World) -> None:
    row, issue, target = affected_pair(world)
    world.sn.ties.unseen_items.add(target)
    affect(world, row, item(world, "db02"))
    world.settle()
    world.tick(DAY)
    world.run()
    assert [label for _, label, _ in shown(world, issue)] == ["db01", "db02"]


@pytest.mark.parametrize("request_", ["affecting", "affected"])
def test_a_busy_side_is_asked_again_and_loses_nothing(world: World, request_: str) -> None:
    row, issue = world.paired()
    quiet(world)

    def busy(request: str) -> None:
        if request == request_:
            raise Unavailable("busy")

    affect(world, row, item(world))
    world.tick()
    world.sn.fault = busy
    assert not world.run().error
    assert shown(world, issue) == []
    world.sn.fault = lambda _request: None
    world.tick(600)
    world.run()
    assert len(shown(world, issue)) == 1


@pytest.mark.parametrize("error", [Denied("no right"), Malformed("no such table")])
def test_a_feed_that_may_not_be_read_stops_no_pass(world: World, error: ConnectorError) -> None:
    row, issue = world.paired()

    def refused(request: str) -> None:
        if request == "affecting":
            raise error

    world.sn.fault = refused
    world.sn.edit(row.id, {"short_description": "Two printers"})
    world.tick()
    assert world.run().counts["affected_unread"] == 1
    assert issue.values["summary"] == "Two printers"


def test_a_refused_link_is_held_with_jiras_words_and_tried_again(world: World) -> None:
    row, issue = world.paired()
    world.jira.ties.refused = frozenset({"affected CI"})
    affect(world, row, item(world))
    world.settle()
    assert "refused it" in kept(world)[0].held
    assert world.parks() == []
    world.jira.ties.refused = frozenset()
    world.tick(DAY)
    world.run()
    assert len(shown(world, issue)) == 1
    assert kept(world)[0].held == ""


@pytest.mark.parametrize("done", [True, False])
def test_a_lost_answer_is_looked_for_and_no_link_is_made_twice(world: World, done: bool) -> None:
    row, issue = world.paired()
    affect(world, row, item(world))

    def lost(action: Action, outcome: Applied | ConnectorError) -> Applied | ConnectorError:
        return Unknown("lost") if isinstance(action, Relate) else outcome

    if done:
        world.jira.after_write = lost
    else:
        world.jira.before_write = lambda action: Unknown("lost") if isinstance(action, Relate) else None
    world.tick()
    world.run()
    world.jira.after_write = lambda _action, outcome: outcome
    world.jira.before_write = lambda _action: None
    made = 0
    for _ in range(6):
        world.tick(1200)
        world.run()
        made += world.writes["Relate"]
    assert (len(shown(world, issue)), made, world.intents()) == (1, 0 if done else 1, 0)


def test_a_lost_state_makes_no_second_link(world: World) -> None:
    _, issue, _ = affected_pair(world)
    with world.store.transaction() as tx:
        tx.drop_relations(tx.walk_relations(None, 10))
    world.tick(DAY)
    world.settle()
    assert len(shown(world, issue)) == 1


def test_people_are_shown_it_before_it_is_written(world: World) -> None:
    """`tieline plan` sees a pair that only the list woke, and remembers nothing of it."""
    from tieline.sync.preview import preview
    from tieline.sync.run import PassOptions, new_run

    row, _ = world.paired()
    affect(world, row, item(world))
    run = new_run("p", world.config, world.store, world.sides, world.clock, PassOptions(), remember=False)
    steps = [step for proposal in preview(run) for step in proposal.plan.steps]
    assert [type(step.action) for step in steps] == [Relate]
    assert kept(world) == []


# The decision alone, under everything that may happen in any order.

CIS = tuple(Ref("servicenow", f"c{n}", "ci") for n in range(3))
Event = tuple[str, int]
EVENTS = st.lists(
    st.tuples(
        st.sampled_from(("put on", "take off", "unlink", "look", "look halfway", "refused", "hidden")),
        st.integers(0, 2),
    ),
    max_size=30,
)


class Small:
    """One incident's list, its issue's remote links, and what is remembered of them."""

    def __init__(self) -> None:
        self.listed: set[Ref] = set()
        self.links: set[str] = set()
        self.known: dict[Ref, Standing] = {}
        self.dismissed: set[Ref] = set()
        self.now = START

    def items(self, *, whole: bool = True, without: frozenset[Ref] = frozenset()) -> Items:
        told = tuple(Target(ref, ref.id.upper()) for ref in sorted(self.listed - without))
        issue = Ref("jira", "1")
        return Items(1, issue, Affected(told, whole), dict(self.known), frozenset(self.links), self.now)

    def look(self, write: Callable[[Relate | Unrelate], bool], **told: object) -> None:
        items = self.items(**told)  # type: ignore[arg-type]
        self.keep(affected.looked_at(items))
        for step in affected.steps(self.items(**told)):  # type: ignore[arg-type]
            action = step.action
            assert isinstance(action, Relate | Unrelate)
            assert (action.global_id in self.links) == isinstance(action, Unrelate), "nothing is done twice"
            if write(action):
                change = self.links.add if isinstance(action, Relate) else self.links.discard
                change(action.global_id)
                self.keep(dealt(self.known.values(), 1, action, self.now))

    def keep(self, standings: list[Standing]) -> None:
        self.known = {s.target: s for s in standings}

    def settle(self) -> None:
        for _ in range(2):
            self.now += timedelta(days=1)
            self.look(lambda _action: True)
        self.keep(affected.looked_at(self.items()))


@given(EVENTS)
def test_the_issue_shows_what_is_listed_but_for_what_people_took_away(events: list[Event]) -> None:
    small = Small()
    for what, n in events:
        ref = CIS[n]
        id_ = f"tieline:affected:{ref.id}"
        match what:
            case "put on":
                small.listed.add(ref)
            case "take off":
                small.listed.discard(ref)
                small.settle()  # a look in between, or nobody could tell that it was gone
                small.dismissed.discard(ref)
            case "unlink" if id_ in small.links:
                small.links.discard(id_)
                if ref in small.listed:
                    small.dismissed.add(ref)
            case "look":
                small.settle()
            case "look halfway":
                small.look(lambda _action: True)
            case "refused":
                small.look(lambda _action: False)
            case "hidden":
                before = set(small.links)
                small.look(lambda _action: True, whole=False, without=frozenset({ref}))
                assert before <= small.links, "what is hidden is not gone"
    small.settle()
    assert small.links == {f"tieline:affected:{ref.id}" for ref in small.listed - small.dismissed}
    assert {ref for ref, s in small.known.items() if s.servicenow} == small.listed
    assert list(affected.steps(small.items())) == []


def test_what_rests_after_a_refusal_is_left_alone_until_its_time() -> None:
    small = Small()
    small.listed.add(CIS[0])
    held = Standing(1, "affected", CIS[0], held="refused", retry_at=START + timedelta(hours=6))
    small.keep([held])
    assert list(affected.steps(small.items())) == []
    assert affected.looked_at(small.items()) == [held]
    small.now += timedelta(hours=7)
    assert len(list(affected.steps(small.items()))) == 1
    assert isinstance(Rejected("x"), ConnectorError)
    assert replace(held, retry_at=None) != held
