"""From entries that are due to the writes that carry them: line, parts, mark, and where they go. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final

from tieline.connectors.base import AddComment, Comment, Record, Ref, Side, Values, no_values, other
from tieline.connectors.richtext import to_servicenow, to_wiki
from tieline.sync.conversation.decide import Rules
from tieline.sync.conversation.lines import line
from tieline.sync.conversation.model import DELETED, Heard, Mark
from tieline.sync.conversation.parts import Size, split
from tieline.sync.model import Step
from tieline.sync.parking import CLOSED

PARENT_FIELD: Final = "parent_incident"
_LINE_ROOM: Final = 400
"""Characters that are kept free for the author line."""
_SIZES: Final[Mapping[Side, Size]] = {
    "servicenow": lambda text: len(to_servicenow(text)),
    # Jira measures the converted document; what marks and escapes add is counted as well.
    "jira": lambda text: max(len(to_wiki(text)), len(text)),
}
_WHAT: Final = {"said": "made", "edited": "edited", "deleted": "deleted"}


@dataclass(frozen=True, slots=True)
class Place:
    """Where an entry for one side goes now: the record, and what has to be set with it."""

    ref: Ref
    record: Record
    values: Values = field(default_factory=no_values)
    before: Values = field(default_factory=no_values)


def place(rules: Rules, to: Side, record: Record, state_field: str, *, dropped: bool) -> Place | None:
    """Where an entry for `to` goes, None if it has to wait: a closed incident takes none.

    `dropped`: the side was seen to keep nothing of an entry, whatever its state says.
    """
    is_closed = to == "servicenow" and (dropped or (record.values.get(state_field) == CLOSED))
    if not is_closed:
        return Place(record.ref, record)
    parent = record.values.get(PARENT_FIELD)
    if rules.comments.closed == "parent" and isinstance(parent, str):
        return Place(Ref("servicenow", parent), record)
    if rules.comments.closed == "reopen" and state_field and record.values.get(state_field) == CLOSED:
        before = {state_field: record.values.get(state_field)}
        return Place(record.ref, record, {state_field: rules.comments.reopen_state}, before)
    return None


def steps_of(heard: Heard, entry: Comment | None, origin: Record, rules: Rules, at: Place) -> Iterator[Step]:
    """The writes that carry one entry, or what is left of it. `origin` is the record on which it was made."""
    bodies, public = bodies_of(heard, entry, rules), is_public(heard, entry)
    name = "" if entry is None else entry.name or entry.author
    for number, part in enumerate(bodies, 1):
        if number <= heard.sent:
            continue
        shown = DELETED if heard.kind == "deleted" else heard.digest
        mark = Mark(heard.id, shown, heard.revision, number, len(bodies))
        header = line(
            rules.comments.templates, heard.kind, author=name, side=heard.side, label=origin.label,
            at=heard.at, mark=mark,
        )  # fmt: skip
        values, before = (at.values, at.before) if number == heard.sent + 1 else (no_values(), no_values())
        seen = at.record.version if at.ref == at.record.ref else type(at.record.version)("")
        action = AddComment(at.ref, part, public, header, str(mark), values, before, seen)
        why = f"a comment was {_WHAT[heard.kind]} in {heard.side}: {heard.id}"
        yield Step(action, (why,))


def bodies_of(heard: Heard, entry: Comment | None, rules: Rules) -> list[str]:
    """The text of an entry in parts that each fit the side that it goes to."""
    to = other(heard.side)
    body = "" if entry is None else _body(heard, entry, rules)
    limit = getattr(rules.comments.limit, to) - _LINE_ROOM if to == "servicenow" else _jira_room(rules)
    return split(body, limit, _SIZES[to])


def is_public(heard: Heard, entry: Comment | None) -> bool:
    """Whether customers may read an entry where it goes to."""
    return heard.public and (entry is None or entry.public)


def _jira_room(rules: Rules) -> int:
    return rules.comments.limit.jira - min(_LINE_ROOM, rules.comments.limit.jira // 2)


def _body(heard: Heard, entry: Comment, rules: Rules) -> str:
    """The text to carry; a note about an edit has none."""
    if heard.kind == "deleted" or (heard.kind == "edited" and rules.comments.edits == "note"):
        return ""
    return entry.text or ""
