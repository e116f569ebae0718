"""Which files of a pair have to go across: pure, over what both sides list and what is known of them.

A file that our own account put on a record is a copy, and never goes back. What is not in the state, as after
a state was lost, is known by that: a copy is matched with the file that it has the name, size and, where both
sides tell it, the SHA-256 of, each with one. Where more files look like copies' originals than there are
copies, only the content tells which they are.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from fnmatch import fnmatch
from types import MappingProxyType
from typing import Final

from tieline.connectors.base import SIDES, Attachment, Side, other
from tieline.connectors.filenames import content_type, safe_name
from tieline.sync.attachments.model import Carried, Reason
from tieline.sync.attachments.notes import Held

_COUNTED: Final = re.compile(r" \((\d{1,4})\)(?=(\.[^.]*)?$)")
"""What tells files of one name apart: `log (2).txt`."""

REFUSALS: Final = 4
"""So often a file that was refused is tried again, after one, two, four and eight days."""

Files = Mapping[Side, Sequence[Attachment]]
IsUs = Callable[[Side, str], bool]


@dataclass(frozen=True, slots=True)
class Filter:
    """Which files go across. An entry of `only` and `never` is an ending (`.pdf`) or a type (`image/*`).

    `max_size` is in bytes; files from before `since` (UTC) are left alone.
    """

    sides: frozenset[Side] = frozenset(SIDES)
    """The sides whose files go across."""
    max_size: int = 100_000_000
    only: tuple[str, ...] = ()
    never: tuple[str, ...] = ()
    since: datetime | None = None

    def verdict(self, file: Attachment) -> Reason:
        """Why a file does not go across; "" if it does."""
        if file.size > self.max_size:
            return "size"
        if any(_is(file, pattern) for pattern in self.never):
            return "type"
        return "" if not self.only or any(_is(file, pattern) for pattern in self.only) else "type"

    def is_meant(self, file: Attachment) -> bool:
        """Whether the file is of a side and time that this is about at all."""
        return file.ref.side in self.sides and (self.since is None or file.created >= self.since)


def _is(file: Attachment, pattern: str) -> bool:
    if pattern.startswith("."):
        return file.name.casefold().rstrip(". ").endswith(pattern.casefold())
    return fnmatch(content_type(file.type, file.name), pattern.casefold())


@dataclass(frozen=True, slots=True)
class Found:
    """What is left to do about the files of a pair.

    `send` go across now, the oldest first. `held` stay where they are, and nobody was told yet. `twin` names,
    for a file that may be on the other side already (by its side and id), what may be its twin there: people
    put it on both, or it has a copy of ours that the state does not know.
    `partners` is the other half of each file that stands on both sides, both ways.
    """

    send: tuple[Attachment, ...] = ()
    held: tuple[Held, ...] = ()
    twin: Mapping[tuple[Side, str], tuple[Attachment, ...]] = field(
        default_factory=lambda: MappingProxyType({})
    )
    partners: Mapping[tuple[Side, str], str] = field(default_factory=lambda: MappingProxyType({}))


def look(pair_files: Files, known: Iterable[Carried], rules: Filter, is_us: IsUs, now: datetime) -> Found:
    """What is left to do about the files of one pair."""
    rows = {(row.side, row.file): row for row in known}
    partners = _partners(pair_files, rows, is_us)
    rest = {
        side: [f for f in pair_files[side] if (side, f.id) not in partners and not is_us(side, f.author)]
        for side in SIDES
    }
    send: list[Attachment] = []
    held: list[Held] = []
    for side in SIDES:
        for file in rest[side]:
            row = rows.get((side, file.id))
            reason = why_stays(file, row, rules)
            if reason is None or not rules.is_meant(file):
                continue
            if reason and not (row is not None and row.noted):
                held.append(Held(file, reason, "" if row is None else row.detail))
            if _is_time(reason, row, now):
                send.append(file)
    copies = [
        f for side in SIDES for f in pair_files[side] if _is_free(f, partners) and is_us(side, f.author)
    ]
    theirs = rest["servicenow"] if rules.sides == frozenset(SIDES) else []
    twins = _twins(send, theirs, copies)
    waiting = {twin.id for (side, _), there in twins.items() if side == "jira" for twin in there}
    send = [file for file in send if file.ref.side == "jira" or file.id not in waiting]
    send.sort(key=lambda file: (file.created, len(file.id), file.id))
    return Found(tuple(send), tuple(held), twins, partners)


def _is_time(reason: Reason, row: Carried | None, now: datetime) -> bool:
    """Whether a file goes across now: at once, when its next try is due, or never."""
    if row is None or row.due is None:
        return not reason
    return reason in ("", "trouble", "refused") and row.due <= now


def why_stays(file: Attachment, row: Carried | None, rules: Filter) -> Reason | None:
    """Why a file stays; "" if it goes; None if it went, and its copy is not listed any more."""
    verdict = rules.verdict(file)
    if row is None:
        return verdict
    if row.state == "sent":
        return None
    if row.reason in ("size", "type"):
        return verdict
    return row.reason or verdict


def _partners(
    pair_files: Files, rows: Mapping[tuple[Side, str], Carried], is_us: IsUs
) -> dict[tuple[Side, str], str]:
    """The other half of each file that stands on both sides: as remembered, else as it shows."""
    found: dict[tuple[Side, str], str] = {}
    for (side, id_), row in rows.items():
        if row.state == "sent" and row.partner:
            found[side, id_] = row.partner
            found[other(side), row.partner] = id_
    gone = {key for key, row in rows.items() if row.state == "sent"}
    for side in SIDES:
        across = other(side)
        copies = [f for f in pair_files[across] if (across, f.id) not in found and is_us(across, f.author)]
        files = [
            f
            for f in sorted(pair_files[side], key=lambda f: (f.created, len(f.id), f.id))
            if (side, f.id) not in found and not is_us(side, f.author)
            and not ((side, f.id) in gone and rows[side, f.id].partner)
        ]  # fmt: skip
        for file, copy in _matched(files, copies):
            found[side, file.id] = copy.id
            found[across, copy.id] = file.id
    return found


def _is_free(file: Attachment, partners: Mapping[tuple[Side, str], str]) -> bool:
    return (file.ref.side, file.id) not in partners


def _matched(
    files: Sequence[Attachment], copies: Sequence[Attachment]
) -> Iterator[tuple[Attachment, Attachment]]:
    """Each file with its copy: first those that their digests tell, then those that need no guess."""
    left, free = list(files), list(copies)
    for told in (True, False):
        unsure = set() if told else {file.id for file in left if _is_guess(file, left, free)}
        for file in [file for file in left if file.id not in unsure]:
            alike = (c for c in free if is_copy(c, file) and (_both_told(c, file) or not told))
            copy = next(alike, None)
            if copy is not None:
                left.remove(file)
                free.remove(copy)
                yield file, copy


def _is_guess(file: Attachment, files: Sequence[Attachment], copies: Sequence[Attachment]) -> bool:
    """Whether some of several files that look the same have a copy, and only their content tells which."""
    alike = [copy for copy in copies if is_copy(copy, file)]
    rivals = [rival for rival in files if any(is_copy(copy, rival) for copy in alike)]
    return bool(alike) and len(rivals) > len(alike)


def is_copy(copy: Attachment, file: Attachment) -> bool:
    """Whether a file looks like the copy of another: name, size and, where both are told, digest."""
    names = {safe_name(file.name), plain_name(safe_name(file.name))}
    return (copy.name in names or plain_name(copy.name) in names) and _same_content(copy, file)


def _same_content(one: Attachment, another: Attachment) -> bool:
    return one.size == another.size and (not _both_told(one, another) or one.digest == another.digest)


def _both_told(one: Attachment, another: Attachment) -> bool:
    return bool(one.digest and another.digest)


def _twins(
    going: Sequence[Attachment], theirs: Sequence[Attachment], copies: Sequence[Attachment]
) -> dict[tuple[Side, str], tuple[Attachment, ...]]:
    """Files that may be on both sides already: by side and id, what may be the same on the other.

    People may have put it there (`theirs`, in ServiceNow), or we did (`copies`, on either side), and nothing
    but the content tells of which of several.

    ServiceNow tells digests. So a file in Jira goes first, and is compared once its content was fetched; the
    one in ServiceNow waits for what comes of that. A copy of ours that no digest is told of is fetched, too.
    """
    found = {}
    for file in going:
        there = [f for f in theirs if f.digest and file.ref.side == "jira"]
        there += [copy for copy in copies if copy.ref.side == other(file.ref.side)]
        found[file.ref.side, file.id] = tuple(f for f in there if is_copy(f, file))
    return {key: twins for key, twins in found.items() if twins}


def plain_name(name: str) -> str:
    """A name without the number that tells files of one name apart."""
    return _COUNTED.sub("", name)


def free_name(name: str, taken: Iterable[str]) -> str:
    """The name as it can stand beside those that are taken: `log.txt`, else `log (2).txt`, and so on."""
    name = safe_name(name)
    there = {each.casefold() for each in taken}
    stem, dot, ending = name.rpartition(".")
    if not stem:
        stem, dot, ending = name, "", ""
    tries = (name if n == 1 else f"{stem} ({n}){dot}{ending}" for n in range(1, len(there) + 3))
    return next(each for each in tries if each.casefold() not in there)


def refused_again(row: Carried, now: datetime, detail: str) -> Carried:
    """What is known of a file that the other side does not take: it is tried again, after days, then no more.

    A record may be locked, or a limit be raised.
    """
    due = now + timedelta(days=2**row.tries) if row.tries < REFUSALS else None
    return replace(row, state="refused", reason="refused", detail=detail, tries=row.tries + 1, due=due)


def tried_again(row: Carried, now: datetime, pauses: Sequence[float]) -> Carried:
    """What is known of a file after one more transfer that broke off.

    `pauses` are seconds; the last one stays, and people are told.
    """
    pause = pauses[min(row.tries, len(pauses) - 1)]
    tries = row.tries + 1
    reason: Reason = "trouble" if tries >= len(pauses) else ""
    return replace(row, state="trying", tries=tries, due=now + timedelta(seconds=pause), reason=reason)
