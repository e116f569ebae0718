"""Reads a changelog: when and by whom each field last moved, and what a write of ours overwrote.

A changelog that comes with an issue may be capped and in either order, so nothing here relies on its being
complete: what it does not show is not claimed.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, Literal

from tieline.connectors.base import FieldKind, Race, Touch, Value, Values
from tieline.connectors.jira.values import instant
from tieline.connectors.richtext import canonical_text, wiki_to_text

Shown = FieldKind | Literal["team"]
"""How a changelog shows a field: as its kind is shown, or as a team's id and name."""
_OTHERWISE: Final = frozenset({"text", "set", "people", "team"})
"""Kinds that a changelog shows in another form than they are kept in."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One changed field in one changelog entry; `old` and `new` are (id, shown text) as Jira tells them."""

    field: str
    at: datetime
    number: int
    by: str
    person: bool | None
    old: tuple[str, str]
    new: tuple[str, str]


def entries(changelog: object, ids: Mapping[str, str]) -> list[Entry]:
    """Every readable entry, oldest first; `ids` are those of fields by name, which Data Center shows."""
    histories = changelog.get("histories") if isinstance(changelog, Mapping) else None
    if not isinstance(histories, list):
        return []
    found = [e for history in histories if isinstance(history, Mapping) for e in _entries(history, ids)]
    return sorted(found, key=lambda entry: (entry.at, entry.number))


def is_whole(changelog: object) -> bool:
    """Whether a changelog says that it shows every entry there is."""
    if not isinstance(changelog, Mapping):
        return False
    histories, total = changelog.get("histories"), changelog.get("total")
    return isinstance(histories, list) and isinstance(total, int) and len(histories) >= total


def _entries(history: Mapping[str, Any], ids: Mapping[str, str]) -> Iterable[Entry]:
    author = history.get("author")
    who = author if isinstance(author, Mapping) else {}
    by = str(who.get("accountId") or who.get("name") or who.get("key") or "")
    number = str(history.get("id", ""))
    at = instant(history.get("created"))
    for item in history.get("items") or ():
        shown = str(item.get("field", ""))
        yield Entry(
            field=str(item.get("fieldId") or ids.get(shown, shown)),
            at=at,
            number=int(number) if number.isdecimal() else 0,
            by=by,
            person=_person(who.get("accountType")),
            old=(str(item.get("from") or ""), str(item.get("fromString") or "")),
            new=(str(item.get("to") or ""), str(item.get("toString") or "")),
        )


def _person(account_type: object) -> bool | None:
    match account_type:
        case "app":
            return False
        case "atlassian" | "customer":
            return True
        case _:
            return None


def touches(found: Iterable[Entry]) -> dict[str, Touch]:
    """The last change of each field that is shown."""
    return {entry.field: Touch(entry.at, entry.by, entry.person) for entry in found}


@dataclass(frozen=True, slots=True)
class Sent:
    """What a write sent and what it was decided from: the account that sent it, and `since`, the record's
    last change then (None: not known)."""

    values: Values
    before: Values
    account: str
    since: datetime | None


def races(
    found: Sequence[Entry], sent: Sent, kinds: Mapping[str, Shown], *, exactly: bool = False
) -> tuple[Race, ...]:
    """The values that `sent` overwrote unseen, field by field.

    With `exactly`, only an entry that shows the very value that was sent is taken for it: others of ours
    (an earlier hop of the status) may stand in the same history.
    """
    raced = (
        _race(found, sent, name, kinds.get(name, "line"), exactly=exactly) for name in sorted(sent.values)
    )
    return tuple(race for race in raced if race is not None)


def was_made(
    found: Sequence[Entry], sent: Sent, kinds: Mapping[str, Shown], now: Values, *, whole: bool = False
) -> bool | None:
    """Whether the history shows the write: True with an entry of it, False if it reaches far enough.

    It does if it is `whole`, or begins before the write, and shows what made each field what it is `now`.
    None where the history does not tell: it may be capped at either end, or all values stood already.
    """
    changed = [name for name, value in sent.values.items() if sent.before.get(name) != value]
    if any(
        _is_the_write(entry, sent, kinds.get(entry.field, "line"))
        for entry in found
        if entry.field in changed
    ):
        return True
    begins = whole or (sent.since is not None and any(entry.at <= sent.since for entry in found))
    moved = {name for name in changed if name in sent.before and now.get(name) != sent.before[name]}
    shown = {entry.field for entry in found if not _before(entry, sent)}
    return False if changed and begins and moved <= shown else None


def _is_the_write(entry: Entry, sent: Sent, kind: Shown) -> bool:
    if not _is_ours(entry, sent) or _led_to_it(entry, sent, kind):
        return False
    if _value(entry.new, kind) == sent.values[entry.field]:
        return True
    # Texts and sets are shown in another form than they were sent in: what came after what was read counts.
    return kind in _OTHERWISE and (sent.since is None or entry.at > sent.since)


def _race(found: Sequence[Entry], sent: Sent, name: str, kind: Shown, *, exactly: bool) -> Race | None:
    own = [entry for entry in found if entry.field == name]
    mine = [
        _is_the_write(e, sent, kind) if exactly else _is_ours(e, sent) and not _led_to_it(e, sent, kind)
        for e in own
    ]
    ours = next((i for i in range(len(own) - 1, -1, -1) if mine[i]), None)
    if ours is None:
        return None
    was, before = _value(own[ours].old, kind), sent.before.get(name)
    if was == before or name not in sent.before:
        return None
    theirs = next((entry for entry in reversed(own[:ours]) if not _before(entry, sent)), None)
    if kind in _OTHERWISE and (theirs is None or theirs.by == sent.account):
        return None  # texts and sets are shown in another form than they are kept: that alone proves nothing
    return Race(name, was, True, theirs.at if theirs else None, theirs.by if theirs else "")


def _is_ours(entry: Entry, sent: Sent) -> bool:
    return entry.by == sent.account and not _before(entry, sent)


def _led_to_it(entry: Entry, sent: Sent, kind: Shown) -> bool:
    """Whether an entry made what the write was decided from: one of ours is an earlier write, not this one.

    It bears the very time of the record's last change then. A write that changed nothing, for somebody had
    set the same just before, has no entry, and must not be found in that one.
    """
    if entry.field not in sent.before or _value(entry.new, kind) != sent.before[entry.field]:
        return False
    changes = sent.values.get(entry.field) != sent.before[entry.field]
    return changes or (sent.since is not None and entry.at <= sent.since)


def _before(entry: Entry, sent: Sent) -> bool:
    return sent.since is not None and entry.at < sent.since


def _value(shown: tuple[str, str], kind: Shown) -> Value:
    """What a changelog shows, in the vocabulary of values."""
    id_, text = shown
    match kind:
        case "person" | "team":
            return id_ or text or None
        case "text":
            return wiki_to_text(text)
        case "people":
            return frozenset(part.strip() for part in id_.strip("[]").split(",") if part.strip()) or None
        case "set":
            return frozenset(text.replace(",", " ").split()) or None
        case _:
            return canonical_text(text)


def alone(found: Sequence[Entry], sent: Sent, raced: Sequence[Race]) -> bool | None:
    """Whether nobody else wrote since `sent.since`: True or False only if the changelog proves it."""
    if raced:
        return False
    if sent.since is None or not any(_is_ours(entry, sent) for entry in found):
        return None
    later = [entry for entry in found if entry.at > sent.since]
    return True if all(entry.by == sent.account for entry in later) else None
