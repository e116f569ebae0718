"""Relations that a person takes away after Tieline carried them over, and before it looked at them again."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tieline.connectors.base import Action, Applied, Ref, Relate, Unrelate
from tieline.connectors.errors import ConnectorError, Unknown
from tieline.connectors.memory import Row
from tieline.sync.pairing import unlink
from tieline.sync.run import PassOptions, new_run

from .test_crashes import deaths
from .test_unknown import look_while_hidden
from .world import World

TYPES = [{"relation": "parent", "jira": "Parent"}, {"relation": "problem", "jira": "Problem/Incident"}]


@pytest.fixture
def world() -> World:
    return World(links={"type": TYPES})


def touch(world: World, *rows: Row) -> None:
    """What a link does on its ends: they count as changed."""
    for row in rows:
        side = world.sn if world.sn.rows.get(row.id) is row else world.jira
        side._stamp(row, {}, "somebody", True)


def lose(world: World, is_it: Callable[[Relate | Unrelate], bool], *, made: bool = True) -> None:
    """The answer to the first such write is lost, made or not."""
    left = [True]

    def lost(action: Action) -> bool:
        found = bool(left) and isinstance(action, Relate | Unrelate) and is_it(action)
        return found and left.pop()

    def before(action: Action) -> ConnectorError | None:
        return Unknown("no answer") if not made and lost(action) else None

    def after(action: Action, outcome: Applied | ConnectorError) -> Applied | ConnectorError:
        return Unknown("no answer") if made and lost(action) else outcome

    world.sn.before_write = world.jira.before_write = before
    world.sn.after_write = world.jira.after_write = after


def _parent(world: World, row: Row) -> str:
    held = world.sn.ties.columns.get(row.id, {}).get("parent_incident")
    return "" if held is None else held.id


def _set(world: World, row: Row, column: str, target: Ref | None) -> None:
    world.sn.ties.set(row.id, column, target)
    touch(world, row)


def lose_a_tie(world: World, issue: Row, top: Row, *, made: bool = True, taken_away: bool = False) -> None:
    """Somebody ties two issues, or takes that link away; the write to ServiceNow loses its answer."""
    link = world.jira.ties.link(top.id, "Parent", issue.id)
    touch(world, issue, top)
    if taken_away:
        world.settle()
        world.jira.ties.unlink(link)
        touch(world, issue, top)
    lose(world, lambda action: action.ref.side == "servicenow", made=made)
    world.tick()
    world.run()


@pytest.mark.parametrize("lost", ["parent", "problem"])
@pytest.mark.parametrize("instead", [False, True])
def test_what_is_emptied_at_the_desk_is_no_link_any_more(world: World, lost: str, instead: bool) -> None:
    child, issue = world.paired()
    parent, _ = world.paired(short_description="Everything is down")
    third, other = world.paired(short_description="Third")
    lose(world, lambda action: action.about.startswith(lost))
    _set(world, child, "parent_incident", Ref("servicenow", parent.id, "incident"))
    _set(world, child, "problem_id", world.sn.ties.add("problem", "prb1", "PRB1"))
    world.tick()
    world.run()
    assert len(world.jira.ties.issue_links) == 1
    _set(world, child, "parent_incident", Ref("servicenow", third.id, "incident") if instead else None)
    world.tick(200)
    world.settle()
    links = [(other.id, "Parent", issue.id)] if instead else []
    assert list(world.jira.ties.issue_links.values()) == links
    assert _parent(world, child) == (third.id if instead else "")


@pytest.mark.parametrize("lost", ["parent", "problem"])
def test_a_link_that_is_taken_away_in_jira_empties_the_column(world: World, lost: str) -> None:
    child, issue = world.paired()
    _, top = world.paired(short_description="Everything is down")
    lose(world, lambda action: action.about.startswith(lost))
    id_ = world.jira.ties.link(top.id, "Parent", issue.id)
    touch(world, issue, top)
    _set(world, child, "problem_id", world.sn.ties.add("problem", "prb1", "PRB1"))
    world.tick()
    world.run()
    assert _parent(world, child)
    world.jira.ties.unlink(id_)
    touch(world, issue, top)
    world.tick(200)
    world.settle()
    assert (_parent(world, child), len(world.jira.ties.issue_links)) == ("", 0)


def test_a_tie_that_is_taken_away_again_while_its_record_is_hidden_is_told(world: World) -> None:
    """The column stands as before the lost write: looked at alone, nobody has touched it."""
    child, issue = world.paired()
    parent, top = world.paired(short_description="Everything is down")
    lose_a_tie(world, issue, top)
    _set(world, child, "parent_incident", None)
    look_while_hidden(world, child)
    touch(world, child)
    world.settle()
    (told,) = world.conflicts()
    assert (told.unit, told.kind, told.winner) == ("parent", "race", "jira")
    assert child.label in told.reason and "hidden" in told.reason
    assert _parent(world, child) == parent.id


class TestClash:
    """A clash whose write lost its answer is told: what it ran over stands nowhere else."""

    def lost(self, rule: str, *, made: bool = True) -> tuple[World, Row, Row, Row]:
        """Both sides tied an incident anew, one after the other; what decides that loses its answer."""
        world = World(links={"type": [{"relation": "parent", "jira": "Parent", "clash": rule}]})
        child, issue = world.paired()
        (first, _), (_, top), (third, _) = world.paired(), world.paired(), world.paired()
        _set(world, child, "parent_incident", Ref("servicenow", first.id, "incident"))
        if rule == "jira":
            world.settle()
        world.jira.ties.link(top.id, "Parent", issue.id)
        touch(world, issue, top)
        lose(world, lambda _action: True, made=made)
        world.tick()
        world.run()
        assert (world.intents(), world.conflicts()) == (1, [])
        return world, child, first, third

    @pytest.mark.parametrize("rule", ["jira", "servicenow"])
    @pytest.mark.parametrize("made", [True, False])
    def test_it_is_told_once(self, rule: str, made: bool) -> None:
        world, _, first, _ = self.lost(rule, made=made)
        world.tick(200)
        world.settle()
        (told,) = world.conflicts()
        assert (told.winner, told.open, first.label in told.reason) == (rule, False, True)
        assert "not known" not in told.reason

    @pytest.mark.parametrize("instead", [True, False])
    def test_it_is_told_in_doubt_where_somebody_wrote_over_it(self, instead: bool) -> None:
        world, child, first, third = self.lost("jira")
        _set(world, child, "parent_incident", Ref("servicenow", third.id, "incident") if instead else None)
        world.tick(200)
        world.settle()
        told = [each.reason for each in world.conflicts() if first.label in each.reason]
        assert len(told) == 1 and "it is not known whether it was written" in told[0]

    def test_it_is_told_in_doubt_where_its_record_is_hidden(self) -> None:
        world, child, first, _ = self.lost("jira")
        look_while_hidden(world, child)
        touch(world, child)
        world.settle()
        (told,) = world.conflicts()
        assert first.label in told.reason and "it is not known whether it was written" in told.reason

    @pytest.mark.parametrize("made", [True, False])
    def test_it_is_told_once_where_somebody_puts_back_what_stood_before(self, made: bool) -> None:
        """It is decided again, and told with that."""
        world, child, first, _ = self.lost("jira", made=made)
        _set(world, child, "parent_incident", Ref("servicenow", first.id, "incident"))
        world.tick(200)
        world.settle()
        told = [conflict for conflict in world.conflicts() if conflict.kind == "clash"]
        assert len(told) == 1 and "not known" not in told[0].reason


def test_what_a_write_to_the_column_ran_over_is_told_by_its_relation(world: World) -> None:
    child, issue = world.paired()
    (first, _), (_, top) = world.paired(), world.paired()

    def meet(_action: Action) -> None:
        world.sn.before_write = lambda _action: None
        _set(world, child, "parent_incident", Ref("servicenow", first.id, "incident"))

    world.jira.ties.link(top.id, "Parent", issue.id)
    touch(world, issue, top)
    world.sn.before_write = meet
    world.tick()
    world.run()
    (told,) = world.conflicts()
    assert (told.unit, told.kind, told.open) == ("parent", "race", False)
    assert told.reason.startswith("parent: somebody wrote it in servicenow at")


@pytest.mark.parametrize("taken_away", [False, True])
@pytest.mark.parametrize("meets", [False, True])
def test_what_a_write_to_the_column_ran_over_is_told_where_its_answer_was_lost(
    world: World, meets: bool, taken_away: bool
) -> None:
    """They tied the incident to another in that moment: theirs stands nowhere any more."""
    child, issue = world.paired()
    (first, _), (_, top) = world.paired(), world.paired()

    def meet(_action: Action) -> None:
        world.sn.before_write = lambda _action: None
        _set(world, child, "parent_incident", Ref("servicenow", first.id, "incident"))

    link = world.jira.ties.link(top.id, "Parent", issue.id)
    touch(world, issue, top)
    if taken_away:
        world.settle()
        world.jira.ties.unlink(link)
        touch(world, issue, top)
    lose(world, lambda action: action.ref.side == "servicenow")
    if meets:
        world.sn.before_write = meet
    world.tick()
    world.run()
    assert (world.intents(), world.conflicts()) == (1, [])
    world.tick(200)
    world.settle()
    told = [(each.unit, each.kind, each.open) for each in world.conflicts()]
    assert told == ([("parent", "race", False)] if meets else [])


def test_somebody_who_tied_the_same_in_place_of_a_lost_write_lost_nothing(world: World) -> None:
    child, issue = world.paired()
    same, top = world.paired()
    lose_a_tie(world, issue, top, made=False)
    _set(world, child, "parent_incident", Ref("servicenow", same.id, "incident"))
    world.tick(200)
    world.settle()
    assert (_parent(world, child), world.conflicts()) == (same.id, [])


@pytest.mark.parametrize("taken_away", [False, True])
@pytest.mark.parametrize("made", [True, False])
def test_what_is_put_back_after_a_lost_write_to_the_column_is_told(
    world: World, made: bool, taken_away: bool
) -> None:
    """It is written again. If ours was never made, theirs was the one change: nothing can be lost."""
    child, issue = world.paired()
    parent, top = world.paired()
    lose_a_tie(world, issue, top, made=made, taken_away=taken_away)
    assert bool(_parent(world, child)) == (made != taken_away)
    before = Ref("servicenow", parent.id, "incident") if taken_away else None
    _set(world, child, "parent_incident", before)
    world.tick(200)
    world.settle()
    told = world.conflicts()
    assert [(each.unit, each.kind, each.open) for each in told] == [("parent", "race", False)] * made
    assert all("if they put it back, that is run over" in each.reason for each in told)
    carried = {"parent_incident": None if taken_away else top.label}
    assert [(each.servicenow, each.jira) for each in told] == [({}, carried)] * made
    assert (_parent(world, child), len(world.jira.ties.issue_links)) == (
        ("", 0) if taken_away else (parent.id, 1)
    )


@pytest.mark.parametrize("made", [True, False])
@pytest.mark.parametrize("taken_away", [True, False])
def test_another_that_somebody_sets_after_a_lost_write_to_the_column_lost_nothing(
    world: World, made: bool, taken_away: bool
) -> None:
    """It stands, and is carried over."""
    child, issue = world.paired()
    (_, top), (third, _) = world.paired(), world.paired()
    lose_a_tie(world, issue, top, made=made, taken_away=taken_away)
    _set(world, child, "parent_incident", Ref("servicenow", third.id, "incident"))
    world.tick(200)
    world.settle()
    assert _parent(world, child) == third.id
    assert [conflict for conflict in world.conflicts() if conflict.kind == "race"] == []


def test_what_is_put_back_on_a_pair_that_was_let_go_of_is_not_run_over(world: World) -> None:
    child, issue = world.paired()
    _, top = world.paired()
    lose_a_tie(world, issue, top)
    _set(world, child, "parent_incident", None)
    (pair,) = (pair for pair in world.pairs() if pair.servicenow.id == child.id)
    run = new_run("0", world.config, world.store, world.sides, world.clock, PassOptions(), remember=False)
    with world.store.transaction() as tx:
        unlink(run, tx, pair)
    for _ in range(3):
        world.tick(200)
        world.run()
    assert (world.intents(), _parent(world, child), world.conflicts()) == (0, "", [])


@pytest.mark.parametrize("meets", [False, True])
def test_a_column_that_a_rule_put_back_in_a_lost_write_is_no_persons(world: World, meets: bool) -> None:
    """We wrote last: nobody can have put it back. Whom the write met is told."""
    child, issue = world.paired()
    parent, top = world.paired()

    def meet(_action: Action) -> None:
        world.sn.before_write = lambda _action: None
        touch(world, child)

    def put_back(action: Action, outcome: Applied | ConnectorError) -> Applied | ConnectorError:
        if not isinstance(action, Relate):
            return outcome
        world.sn.after_write = lambda _action, outcome: outcome
        world.sn.ties.set(child.id, "parent_incident", None)
        return Unknown("no answer")

    world.jira.ties.link(top.id, "Parent", issue.id)
    touch(world, issue, top)
    world.sn.after_write = put_back
    if meets:
        world.sn.before_write = meet
    world.tick()
    world.run()
    assert (world.intents(), _parent(world, child)) == (1, "")
    world.tick(200)
    world.settle()
    assert (_parent(world, child), len(world.jira.ties.issue_links)) == (parent.id, 1)
    told = [(each.unit, each.kind, "put it back" in each.reason) for each in world.conflicts()]
    assert told == [("parent", "race", False)] * meets


def test_what_was_put_back_is_told_once_wherever_the_pass_dies_that_looks_for_it() -> None:
    def lost() -> World:
        world = World(links={"type": TYPES})
        child, issue = world.paired()
        _, top = world.paired()
        lose_a_tie(world, issue, top)
        _set(world, child, "parent_incident", None)
        return world

    for world, where in deaths(lost):
        assert [conflict.unit for conflict in world.conflicts()] == ["parent"], where
