"""Reads the rendered form of a journal, in whatever time zone and format of dates it was rendered.

An entry reads `2026-08-11 10:40:20 - Abey Ahmad (Work notes)`, its text, and a blank line; the newest comes
first, the label is in the viewer's language. A text may hold what looks like such a line: it never makes an
entry more public than the journal that it stands in.
"""

from __future__ import annotations

import hashlib
import re
from collections import Counter, deque
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Final
from zoneinfo import ZoneInfo

from tieline.connectors.errors import Malformed
from tieline.connectors.servicenow.query import TIME_FORMAT

RENDERED: Final = "j"
"""How the ids of rendered entries begin: they are made of what is rendered, for it shows none."""
_PUBLIC_LABELS: Final = frozenset({
    "additional comments", "additional comments (customer visible)", "comments", "customer visible",
    "zusätzliche kommentare", "zusätzliche kommentare (für kunden sichtbar)", "commentaires supplémentaires",
    "commentaires additionnels", "comentarios adicionales", "commenti aggiuntivi", "comentários adicionais",
    "aanvullende opmerkingen", "追加コメント", "추가 코멘트", "其他注释",
})  # fmt: skip
"""What the journal of additional comments is called, for where nothing else tells an entry's journal."""
_DATES: Final = (
    "%Y-%m-%d", "%d/%m/%Y", "%d.%m.%Y", "%d-%m-%Y", "%m-%d-%Y", "%m/%d/%Y", "%Y/%m/%d", "%Y.%m.%d",
    "%d/%m/%y", "%m/%d/%y", "%d.%m.%y", "%d-%b-%Y", "%d %b %Y", "%b %d, %Y",
)  # fmt: skip
_TIMES: Final = (
    "%H:%M:%S", "%H.%M.%S", "%I:%M:%S %p", "%I.%M.%S %p", "%H:%M", "%H.%M", "%I:%M %p", "%I.%M %p",
)  # fmt: skip
_WIDEST: Final = timedelta(hours=14)
_STEP_SECONDS: Final = 900
"""Time zones differ from UTC by quarters of an hour."""


