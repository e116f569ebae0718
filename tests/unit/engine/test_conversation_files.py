"""A long entry that customers may read goes as a file, once, and the entry names it: nothing is cut."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tieline.connectors.base import AddComment, Attach
from tieline.connectors.errors import Rejected, Unavailable, Unknown
from tieline.connectors.memory import Row

from .test_conversation import bodies, carried
from .world import World

LONG = "\n\n".join(f"paragraph {n} *with* marks & signs " + "word " * 20 for n in range(40))
LIMIT = {"servicenow": 1000, "jira": 1000}


def filing(tmp_path: Path, *, files: bool = False, **comments: Any) -> World:
    folder = str(tmp_path / "spool")
    changes: dict[str, Any] = {"comments": {"too_long": "file", "limit": LIMIT, **comments}}
    if files:
        changes["attachments"] = {"every": "1s", "folder": folder}
    return World(f"sqlite:///{tmp_path / 'state.db'}", **changes)


def texts(row: Row) -> list[str]:
    return [content.decode() for _, content in row.files]


def left(tmp_path: Path) -> list[Path]:
    return [path for path in tmp_path.rglob("file-*") if path.is_file()]


@pytest.mark.parametrize("files", [False, True])
def test_a_long_public_entry_goes_as_a_file_that_the_entry_names(tmp_path: Path, files: bool) -> None:
    world = filing(tmp_path, files=files)
    row, issue = world.paired()
    world.jira.say(issue.id, "before", public=True)
    said = world.jira.say(issue.id, LONG, public=True)
    world.jira.say(issue.id, "after", public=True)
    noted = world.sn.say(row.id, LONG, public=True)
    world.settle()
    name = f"comment-{said.id}-"
    assert [body.startswith(f"The whole text is attached: {name}") for body in bodies(world, row)] == [
        False, True, False,
    ]  # fmt: skip
    assert (bodies(world, row)[0], bodies(world, row)[2]) == ("before", "after")
    assert (texts(row), texts(issue)) == ([LONG], [LONG])
    assert row.files[0][0].name in bodies(world, row)[1]
    assert f"comment-{noted.id}-" in bodies(world, issue)[0]
    assert all(entry.public for entry in carried(world, row))
    for _ in range(2):
        world.jira.edit(issue.id, {"summary": f"looked at again {_}"})
        world.settle()
    assert (len(row.files), len(issue.files), left(tmp_path)) == (1, 1, [])


def test_an_internal_entry_never_goes_as_a_file(tmp_path: Path) -> None:
    world = filing(tmp_path)
    row, issue = world.paired()
    world.jira.say(issue.id, LONG, public=False)
    world.sn.say(row.id, LONG)
    world.settle()
    assert row.files == issue.files == []
    assert "".join("".join(bodies(world, row)).split()) == "".join(LONG.split())
    assert len(carried(world, issue)) > 3


@pytest.mark.parametrize("lost", [Attach, AddComment])
@pytest.mark.parametrize("made", [True, False])
def test_a_lost_answer_doubles_neither_the_file_nor_the_entry(tmp_path: Path, lost: type, made: bool) -> None:
    world = filing(tmp_path)
    row, issue = world.paired()
    if made:
        world.sn.after_write = lambda a, o: Unknown("lost") if isinstance(a, lost) else o
    else:
        world.sn.before_write = lambda a: Unknown("lost") if isinstance(a, lost) else None
    world.jira.say(issue.id, LONG, public=True)
    world.jira.say(issue.id, "after", public=True)
    world.tick()
    world.run()
    world.sn.after_write = lambda _action, outcome: outcome
    world.sn.before_write = lambda _action: None
    for _ in range(3):
        world.tick(200)
        world.settle(8)
    assert texts(row) == [LONG]
    assert [body.split(" ")[0] for body in bodies(world, row)] == ["The", "after"]


def test_a_file_that_stands_there_is_not_sent_again_after_a_lost_state(tmp_path: Path) -> None:
    world = filing(tmp_path)
    row, issue = world.paired()
    world.sn.before_write = lambda a: Unavailable("busy") if isinstance(a, AddComment) else None
    world.jira.say(issue.id, LONG, public=True)
    world.settle()
    assert (len(row.files), bodies(world, row)) == (1, [])
    pair = world.pairs()[0].id
    with world.store.transaction() as tx:
        tx.drop_heard(pair, tx.heard([pair]).get(pair, ()))
    world.sn.before_write = lambda _a: None
    world.tick(1000)
    world.settle(8)
    assert (len(row.files), len(bodies(world, row))) == (1, 1)


def test_an_entry_whose_file_is_refused_goes_in_parts(tmp_path: Path) -> None:
    world = filing(tmp_path)
    row, issue = world.paired()
    world.sn.before_write = lambda a: Rejected("no such types here") if isinstance(a, Attach) else None
    world.jira.say(issue.id, LONG, public=True)
    world.settle(8)
    assert row.files == []
    assert "".join("".join(bodies(world, row)).split()) == "".join(LONG.split())
    assert world.parks() == []


def test_an_edit_is_a_file_of_its_own(tmp_path: Path) -> None:
    world = filing(tmp_path)
    row, issue = world.paired()
    said = world.jira.say(issue.id, LONG, public=True)
    world.settle()
    world.jira.correct(issue.id, said.id, f"{LONG}\n\nand more", public=True)
    world.settle()
    assert texts(row) == [LONG, f"{LONG}\n\nand more"]
    assert [file.name in body for (file, _), body in zip(row.files, bodies(world, row), strict=True)] == [
        True,
        True,
    ]


def test_many_long_entries_keep_their_order(tmp_path: Path) -> None:
    world = filing(tmp_path)
    row, issue = world.paired()
    for n in range(7):
        world.jira.say(issue.id, f"number {n}\n\n{LONG}", public=True)
    for _ in range(3):
        world.settle()
    assert [text.split("\n")[0] for text in texts(row)] == [f"number {n}" for n in range(7)]
    named = [file.name for file, _ in row.files]
    assert [name in body for name, body in zip(named, bodies(world, row), strict=True)] == [True] * 7
