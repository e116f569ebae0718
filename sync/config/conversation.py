"""The configuration of conversations as frozen values, and what in it could make an internal note public."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, Literal
from zoneinfo import ZoneInfo

from pydantic import Field

from tieline.connectors.base import Side
from tieline.sync.config.faults import Problem, quoted
from tieline.sync.config.values import Count, Day, Flag, Line, Table
from tieline.sync.conversation.lines import Templates, faults

LONGEST: Final = 30_000
"""Characters of one entry as each system comes; Jira's own limit is 32,767 of its own form of text."""


class CommentsToJira(Table):
    """What the entries of ServiceNow's two journals become in Jira."""

    comments: Literal["public", "internal", "none"] = Field(
        default="public", description="Additional comments, which customers read."
    )
    work_notes: Literal["public", "internal", "none"] = Field(
        default="internal",
        description="Work notes. `public` is refused: it would show an internal note to customers.",
    )


class CommentsToServiceNow(Table):
    """Into which of ServiceNow's journals Jira's comments go."""

    public: Literal["comments", "work_notes", "none"] = Field(
        default="comments", description="Comments that customers may read in Jira."
    )
    internal: Literal["comments", "work_notes", "none"] = Field(
        default="work_notes",
        description="All other comments. `comments` is refused: customers read that journal.",
    )


class Visibility(Table):
    """To whom Jira shows a comment that is restricted."""

    type: Literal["role", "group"] = Field(description="Whether `name` is a project role or a group.")
    name: Line = Field(description="Its name.")


class CommentLimit(Table):
    """Longest entry on each side, in characters of that side's own form of text."""

    servicenow: Count = Field(default=LONGEST, ge=200, description="In ServiceNow.")
    jira: Count = Field(default=LONGEST, ge=200, le=32_767, description="In Jira.")


class Comments(Table):
    """Additional comments and work notes, and Jira's comments: once, in order, never to the wrong eyes."""

    direction: Literal["both", "to_jira", "to_servicenow"] = Field(
        default="both", description="Which way entries travel."
    )
    to_jira: CommentsToJira = Field(
        default_factory=CommentsToJira, description="What ServiceNow's journals become in Jira."
    )
    to_servicenow: CommentsToServiceNow = Field(
        default_factory=CommentsToServiceNow, description="Into which journal Jira's comments go."
    )
    unrestricted: Literal["internal", "public"] = Field(
        default="internal",
        description="What a comment that everybody sees counts as, in a project that is no service desk.",
    )
    visibility: Visibility | None = Field(
        default=None, description="Restricts every internal comment that Tieline adds in Jira."
    )
    line: Line = Field(
        default="{author} in {side} {label}, {time}",
        description="The line above each entry: {author}, {side}, {label}, {time} and {ref}, by which "
        "Tieline knows in ServiceNow what it carried; without {ref} that stands at the line's end.",
    )
    edited: Line = Field(
        default="{author} edited the comment of {time} in {side} {label}",
        description="The line above the text of a comment that was edited after it was carried.",
    )
    deleted: Line = Field(
        default="The comment of {time} was deleted in {side} {label}",
        description="The whole entry for a comment that was deleted after it was carried.",
    )
    time_zone: Line = Field(default="UTC", description="In which {time} is told, such as `Europe/Berlin`.")
    edits: Literal["repeat", "note", "ignore"] = Field(
        default="repeat",
        description="A comment edited in Jira: its new text as a further entry, a note of it, or nothing.",
    )
    deletions: Literal["note", "ignore"] = Field(
        default="note", description="A comment deleted in Jira: a further entry that says so, or nothing."
    )
    closed: Literal["hold", "reopen", "parent"] = Field(
        default="hold",
        description="An entry for a closed incident, which takes none: held until it is open again, "
        "written with a state that reopens it, or put on its parent incident (held without one).",
    )
    reopen_state: Line = Field(default="2", description='The state for `closed = "reopen"`.')
    limit: CommentLimit = Field(
        default_factory=CommentLimit, description="A longer entry is carried as `too_long` says."
    )
    too_long: Literal["parts", "file"] = Field(
        default="parts",
        description="A longer entry: in numbered parts, or attached as a file that the entry names. Internal "
        "ones always go in parts, for a file is shown to whoever may read the record.",
    )
    attached: Line = Field(
        default="The whole text is attached: {file}",
        description="What stands in place of a text that is attached; {file} is the file's name.",
    )
    history: Flag = Field(default=True, description="Carry what was said before the two records were paired.")
    since: Day | None = Field(
        default=None,
        description="Entries made before this day (UTC) are left alone; left out, the route's `since`.",
    )
    park_notes: Flag = Field(
        default=True,
        description="Tell on the ticket, once for each reason and internally, that and why a pair is parked.",
    )
    ignore: tuple[Line, ...] = Field(
        default=(),
        description="User names and account ids whose entries are left alone: other integrations.",
    )

    @property
    def templates(self) -> Templates:
        """The lines above entries."""
        return Templates(self.line, self.edited, self.deleted, self.time_zone)

    def flows(self, side: Side) -> bool:
        """Whether entries are carried to `side`."""
        return self.direction in ("both", f"to_{side}")


def problems(comments: Comments) -> Iterator[Problem]:
    """Everything that is wrong with `[comments]`, first of all what could publish an internal note."""
    yield from _leaks(comments)
    for key in ("line", "edited", "deleted"):
        fault = faults(getattr(comments, key))
        if fault:
            remedy = "write {author}, {side}, {label}, {time} or {ref}; a brace itself is {{ or }}"
            yield Problem(("comments", key), fault, remedy, quoted(getattr(comments, key)))
    fault = faults(comments.attached, ("file",))
    if fault or "{file}" not in comments.attached:
        remedy = "write {file}, the name of the file; a brace itself is {{ or }}"
        yield Problem(("comments", "attached"), fault or "names no {file}", remedy, quoted(comments.attached))
    try:
        ZoneInfo(comments.time_zone)
    except (ValueError, OSError, LookupError):
        remedy = 'name one of the IANA data base, such as "UTC" or "Europe/Berlin"'
        yield Problem(("comments", "time_zone"), "is no time zone", remedy, quoted(comments.time_zone))


def _leaks(comments: Comments) -> Iterator[Problem]:
    what = "would make internal notes public"
    if comments.to_jira.work_notes == "public":
        remedy = 'use "internal", or "none" to leave work notes in ServiceNow'
        yield Problem(("comments", "to_jira", "work_notes"), what, remedy, quoted("public"))
    if comments.to_servicenow.internal == "comments":
        remedy = 'use "work_notes", or "none" to leave internal comments in Jira'
        yield Problem(("comments", "to_servicenow", "internal"), what, remedy, quoted("comments"))
    if comments.unrestricted == "public" and comments.visibility is None:
        remedy = 'add visibility = { type = "role", name = "..." } for internal notes in such a project'
        yield Problem(("comments", "unrestricted"), what, remedy, quoted("public"))