@dataclass(frozen=True, slots=True)
class Viewer:
    """How times look to the account that reads: a format, and a zone, or what is known of the difference to
    UTC: (a time there, the difference then), of which the nearest counts.
    """

    format: str
    zone: str = ""
    offsets: tuple[tuple[datetime, timedelta], ...] = ()

    def utc(self, text: str) -> datetime | None:
        """The instant behind a rendered time, None if it is none."""
        try:
            local = datetime.strptime(text.strip(), self.format)
        except ValueError:
            return None
        if self.zone:
            return local.replace(tzinfo=ZoneInfo(self.zone)).astimezone(UTC)
        _, offset = min(self.offsets, key=lambda known: abs(known[0] - local), default=(local, timedelta(0)))
        return (local - offset).replace(tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry as it was rendered; `at` is UTC, `author` a display name."""

    id: str
    at: datetime
    author: str
    public: bool
    text: str


def viewer(samples: Sequence[tuple[str, str]], zone: str) -> Viewer:
    """How times look, found from times whose stored values are known (stored, rendered).

    `zone` is the account's own (IANA), "" where it is the instance's. Malformed if no format fits.
    """
    known = [(datetime.strptime(stored, TIME_FORMAT), shown) for stored, shown in samples if stored and shown]
    places = [zone] if zone and _exists(zone) else []
    for place in (*places, ""):
        for form in (f"{date} {time}" for date in _DATES for time in _TIMES):
            offsets = _offsets(known, form, place)
            if offsets:
                return Viewer(form, place, offsets)
    raise Malformed(f"a format of dates that is not known: {samples[0][1] if samples else ''!r}")


def _exists(zone: str) -> bool:
    try:
        ZoneInfo(zone)
    except (ValueError, OSError, LookupError):
        return False
    return True


def _offsets(
    known: Sequence[tuple[datetime, str]], form: str, zone: str
) -> tuple[tuple[datetime, timedelta], ...]:
    """The differences to UTC that this format shows, each with its time; none if it does not fit."""
    all_found = []
    for stored, shown in known:
        try:
            local = datetime.strptime(shown.strip(), form)
        except ValueError:
            return ()
        cut = stored if "%S" in form else stored.replace(second=0)
        found = local - cut
        if zone and found != cut.replace(tzinfo=UTC).astimezone(ZoneInfo(zone)).utcoffset():
            return ()
        if abs(found) > _WIDEST or found.total_seconds() % _STEP_SECONDS:
            return ()
        all_found.append((local, found))
    return tuple(all_found)


@dataclass(frozen=True, slots=True)
class _Piece:
    at: datetime
    author: str
    label: str
    text: str


def entries(public: str, internal: str, both: str, clock: Viewer) -> list[Entry]:
    """The entries of a conversation, oldest first: from the two journals, or from the one that holds both.

    In the latter only the label tells which one is public; where the order of times shows that a text holds
    what looks like entries, all of them count as internal.
    """
    if public or internal:
        found = _merged(_own_pieces(public, clock), _own_pieces(internal, clock), both, clock)
    else:
        pieces = _pieces(both, clock)
        doubtful = any(later.at < earlier.at for earlier, later in pairwise(pieces)) or _repeated(pieces)
        found = [(p, not doubtful and p.label.casefold() in _PUBLIC_LABELS) for p in pieces]
    seen: Counter[str] = Counter()
    made: list[Entry] = []
    for piece, shown in found:
        key = _key(piece)
        seen[key] += 1
        # What is rendered in one minute or second keeps its order by microseconds that it never had.
        tied = bool(made) and timedelta(0) <= made[-1].at - piece.at < timedelta(minutes=1)
        at = made[-1].at + timedelta(microseconds=1) if tied else piece.at
        made.append(Entry(f"{RENDERED}{key}_{seen[key]}", at, piece.author, shown, piece.text))
    return made


def _merged(
    public: Sequence[_Piece], internal: Sequence[_Piece], both: str, clock: Viewer
) -> list[tuple[_Piece, bool]]:
    """The entries of both journals in their order: that of the stream which holds both, else by time.

    Times may be rendered without seconds, so they alone do not tell.
    """
    queues = (deque(public), True), (deque(internal), False)
    merged = []
    for piece in _pieces(both, clock):
        head = _head_of(piece)
        queue = next((q for q in queues if q[0] and head == _head_of(q[0][0])), None)
        if queue is not None:
            merged.append((queue[0].popleft(), queue[1]))
    if not any(queue for queue, _ in queues):
        return merged
    found = [*((piece, True) for piece in public), *((piece, False) for piece in internal)]
    return sorted(found, key=lambda each: each[0].at)


def _head_of(piece: _Piece) -> tuple[datetime, str, str]:
    return piece.at, piece.author, piece.label


def _repeated(pieces: Sequence[_Piece]) -> bool:
    heads = Counter((piece.at, piece.author, piece.label, piece.text) for piece in pieces)
    return any(count > 1 for count in heads.values())


def _key(piece: _Piece) -> str:
    words = " ".join(piece.text.split())
    return hashlib.sha256(words.encode("utf-8", "replace")).hexdigest()[:20]


def _own_pieces(stream: str, clock: Viewer) -> list[_Piece]:
    """The entries of one journal: all of them bear its label."""
    pieces = _pieces(stream, clock)
    return _pieces(stream, clock, pieces[-1].label) if pieces else []


def _pieces(stream: str, clock: Viewer, label: str | None = None) -> list[_Piece]:
    """The stream cut at its headers (with this label), oldest first. Malformed if it begins with none."""
    lines = stream.replace("\r\n", "\n").split("\n")
    heads: list[tuple[int, datetime, str, str]] = []
    for number, line in enumerate(lines):
        head = _head(line, clock) if number == 0 or not lines[number - 1].strip() else None
        if head is not None and (label is None or head[2] == label):
            heads.append((number, *head))
    if stream.strip() and (not heads or any(line.strip() for line in lines[: heads[0][0]])):
        raise Malformed("a rendered journal that does not begin with an entry")
    if not heads:
        return []
    ends = [*(number for number, *_ in heads[1:]), len(lines)]
    found = [
        _Piece(at, author, label_, "\n".join(lines[number + 1 : end]).strip("\n"))
        for (number, at, author, label_), end in zip(heads, ends, strict=True)
    ]
    return found[::-1]


_HEAD: Final = re.compile(
    r"(?P<when>\S.{3,40}?) - (?P<who>.+) \((?P<label>[^()\n]*(?:\([^()\n]*\)[^()\n]*)?)\)\s*"
)


def _head(line: str, clock: Viewer) -> tuple[datetime, str, str] | None:
    match = _HEAD.fullmatch(line)
    at = clock.utc(match["when"]) if match else None
    return None if match is None or at is None else (at, match["who"].strip(), match["label"].strip())
