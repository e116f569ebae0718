"""What every connector promises about files, as one suite to inherit: lists, streams, failures, names.

A subclass of `FilesSuite` gives a fixture `desk`: one side with its connector, and people who attach files.
"""

from __future__ import annotations

import hashlib
from abc import abstractmethod
from dataclasses import dataclass
from pathlib import Path

import pytest

from tieline.connectors.base import Applied, Attach, Attachment, Ref
from tieline.connectors.errors import (
    ConnectorError,
    Denied,
    Gone,
    RateLimited,
    Rejected,
    Unavailable,
    Unknown,
)

from .desk import Desk

NAMES = (
    "log.txt", "Überblick März.pdf", "屏幕截图.png", "لقطة.png", 'quo"ted; name=x.txt', "a&b=c+d%20.txt",
    "🔥.gif", "no ending", ".hidden", "x" * 150 + ".log",
)  # fmt: skip


@dataclass
class FileDesk(Desk):
    """One side under test, and what people do there. `limit` is the size of the largest file it takes."""

    limit: int = 50_000

    @abstractmethod
    def put(self, ref: Ref, name: str, content: bytes, kind: str = "text/plain") -> None:
        """A person attaches a file."""

    @abstractmethod
    def contents(self, ref: Ref) -> list[tuple[str, bytes]]:
        """Name and content of each file of a record, as they lie there."""

    @abstractmethod
    def requests(self) -> int:
        """How many requests were sent so far."""

    def files(self, ref: Ref) -> tuple[Attachment, ...]:
        """Its files as they are listed now."""
        [found] = self.connector.attachments([self.record(ref)])
        assert not isinstance(found, ConnectorError), found
        return found

    def attach(
        self, folder: Path, ref: Ref, name: str, content: bytes, kind: str = "text/plain"
    ) -> Applied | ConnectorError:
        """Write one file."""
        path = folder / "spooled"
        path.write_bytes(content)
        digest = hashlib.sha256(content).hexdigest()
        return self.write(Attach(ref, "1", name, len(content), kind, digest, str(path)))

    def read(self, file: Attachment) -> bytes:
        """The content of a file, all at once."""
        return b"".join(self.connector.content(file))


