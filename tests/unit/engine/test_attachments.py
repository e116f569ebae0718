"""Files of a pair: each goes across once, both ways, and what keeps one back keeps nothing else back."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from typing import Any

import pytest

from tieline.connectors.base import Attach
from tieline.connectors.errors import Gone, Rejected, Unavailable

from .files import Files, contents


def test_a_file_goes_across_once_with_two_requests(make: Callable[..., Files]) -> None:
    world = make()
    row, issue = world.paired()
    world.sn.put(row.id, "log.txt", b"one two three four", type_="text/plain")
    world.jira.put(issue.id, "shot.png", b"\x89PNG\r\n", type_="image/png")
    world.tick()
    world.run()
    assert world.transfers == (2, 2)
    assert sorted(world.names(issue)) == ["log.txt", "shot.png"]
    assert sorted(world.names(row)) == ["log.txt", "shot.png"]
    assert sorted(contents(row)) == sorted(contents(issue))
    for _ in range(3):
        world.tick(1000)
        world.run()
        assert world.transfers == (0, 0)
        assert not world.writes
    assert not list(world.spool.iterdir())


def test_files_of_one_name_are_kept_apart(make: Callable[..., Files]) -> None:
    world = make()
    row, issue = world.paired()
    for content in (b"first", b"second", b"third"):
        world.sn.put(row.id, "log.txt", content)
        world.tick(1)
    world.settle()
    assert world.names(issue) == ["log.txt", "log (2).txt", "log (3).txt"]
    assert contents(issue) == [b"first", b"second", b"third"]


@pytest.mark.parametrize(
    ("rules", "name", "type_"),
    [
        ({"never": [".exe"]}, "Setup.EXE", "application/octet-stream"),
        ({"never": ["application/x-*"]}, "a.bin", "application/x-msdownload"),
        ({"only": ["image/*", ".pdf"]}, "notes.txt", "text/plain (.txt)"),
        ({"max_size": "3B"}, "big.txt", "text/plain"),
    ],
)
def test_what_a_filter_holds_is_noted_once(
    make: Callable[..., Files], rules: dict[str, Any], name: str, type_: str
) -> None:
    world = make(**rules)
    row, issue = world.paired()
    world.sn.put(row.id, name, b"content", type_=type_)
    world.settle()
    world.sn.edit(row.id, {"short_description": "More"})
    world.settle()
    assert not issue.files
    assert [note for note in row.notes if name in note] == [
        note for note in row.notes if "Not carried" in note
    ]
    assert len([note for note in row.notes if name in note]) == 1
    assert issue.values["summary"] == "More"


def test_a_file_that_the_filter_lets_go_later_goes(make: Callable[..., Files]) -> None:
    world = make(max_size="3B")
    row, issue = world.paired()
    world.sn.put(row.id, "log.txt", b"content")
    world.settle()
    assert not issue.files
    attachments = world.config.attachments
    assert attachments is not None
    wider = attachments.model_copy(update={"max_size": 100})
    world.config = world.config.model_copy(update={"attachments": wider})
    world.sn.edit(row.id, {"short_description": "More"})
    world.settle()
    assert world.names(issue) == ["log.txt"]


@pytest.mark.parametrize("direction", ["to_jira", "to_servicenow"])
def test_files_travel_the_configured_way_only(make: Callable[..., Files], direction: str) -> None:
    world = make(direction=direction)
    row, issue = world.paired()
    world.sn.put(row.id, "a.txt", b"a")
    world.jira.put(issue.id, "b.txt", b"b")
    world.settle()
    world.sn.edit(row.id, {"short_description": "More"})
    world.settle()
    expected = (["a.txt"], ["b.txt", "a.txt"]) if direction == "to_jira" else (["a.txt", "b.txt"], ["b.txt"])
    assert (world.names(row), world.names(issue)) == expected
    assert not [note for note in (*row.notes, *issue.notes) if "Not carried" in note]


def test_what_a_side_refuses_is_noted_once_and_the_pair_goes_on(make: Callable[..., Files]) -> None:
    world = make()
    row, issue = world.paired()
    world.jira.before_write = lambda action: (
        Rejected("413: larger than 10 MB") if isinstance(action, Attach) else None
    )
    world.sn.put(row.id, "big.iso", b"content")
    world.sn.edit(row.id, {"short_description": "More"})
    world.settle()
    world.sn.edit(row.id, {"short_description": "And more"})
    world.settle()
    assert len([note for note in row.notes if "big.iso" in note and "larger than 10 MB" in note]) == 1
    assert issue.values["summary"] == "And more"
    assert not world.parks()


def test_a_broken_transfer_is_made_again_and_at_last_noted(make: Callable[..., Files]) -> None:
    world = make()
    row, issue = world.paired()
    world.sn.put(row.id, "log.txt", b"content")
    broken = True

    def breaks(request: str) -> None:
        if request == "content" and broken:
            raise Unavailable("the transfer broke off")

    world.sn.fault = breaks
    world.sn.edit(row.id, {"short_description": "More"})
    world.tick()
    world.run()
    assert issue.values["summary"] == "More"
    for _ in range(10):
        world.tick(4000)
        world.run()
    assert len([note for note in row.notes if "log.txt" in note]) == 1
    broken = False
    world.tick(90_000)
    world.run()
    assert contents(issue) == [b"content"]
    assert not list(world.spool.iterdir())


def test_a_file_that_vanishes_on_the_way_is_nothing_to_worry_about(make: Callable[..., Files]) -> None:
    world = make()
    row, issue = world.paired()
    world.sn.put(row.id, "log.txt", b"content")

    def vanishes(request: str) -> None:
        if request == "content":
            row.files.clear()
            raise Gone("deleted")

    world.sn.fault = vanishes
    world.settle()
    assert not issue.files
    assert not [note for note in row.notes if "log.txt" in note]


def test_a_transfer_that_ends_early_is_not_taken_for_whole(make: Callable[..., Files]) -> None:
    world = make()
    row, issue = world.paired()
    file = world.sn.put(row.id, "log.txt", b"content")
    row.files[0] = (file, b"cont")
    world.tick()
    world.run()
    assert not issue.files
    row.files[0] = (file, b"content")
    world.tick(100)
    world.run()
    assert contents(issue) == [b"content"]


def test_a_first_mirroring_brings_the_files_along(make: Callable[..., Files]) -> None:
    world = make()
    row = world.incident()
    world.sn.put(row.id, "a.txt", b"content")
    world.tick()
    world.run(initial=True)
    world.settle()
    assert contents(world.mirror_of(row)) == [b"content"]


def test_an_older_file_is_left_alone(make: Callable[..., Files]) -> None:
    world = make(since=date(2026, 1, 6))
    row, issue = world.paired()
    world.sn.put(row.id, "old.txt", b"old")
    world.settle()
    world.tick(86_400)
    world.sn.put(row.id, "new.txt", b"new")
    world.settle()
    assert world.names(issue) == ["new.txt"]


def test_max_changes_bounds_files_too(make: Callable[..., Files]) -> None:
    world = make()
    row, issue = world.paired()
    for number in range(3):
        world.sn.put(row.id, f"{number}.txt", b"content")
        world.tick(1)
    world.tick()
    world.run(max_changes=1)
    assert len(issue.files) == 1
    world.settle()
    assert len(issue.files) == 3


def test_max_changes_writes_nothing_that_was_not_fetched(make: Callable[..., Files]) -> None:
    """A file that turns out to be there already is no write; the next one had not been fetched for that."""
    world = make()
    (row, issue), (second, its) = world.paired(), world.paired(short_description="Second")
    world.sn.put(row.id, "log.txt", b"same", "ada")
    world.jira.put(issue.id, "log.txt", b"same", "ada")
    world.jira.put(its.id, "shot.png", b"other", "ada")
    world.tick()
    world.run(max_changes=1)
    world.settle()
    assert (contents(row), contents(issue)) == ([b"same"], [b"same"])
    assert (contents(second), contents(its)) == ([b"other"], [b"other"])


PICTURE = (
    'look\n\n<mediaSingle layout="center">\n\n'
    '<media collection="" type="file" id="uuid" alt="shot.png" />\n\n</mediaSingle>'
)


def test_a_picture_in_a_comment_shows_the_copy(make: Callable[..., Files]) -> None:
    world = make()
    row, issue = world.paired()
    world.jira.put(issue.id, "shot.png", b"\x89PNG", type_="image/png")
    world.jira.say(issue.id, PICTURE)
    world.jira.say(issue.id, "and then")
    world.settle()
    [copy] = [file for file, _ in row.files]
    said = [entry.text or "" for entry in world.sn.talk.of(row.id)]
    [shown] = [text for text in said if "look" in text]
    assert f"![shot.png]({copy.url})" in shown
    assert said.index(shown) < next(n for n, text in enumerate(said) if "and then" in text)


def test_a_picture_without_a_file_is_its_name(make: Callable[..., Files]) -> None:
    world = make(never=[".png"])
    row, issue = world.paired()
    world.jira.put(issue.id, "shot.png", b"\x89PNG", type_="image/png")
    world.jira.say(issue.id, PICTURE)
    world.settle()
    [shown] = [entry.text for entry in world.sn.talk.of(row.id) if "look" in (entry.text or "")]
    assert shown is not None
    assert shown.endswith("shot.png")
    assert "media" not in shown
