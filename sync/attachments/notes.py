"""The note that says which files stay where they are, and why; what it is about, so that it comes once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final, cast, get_args

from tieline.connectors.base import AddNote, Attachment, Ref, Side
from tieline.sync.attachments.model import Carried, Reason

NAMES: Final[Mapping[Side, str]] = {"servicenow": "ServiceNow", "jira": "Jira"}
_ABOUT: Final = "attachments:"
_MOST: Final = 20
"""Files that one note names; the next note names the next ones."""
_LONGEST_NAME: Final = 120
_LONGEST_DETAIL: Final = 200


@dataclass(frozen=True, slots=True)
class Held:
    """A file that stays where it is."""

    file: Attachment
    reason: Reason
    detail: str = ""


def note(ref: Ref, held: Sequence[Held], to: Side, max_size: int) -> AddNote:
    """One internal note about files of the record `ref` that do not go to the side `to`."""
    some = held[:_MOST]
    lines = [f"- {_flat(each.file.name, _LONGEST_NAME)}: {_why(each, to, max_size)}" for each in some]
    head = f"Not carried over to {NAMES[to]}:"
    about = _ABOUT + " ".join(f"{each.reason}={each.file.id}" for each in some)
    return AddNote(ref, "\n".join([head, *lines]), about)


def is_ours(action: AddNote) -> bool:
    """Whether a note is one of these."""
    return action.about.startswith(_ABOUT)


def told(action: AddNote) -> dict[str, Reason]:
    """The files that a note was about, by id, each with its reason."""
    parts = (part.partition("=") for part in action.about.removeprefix(_ABOUT).split())
    known = get_args(Reason)
    return {id_: cast("Reason", reason) for reason, _, id_ in parts if reason in known}


def noted(pair: int, side: Side, known: Mapping[str, Carried], action: AddNote) -> list[Carried]:
    """What is to be remembered once a note was written; what a filter holds is remembered by that alone."""
    rows = []
    for id_, reason in told(action).items():
        row = known.get(id_) or Carried(pair, side, id_, "refused", reason=reason)
        rows.append(replace(row, reason=reason, noted=True))
    return rows


def _why(held: Held, to: Side, max_size: int) -> str:
    match held.reason:
        case "size":
            return f"{size(held.file.size)} is more than the {size(max_size)} that are carried over"
        case "type":
            return "files of this type are not carried over"
        case "scan":
            return _with("the scan refused it", held.detail)
        case "refused":
            return _with(f"{NAMES[to]} did not take it", held.detail)
        case "unreadable":
            return "it may not be read by the account of the mirror"
        case _:
            return _with("it could not be carried over so far; it is tried again once a day", held.detail)


def _with(sentence: str, detail: str) -> str:
    return f"{sentence} ({_flat(detail, _LONGEST_DETAIL)})" if detail else sentence


def _flat(text: str, longest: int) -> str:
    flat = " ".join("".join(c if c.isprintable() else " " for c in text).split())
    return flat if len(flat) <= longest else flat[: longest - 1] + "…"


def size(count: int) -> str:
    """A number of bytes for people: 1.5 MB."""
    amount, unit = float(count), "bytes"
    for larger in ("kB", "MB", "GB"):
        if amount < 1000:
            break
        amount, unit = amount / 1000, larger
    return f"{amount:.0f} {unit}" if unit == "bytes" or amount >= 100 else f"{amount:.3g} {unit}"