class FilesSuite:
    """The promises. Inherit it and give a fixture `desk`."""

    def test_a_file_is_listed_and_read(self, desk: FileDesk) -> None:
        ref = desk.raised()
        content = bytes(range(256)) * 800
        desk.put(ref, "dump.bin", content[: desk.limit], "application/octet-stream")
        [file] = desk.files(ref)
        assert (file.ref, file.name, file.size) == (ref, "dump.bin", min(len(content), desk.limit))
        assert file.created.utcoffset() is not None
        assert file.author
        assert not file.digest or file.digest == hashlib.sha256(content[: desk.limit]).hexdigest()
        assert desk.read(file) == content[: desk.limit]

    def test_a_written_file_is_read_back_as_it_was_sent(self, desk: FileDesk, tmp_path: Path) -> None:
        ref, content = desk.raised(), b"\x00\r\n--boundary--\r\n\xff" * 999
        outcome = desk.attach(tmp_path, ref, "dump.bin", content, "application/octet-stream")
        assert isinstance(outcome, Applied), outcome
        [file] = desk.files(ref)
        assert outcome.made == file.id
        assert desk.read(file) == content
        assert desk.contents(ref) == [("dump.bin", content)]

    def test_names_go_there_and_back(self, desk: FileDesk, tmp_path: Path) -> None:
        ref = desk.raised()
        for name in NAMES:
            outcome = desk.attach(tmp_path, ref, name, name.encode())
            assert isinstance(outcome, Applied), (name, outcome)
        found = desk.files(ref)
        assert {file.name for file in found} == {name.strip(".") for name in NAMES}
        assert {desk.read(file) for file in found} == {name.encode() for name in NAMES}

    def test_the_same_name_and_content_stand_twice(self, desk: FileDesk, tmp_path: Path) -> None:
        ref = desk.raised()
        for _ in range(2):
            assert isinstance(desk.attach(tmp_path, ref, "log.txt", b"content"), Applied)
        first, second = desk.files(ref)
        assert first.id != second.id

    def test_an_empty_file_is_a_file(self, desk: FileDesk, tmp_path: Path) -> None:
        ref = desk.raised()
        desk.put(ref, "empty", b"")
        assert isinstance(desk.attach(tmp_path, ref, "also empty", b""), Applied)
        assert [(file.size, desk.read(file)) for file in desk.files(ref)] == [(0, b""), (0, b"")]

    def test_an_odd_type_is_no_obstacle(self, desk: FileDesk, tmp_path: Path) -> None:
        ref = desk.raised()
        for kind in ("text/plain (.txt)", "", "nonsense", "a/b\r\nX: y"):
            outcome = desk.attach(tmp_path, ref, "a.txt", b"content", kind)
            assert isinstance(outcome, Applied), (kind, outcome)

    def test_files_of_many_records_cost_no_request_each(self, desk: FileDesk) -> None:
        refs = [desk.raised() for _ in range(5)]
        for number, ref in enumerate(refs[:4]):
            for _ in range(number):
                desk.put(ref, f"{number}.txt", b"content")
                desk.later(1)
        records = [desk.record(ref) for ref in refs]
        before = desk.requests()
        found = desk.connector.attachments(records)
        assert desk.requests() - before <= 1
        assert [len(files) for files in found if not isinstance(files, ConnectorError)] == [0, 1, 2, 3, 0]

    def test_a_file_is_heard_of(self, desk: FileDesk) -> None:
        """By the feed of records, or by that of files."""
        ref = desk.raised()
        desk.later(4000)
        start = desk.record(ref).created
        cursors = [page.cursor for page in desk.connector.feed(None, start)]
        cursors += [page.cursor for page in desk.connector.attached(None, start)]
        desk.put(ref, "a.txt", b"content")
        heard = [change.ref for page in desk.connector.attached(None, start) for change in page.changes]
        heard += [change.ref for page in desk.connector.feed(cursors[0], start) for change in page.changes]
        assert ref in heard

    def test_a_file_that_is_not_shown_is_gone(self, desk: FileDesk) -> None:
        ref = desk.raised()
        desk.put(ref, "a.txt", b"content")
        [file] = desk.files(ref)
        desk.hide(ref)
        with pytest.raises(Gone):
            desk.read(file)

    def test_a_broken_transfer_is_not_taken_for_whole(self, desk: FileDesk) -> None:
        ref = desk.raised()
        desk.put(ref, "a.txt", b"content" * 6000)
        [file] = desk.files(ref)
        with desk.failing("broken"), pytest.raises(Unavailable):
            desk.read(file)
        assert desk.read(file) == b"content" * 6000

    @pytest.mark.parametrize(
        ("kind", "error"),
        [("limit", RateLimited), ("down", Unavailable), ("denied", Denied), ("lost", Unavailable)],
    )
    def test_each_failure_of_reading_has_its_name(
        self, desk: FileDesk, kind: str, error: type[ConnectorError]
    ) -> None:
        ref = desk.raised()
        desk.put(ref, "a.txt", b"content")
        [file] = desk.files(ref)
        with desk.failing(kind), pytest.raises(error):
            desk.read(file)

    @pytest.mark.parametrize(
        ("kind", "error"),
        [("limit", RateLimited), ("down", Unknown), ("denied", Denied), ("lost", Unknown)],
    )
    def test_each_failure_of_writing_has_its_name(
        self, desk: FileDesk, tmp_path: Path, kind: str, error: type[ConnectorError]
    ) -> None:
        ref = desk.raised()
        with desk.failing(kind):
            outcome = desk.attach(tmp_path, ref, "a.txt", b"content")
        assert type(outcome) is error, outcome
        assert len(desk.contents(ref)) == (1 if kind == "lost" else 0)

    def test_a_file_that_is_too_large_is_refused(self, desk: FileDesk, tmp_path: Path) -> None:
        ref = desk.raised()
        outcome = desk.attach(tmp_path, ref, "large.bin", b"x" * (desk.limit + 1))
        assert isinstance(outcome, Rejected), outcome
        assert desk.contents(ref) == []

    def test_a_file_for_a_record_that_is_gone_is_gone_alone(self, desk: FileDesk, tmp_path: Path) -> None:
        hidden, shown = desk.raised(), desk.raised()
        desk.hide(hidden)
        assert isinstance(desk.attach(tmp_path, hidden, "a.txt", b"content"), Gone)
        assert isinstance(desk.attach(tmp_path, shown, "a.txt", b"content"), Applied)
