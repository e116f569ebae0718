"""Files after a lost answer or a lost state: each is known again, and none goes across twice."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tieline.connectors.base import Action, Applied, Attach
from tieline.connectors.errors import ConnectorError, Rejected, Unavailable, Unknown
from tieline.connectors.memory import OWN_ACCOUNT, MemorySide, Row

from .files import Files, contents


def lose_answers(side: MemorySide, wanted: type[Action]) -> None:
    def after(action: Action, outcome: Applied | ConnectorError) -> Applied | ConnectorError:
        return Unknown("the answer was lost") if isinstance(action, wanted) else outcome

    side.after_write = after


def answer_again(side: MemorySide) -> None:
    side.before_write = lambda _action: None
    side.after_write = lambda _action, outcome: outcome


@pytest.mark.parametrize("made", [True, False])
def test_a_lost_answer_makes_no_second_file(make: Callable[..., Files], made: bool) -> None:
    world = make()
    row, issue = world.paired()
    world.sn.put(row.id, "log.txt", b"content")
    if made:
        lose_answers(world.jira, Attach)
    else:
        world.jira.before_write = lambda action: Unknown("lost") if isinstance(action, Attach) else None
    world.tick()
    world.run()
    answer_again(world.jira)
    for _ in range(8):
        world.tick(200)
        world.run()
    assert contents(issue) == [b"content"]
    assert world.intents() == 0


def test_files_are_known_again_without_the_state(make: Callable[..., Files]) -> None:
    world = make()
    row, issue = world.paired()
    world.sn.put(row.id, "log.txt", b"first")
    world.tick(1)
    world.sn.put(row.id, "log.txt", b"other")
    world.jira.put(issue.id, "shot.png", b"\x89PNG")
    world.settle()
    [pair] = world.pairs()
    with world.store.transaction() as tx:
        assert tx.drop_files(pair.id) == 3
    world.sn.edit(row.id, {"short_description": "Printer still broken"})
    world.settle()
    assert len(row.files) == len(issue.files) == 3
    assert len(world.known()) == 3
    assert {known.state for known in world.known()} == {"sent"}


@pytest.mark.parametrize("direction", ["both", "to_servicenow"])
def test_of_files_that_look_the_same_the_content_tells_which_has_a_copy(
    make: Callable[..., Files], direction: str
) -> None:
    """The older one broke off, the younger one went, and then the state was lost: Jira tells no digests."""
    world = make(direction=direction)
    row, issue = world.paired()
    for content in (b"first", b"other", b"third"):
        world.jira.put(issue.id, "log.txt", content, "ada")
        world.tick(1)
    [pair] = world.pairs()
    world.sn.put(row.id, "log (2).txt", b"other", OWN_ACCOUNT)
    world.settle()
    assert sorted(contents(row)) == [b"first", b"other", b"third"]
    assert len(issue.files) == 3
    assert len({known.partner for known in world.known()}) == 3
    with world.store.transaction() as tx:
        tx.drop_files(pair.id)
    world.sn.edit(row.id, {"short_description": "Printer still broken"})
    world.settle()
    assert len(row.files) == len(issue.files) == 3


def lost_state(world: Files, *, copied: bytes) -> tuple[Row, Row]:
    """Three files of one name and size in ServiceNow, one with a copy that the state does not know."""
    row, issue = world.paired()
    for content in (b"first", b"other", b"third"):
        world.sn.put(row.id, "log.txt", content, "ada")
        world.tick(1)
    world.jira.put(issue.id, "log (2).txt", copied, OWN_ACCOUNT)
    return row, issue


@pytest.mark.parametrize("copied", [b"first", b"other", b"third"])
@pytest.mark.parametrize("direction", ["both", "to_jira"])
def test_of_files_that_look_the_same_the_content_of_the_copy_tells_whose_it_is(
    make: Callable[..., Files], direction: str, copied: bytes
) -> None:
    """Jira tells no digest of the copy either: it is fetched, and compared before anything is sent."""
    world = make(direction=direction)
    row, issue = lost_state(world, copied=copied)
    world.settle()
    assert sorted(contents(issue)) == [b"first", b"other", b"third"]
    assert len(row.files) == 3
    assert len({known.partner for known in world.known()}) == 3
    assert not list(world.spool.iterdir())


def test_a_copy_whose_original_is_gone_is_nobodys(make: Callable[..., Files]) -> None:
    world = make()
    row, issue = lost_state(world, copied=b"older")
    world.settle()
    assert sorted(contents(issue)) == [b"first", b"older", b"other", b"third"]
    assert len(row.files) == 3
    world.sn.edit(row.id, {"short_description": "Printer still broken"})
    world.settle()
    assert (len(issue.files), len(row.files), world.transfers) == (4, 3, (0, 0))


def test_nothing_is_sent_as_long_as_a_copy_cannot_be_compared(make: Callable[..., Files]) -> None:
    world = make()
    row, issue = lost_state(world, copied=b"first")
    broken = True

    def breaks(request: str) -> None:
        if request == "content" and broken:
            raise Unavailable("the transfer broke off")

    world.jira.fault = breaks
    world.sn.edit(row.id, {"short_description": "More"})
    world.tick()
    world.run()
    assert (issue.values["summary"], contents(issue)) == ("More", [b"first"])
    broken = False
    world.tick(100)
    world.settle()
    assert sorted(contents(issue)) == [b"first", b"other", b"third"]


def test_a_copy_that_is_not_shown_keeps_no_file_back(make: Callable[..., Files]) -> None:
    """Whether it is the one is not known: better twice than never."""
    world = make()
    _, issue = lost_state(world, copied=b"first")

    def hides(request: str) -> None:
        if request == "content":
            raise Rejected("you may not read it")

    world.jira.fault = hides
    world.settle()
    assert sorted(contents(issue)) == [b"first", b"first", b"other", b"third"]


def test_the_same_file_put_on_both_sides_stays_one(make: Callable[..., Files]) -> None:
    world = make()
    row, issue = world.paired()
    world.sn.put(row.id, "shot.png", b"\x89PNG one")
    world.jira.put(issue.id, "shot.png", b"\x89PNG one", "ada")
    world.settle()
    assert (len(row.files), len(issue.files)) == (1, 1)
    assert not [f for side in (row, issue) for f, _ in side.files if f.author == OWN_ACCOUNT]


def test_files_that_only_look_the_same_both_go(make: Callable[..., Files]) -> None:
    world = make()
    row, issue = world.paired()
    world.sn.put(row.id, "shot.png", b"\x89PNG one")
    world.jira.put(issue.id, "shot.png", b"\x89PNG two", "ada")
    world.settle()
    assert sorted(contents(row)) == sorted(contents(issue)) == [b"\x89PNG one", b"\x89PNG two"]
    assert world.names(issue) == ["shot.png", "shot (2).png"]
