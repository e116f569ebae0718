"""What is remembered of a pair's conversation, in numbers, for people and for machines; no text. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any, Final

from tieline.connectors.base import SIDES, other
from tieline.sync.conversation.lines import NAMES
from tieline.sync.conversation.model import Heard

_WORDS: Final = (
    ("carried", "carried over"), ("due", "waiting"), ("refused", "refused so far"),
    ("left", "left where they are"), ("gone", "deleted since"),
)  # fmt: skip


def counted(heard: Iterable[Heard]) -> dict[str, dict[str, int]]:
    """Per side on which entries were made: how many are carried, due, refused, left, gone."""
    found: dict[str, Counter[str]] = {side: Counter() for side in SIDES}
    for entry in heard:
        if entry.fate != "own":
            found[entry.side]["refused" if entry.fate == "due" and entry.tries else entry.fate] += 1
    return {side: dict(sorted(counts.items())) for side, counts in found.items()}


def summary_lines(heard: Sequence[Heard]) -> list[str]:
    """One line a side, under a heading; nothing where nothing was said."""
    lines = []
    for side in SIDES:
        counts = counted(heard)[side]
        said = [f"{counts[key]} {words}" for key, words in _WORDS if counts.get(key)]
        if said:
            lines.append(f"  {NAMES[side]} to {NAMES[other(side)]}: {', '.join(said)}")
    return ["conversation", *lines] if lines else []


def summary_json(heard: Sequence[Heard]) -> list[dict[str, Any]]:
    """Each entry by id, with what became of it."""
    shown = sorted(heard, key=lambda entry: (entry.at, len(entry.id), entry.id))
    return [
        {
            "side": entry.side, "id": entry.id, "at": entry.at.isoformat(), "fate": entry.fate,
            "kind": entry.kind, "revision": entry.revision, "sent": entry.sent, "parts": entry.parts,
            "public": entry.public, "tries": entry.tries,
            "retry_at": None if entry.retry_at is None else entry.retry_at.isoformat(),
        }
        for entry in shown
        if entry.fate != "own"
    ]  # fmt: skip
