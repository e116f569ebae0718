"""The line that says who wrote an entry, where and when: by the configured template, inert. Pure."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from string import Formatter
from typing import Final
from zoneinfo import ZoneInfo

from tieline.connectors.base import Side
from tieline.sync.conversation.model import Kind, Mark

NAMES: Final[dict[Side, str]] = {"servicenow": "ServiceNow", "jira": "Jira"}
PLACEHOLDERS: Final = ("author", "side", "label", "time", "ref")
_LONGEST_NAME: Final = 100
_TIME: Final = "%Y-%m-%d %H:%M %Z"
_TOLD: Final = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d")


@dataclass(frozen=True, slots=True)
class Templates:
    """The three lines, and the time zone in which they tell times (IANA)."""

    said: str
    edited: str
    deleted: str
    time_zone: str = "UTC"

    def of(self, kind: Kind) -> str:
        """The template for what an entry tells."""
        match kind:
            case "said":
                return self.said
            case "edited":
                return self.edited
            case _:
                return self.deleted


def line(
    templates: Templates, kind: Kind, *, author: str, side: Side, label: str, at: datetime, mark: Mark
) -> str:
    """The line of one entry, as plain text; the mark stands in it wherever the entry goes to ServiceNow."""
    template = templates.of(kind)
    shows_mark = side == "jira"
    text = template.format(
        author=_tame(author) or "somebody",
        side=NAMES[side],
        label=_tame(label),
        time=at.astimezone(ZoneInfo(templates.time_zone)).strftime(_TIME),
        ref=str(mark) if shows_mark else "",
    )
    text = " ".join(text.split())
    if shows_mark and "{ref}" not in template:
        text = f"{text} {mark}"
    elif mark.of > 1 and not shows_mark:
        text = f"{text} ({mark.part}/{mark.of})"
    return text


def time_in(text: str, templates: Templates) -> datetime | None:
    """The time that a line tells, to the minute; None if it tells none."""
    found = _TOLD.search(text)
    if found is None:
        return None
    try:
        told = datetime.strptime(found[0], _TIME.removesuffix(" %Z"))
    except ValueError:
        return None
    return told.replace(tzinfo=ZoneInfo(templates.time_zone)).astimezone(UTC)


def names(text: str, label: str) -> bool:
    """Whether a line names a record: its label stands there as a word of its own."""
    return bool(label) and re.search(rf"(?<![\w-]){re.escape(label)}(?![\w-])", text) is not None


def _tame(name: str) -> str:
    """A name from a ticket system within one line: no line ends, no brackets that could pass for a mark."""
    flat = "".join(c if c.isprintable() else " " for c in name)
    flat = flat.translate(str.maketrans("[]", "()"))
    return " ".join(flat.split())[:_LONGEST_NAME]


def faults(template: str, known: Sequence[str] = PLACEHOLDERS) -> str:
    """What is wrong with a template, "" for nothing: only the known names may stand in braces."""
    try:
        used = [(name, form, more) for _, name, form, more in Formatter().parse(template) if name is not None]
    except ValueError as error:
        return f"has a brace too many or too few ({error})"
    wrong = [name for name, form, more in used if name not in known or form or more]
    if wrong:
        return f"names {{{wrong[0]}}}, which is none of {', '.join(f'{{{n}}}' for n in known)}"
    return "" if [name for name, _, _ in used].count("ref") < 2 else "names {ref} twice"
