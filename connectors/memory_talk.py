"""The conversations of an in-memory side: what people and Tieline said and took back; it has no rules."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime

from tieline.connectors.base import AddComment, Ask, Comment, Conversation, Ref, Side


class MemoryTalk:
    """The entries of every record of one side, by its id. `now` tells the side's time (UTC)."""

    def __init__(self, side: Side, now: Callable[[], datetime]) -> None:
        self._side = side
        self._now = now
        self._entries: dict[str, list[Comment]] = defaultdict(list)
        self._next = 1

    def of(self, record: str) -> list[Comment]:
        """The entries of a record, oldest first."""
        return self._entries[record]

    def say(
        self, record: str, text: str, by: str, *, public: bool, own: bool = False, mark: str = ""
    ) -> Comment:
        """Add an entry."""
        now, number = self._now(), self._next
        self._next += 1
        kind = "comment" if self._side == "jira" else "comments" if public else "work_notes"
        id_ = str(number) if self._side == "jira" else f"{number:032x}"
        said = Comment(
            id_, Ref(self._side, record), by, by.title(), now, now, f"{now.isoformat()} 0", text, public,
            kind, own, mark,
        )  # fmt: skip
        self._entries[record].append(said)
        return said

    def edit(self, record: str, id_: str, text: str, *, public: bool | None = None) -> None:
        """Change an entry; its id stays."""
        held = self._entries[record]
        at = next(n for n, entry in enumerate(held) if entry.id == id_)
        count = int(held[at].stamp.rpartition(" ")[2]) + 1
        shown = held[at].public if public is None else public
        now = self._now()
        held[at] = replace(
            held[at], text=text, updated=now, stamp=f"{now.isoformat()} {count}", public=shown
        )  # fmt: skip

    def delete(self, record: str, id_: str) -> None:
        """Take an entry away."""
        self._entries[record] = [entry for entry in self._entries[record] if entry.id != id_]

    def add(self, action: AddComment, by: str) -> Comment:
        """The entry that a write adds: the line above, the text below."""
        text = f"{action.line}\n\n{action.text}".strip()
        mark = action.mark if self._side == "jira" else action.line
        return self.say(action.ref.id, text, by, public=action.public, own=True, mark=mark)

    def told(self, ask: Ask) -> Conversation:
        """What a side tells of a record's conversation: texts only where they are not known."""
        since = ask.since
        found = [e for e in self._entries[ask.ref.id] if since is None or e.created >= since]
        shown = tuple(replace(e, text=_text(e, ask.known)) for e in found)
        return Conversation(ask.ref, shown, whole=len(found) == len(self._entries[ask.ref.id]))


def _text(entry: Comment, known: Mapping[str, str]) -> str | None:
    return None if entry.own or known.get(entry.id) == entry.stamp else entry.text
