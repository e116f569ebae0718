"""Files of a pair: each goes across once, both ways, and what keeps one back keeps nothing else back."""

from __future__ import annotations

import errno
import sys
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from tieline.connectors.base import Action, Applied, Attach
from tieline.connectors.errors import ConnectorError, Gone, Rejected, Unavailable, Unknown
from tieline.connectors.memory import OWN_ACCOUNT, MemorySide, Row
from tieline.sync.attachments.model import Carried

from .world import World


class Files(World):
    """A world whose configuration carries files over."""

    def __init__(self, folder: Path, **attachments: Any) -> None:
        asked = {"every": "1s", "folder": str(folder / "spool"), **attachments}
        super().__init__(attachments=asked)
        self.spool = folder / "spool"

    def names(self, row: Row) -> list[str]:
        return [file.name for file, _ in row.files]

    def known(self) -> list[Carried]:
        pairs = [pair.id for pair in self.pairs()]
        with self.store.read() as tx:
            return [row for rows in tx.files_of(pairs).values() for row in rows]

    @property
    def transfers(self) -> tuple[int, int]:
        """Contents fetched and files sent in the last pass."""
        return self.asked["content"], self.asked["Attach"]


@pytest.fixture
def make(tmp_path: Path) -> Callable[..., Files]:
    return lambda **attachments: Files(tmp_path, **attachments)


def contents(row: Row) -> list[bytes]:
    return [content for _, content in row.files]


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


def scanner(folder: Path, body: str) -> list[str]:
    script = folder / "scan.py"
    script.write_text(body)
    return [sys.executable, str(script)]


def test_the_scan_is_given_the_file_and_refuses_it(tmp_path: Path) -> None:
    command = scanner(
        tmp_path,
        "import sys, pathlib\n"
        "bad = b'EICAR' in pathlib.Path(sys.argv[1]).read_bytes()\n"
        "print(sys.argv[1] + ': Eicar FOUND' if bad else 'OK')\n"
        "sys.exit(1 if bad else 0)\n",
    )
    world = Files(tmp_path, scan=command)
    row, issue = world.paired()
    world.sn.put(row.id, "bad.txt", b"an EICAR file")
    world.sn.put(row.id, "good.txt", b"a good file")
    world.settle()
    world.sn.edit(row.id, {"short_description": "More"})
    world.settle()
    assert world.names(issue) == ["good.txt"]
    [note] = [note for note in row.notes if "bad.txt" in note]
    assert "the scan refused it (bad.txt: Eicar FOUND)" in note
    assert not list(world.spool.iterdir())


def test_a_scan_that_fails_or_hangs_lets_nothing_through(tmp_path: Path) -> None:
    for body in ("import sys; sys.exit(2)", "import time; time.sleep(30)"):
        world = Files(tmp_path, scan=scanner(tmp_path, body), scan_timeout="1s")
        row, issue = world.paired()
        world.sn.put(row.id, "a.txt", b"content")
        world.tick()
        world.run()
        assert not issue.files
        assert [known.tries for known in world.known()] == [1]
        assert not list(world.spool.iterdir())


def test_the_scan_sees_no_secret(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TIELINE_SERVICENOW_PASSWORD", "hunter2")
    command = scanner(tmp_path, "import os, sys; sys.exit('hunter2' in str(os.environ))")
    world = Files(tmp_path, scan=command)
    row, issue = world.paired()
    world.sn.put(row.id, "a.txt", b"content")
    world.settle()
    assert world.names(issue) == ["a.txt"]


def test_a_file_that_finds_no_room_keeps_nobody_else(
    make: Callable[..., Files], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A full disk stopped the pass, and with it everything that wants no room at all."""
    world = make()
    row, issue = world.paired()
    world.sn.put(row.id, "big.bin", b"content")
    world.sn.edit(row.id, {"short_description": "More"})
    opened = Path.open

    def full(path: Path, mode: str = "r", **options: Any) -> Any:
        if path.parent == world.spool and "w" in mode:
            raise OSError(errno.ENOSPC, "No space left on device")
        return opened(path, mode, **options)

    with monkeypatch.context() as patch:
        patch.setattr(Path, "open", full)
        world.tick()
        world.run()
        assert issue.values["summary"] == "More"
        assert not issue.files
        assert "no room" in world.known()[0].detail
    world.settle(seconds=600)
    assert world.names(issue) == ["big.bin"]


def test_what_a_dead_process_left_is_removed(make: Callable[..., Files]) -> None:
    world = make()
    world.paired()
    world.spool.mkdir(exist_ok=True)
    (world.spool / "file-1-2").write_bytes(b"left by a process that was killed")
    world.tick()
    world.run()
    assert not list(world.spool.iterdir())


def test_the_spool_is_private(make: Callable[..., Files]) -> None:
    world = make()
    row, _ = world.paired()
    seen = []
    world.jira.before_write = lambda action: (
        seen.append(((world.spool.stat().st_mode & 0o777), (Path(action.path).stat().st_mode & 0o777)))
        if isinstance(action, Attach)
        else None
    )
    world.sn.put(row.id, "a.txt", b"content")
    world.settle()
    assert seen == [(0o700, 0o600)]


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
