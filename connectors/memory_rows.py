"""The records of an in-memory side as people work on them: made, edited, talked about, with rules that run.

Times are as fine as the system's own: seconds in ServiceNow. What the engine sees of it is `memory.py`.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from tieline.connectors.base import Attachment, Comment, Move, Ref, ShowLink, Side, Touch, Value, Version
from tieline.connectors.memory_talk import MemoryTalk

Rule = Callable[["Row", str], Mapping[str, Value]]
"""A business rule: sees the row after a write and the writer, gives what it makes of it."""


@dataclass
class Row:
    """One record as the side keeps it."""

    id: str
    label: str
    place: str
    values: dict[str, Value]
    created: datetime
    updated: datetime
    updated_by: str
    mod_count: int = 0
    marker: str = ""
    links: dict[str, ShowLink] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    touched: dict[str, Touch] = field(default_factory=dict)
    files: list[tuple[Attachment, bytes]] = field(default_factory=list)
    hidden: bool = False


class MemoryRows:
    """The records of one side, and how people `make`, `edit` and talk about them.

    `workflow` maps a status to its transitions (Jira); `rules` run at once after each write.
    """

    def __init__(
        self,
        side: Side,
        clock: Callable[[], datetime],
        *,
        place: str,
        prefix: str,
        workflow: Mapping[str, tuple[Move, ...]] | None = None,
        first_status: str = "",
    ) -> None:
        self.side: Side = side
        self.rows: dict[str, Row] = {}
        self.rules: list[Rule] = []
        self.talk = MemoryTalk(side, self._now)
        self._clock = clock
        self._place = place
        self._prefix = prefix
        self._workflow = workflow
        self._first_status = first_status
        self._next = 1
        self._next_file = 500

    def make(
        self, values: Mapping[str, Value], by: str = "somebody", *, place: str = "", marker: str = ""
    ) -> Row:
        """A person (or a create) makes a record."""
        now, number = self._now(), self._next
        self._next += 1
        label = f"{self._prefix}{number}"
        row = Row(str(10_000 + number), label, place or self._place, {}, now, now, by, marker=marker)
        row.values.update(values)
        if self._workflow is not None:
            row.values["status"] = self._first_status
        self.rows[row.id] = row
        self._run_rules(row, by)
        return row

    def edit(
        self, id_: str, values: Mapping[str, Value], by: str = "somebody", *, person: bool = True
    ) -> Row:
        """A person (or an automation: `person=False`) edits a record, past any workflow."""
        row = self.rows[id_]
        changed = {name: value for name, value in values.items() if row.values.get(name) != value}
        if changed:
            row.values.update(changed)
            self._stamp(row, changed, by, person)
            self._run_rules(row, by)
        return row

    def put(
        self, id_: str, name: str, content: bytes, by: str = "somebody", type_: str = "text/plain"
    ) -> Attachment:
        """A person (or an attach) puts a file on a record. In ServiceNow that does not change the record."""
        row, number = self.rows[id_], self._next_file
        self._next_file += 1
        digest = hashlib.sha256(content).hexdigest() if self._workflow is None else ""
        file = Attachment(
            f"{number}", Ref(self.side, id_), name, len(content), type_, self._now(), by, digest,
            f"https://{self.side}/file/{number}",
        )  # fmt: skip
        row.files.append((file, content))
        if self._workflow is not None:
            self._stamp(row, {}, by, person=True)
        return file

    def say(self, id_: str, text: str, by: str = "ada", *, public: bool = False) -> Comment:
        """A person comments on a record."""
        said = self.talk.say(id_, text, by, public=public)
        self._stamp(self.rows[id_], {}, by, person=True)
        return said

    def correct(
        self, id_: str, comment: str, text: str, by: str = "ada", *, public: bool | None = None
    ) -> None:
        """A person edits a comment (Jira)."""
        self.talk.edit(id_, comment, text, public=public)
        self._stamp(self.rows[id_], {}, by, person=True)

    def take_back(self, id_: str, comment: str, by: str = "ada") -> None:
        """A person deletes a comment (Jira)."""
        self.talk.delete(id_, comment)
        self._stamp(self.rows[id_], {}, by, person=True)

    def _run_rules(self, row: Row, by: str) -> None:
        """Rules act within the write: their changes bear its author, as a post-function's do in Jira."""
        for rule in self.rules:
            made = {name: value for name, value in rule(row, by).items() if row.values.get(name) != value}
            row.values.update(made)
            row.touched.update(dict.fromkeys(made, Touch(row.updated, by, True)))

    def _stamp(self, row: Row, changed: Mapping[str, Value], by: str, person: bool) -> None:
        row.updated, row.updated_by = self._now(), by
        row.mod_count += 1
        row.touched.update(dict.fromkeys(changed, Touch(row.updated, by, person)))

    def _version(self, row: Row) -> Version:
        return Version(f"{row.mod_count}@{row.updated.isoformat()}")

    def _now(self) -> datetime:
        now = self._clock()
        return now.replace(microsecond=0) if self._workflow is None else now
