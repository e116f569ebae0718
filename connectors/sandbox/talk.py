"""A conversation between desk and engineers for the demo: what is said, and what both sides show of it."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, Literal

from tieline.connectors.sandbox.world import World

STEP: Final = timedelta(minutes=7)
IMAGE: Final = "graph.png"
PIXELS: Final = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAIAAAACCAIAAAD91JpzAAAAEklEQVR4nGP4z8DAwMDwn4EBAA0QAgB0XnT6AAAAAElFTkSuQmCC"
)
"""A picture of four pixels."""
_LINE: Final = 100


@dataclass(frozen=True, slots=True)
class Remark:
    """One thing that somebody says about an incident: where, who (user name, or e-mail in Jira), for whom.

    `corrects` puts the text in place of the person's last comment (Jira); `image` attaches a picture instead.
    """

    at: datetime
    key: str
    side: Literal["servicenow", "jira"]
    by: str
    text: str
    public: bool = False
    corrects: bool = False
    image: bool = False


def spoken(key: str, desk: str, engineer: str, start: datetime) -> list[Remark]:
    """The desk notes something internally and answers the customer; an engineer shows what was found."""
    return [
        Remark(start, key, "servicenow", desk, "Third call today, and the caller is the board's assistant."),
        Remark(start + STEP, key, "servicenow", desk, "We look into it and call you back.", public=True),
        Remark(start + 2 * STEP, key, "jira", engineer, "The pool on db01 runs dry,\nsee the graph."),
        Remark(start + 2 * STEP, key, "jira", engineer, IMAGE, image=True),
        Remark(start + 3 * STEP, key, "jira", engineer, "It works again for everybody.", public=True),
    ]


def corrected(key: str, engineer: str, start: datetime) -> list[Remark]:
    """The engineer edits what was carried over already."""
    return [Remark(start, key, "jira", engineer, "It works again, for all but Geneva.", corrects=True)]


def said(world: World, remark: Remark, record: str) -> dict[str, str]:
    """Let it be said on this record; the values of the deed."""
    if remark.side == "servicenow":
        journal = "comments" if remark.public else "work_notes"
        world.servicenow.update(remark.by, record, {journal: remark.text})
        return {journal: remark.text}
    if remark.image:
        world.jira.attach(remark.by, record, remark.text, PIXELS, "image/png")
        return {"attachment": remark.text}
    if remark.corrects:
        mine = [c.id for c in world.jira.comments(record) if c.author.email == remark.by]
        world.jira.edit_comment(remark.by, record, mine[-1], remark.text)
        return {"edited comment": remark.text}
    world.jira.comment(remark.by, record, remark.text, internal=not remark.public)
    return {"comment" if remark.public else "internal comment": remark.text}


def shown(world: World, incident: str, issue: str) -> Sequence[str]:
    """The conversation as each side shows it, a line for each entry, under the record's label."""
    lines = [f"{world.servicenow.get(incident)['number']} in ServiceNow"]
    rows = [r for r in world.servicenow.rows("sys_journal_field") if r["element_id"] == incident]
    people = {row["user_name"]: row["name"] for row in world.servicenow.rows("sys_user")}
    for row in sorted(rows, key=lambda r: r["sys_created_on"]):
        kind = "additional comment" if row["element"] == "comments" else "work note"
        name = people.get(row["sys_created_by"], row["sys_created_by"])
        lines += _lines(row["sys_created_on"][:16], name, kind, row["value"])
    lines.append(f"{world.jira.get(issue).key} in Jira")
    for comment in world.jira.comments(issue):
        when, kind = f"{comment.created:%Y-%m-%d %H:%M}", "public" if comment.public else "internal"
        lines += _lines(when, comment.author.display, kind, comment.body.wiki)
    return lines


def _lines(when: str, who: str, kind: str, text: str) -> list[str]:
    """An entry: when, by whom and for whom, and its text below, a few lines at most."""
    shown = [part if len(part) <= _LINE else f"{part[: _LINE - 1]}…" for part in text.split("\n") if part]
    return [f"  {when}  {who} ({kind})", *(f"      {part}" for part in shown[:4])]
