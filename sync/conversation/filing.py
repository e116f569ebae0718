"""A long entry as a file: what the file is called and holds, and when an entry goes that way. Pure.

A file stands on the record for whoever may read the record, so only what customers may read goes as one.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final, TypeGuard

from tieline.connectors.base import Action, Attach, Attachment, Comment, Ref
from tieline.sync.conversation.decide import Rules
from tieline.sync.conversation.model import Heard
from tieline.sync.conversation.steps import Place, bodies_of, is_public

ENTRY: Final = "entry:"
"""How the origin of a file begins that is no file of the other side but an entry."""
_TYPE: Final = "text/plain"


@dataclass(frozen=True, slots=True)
class Filed:
    """The file of one revision of an entry: its name says which, so that it is known again on the record."""

    name: str
    content: bytes

    @property
    def digest(self) -> str:
        """SHA-256, in hex digits."""
        return hashlib.sha256(self.content).hexdigest()

    def attach(self, ref: Ref) -> Attach:
        """The write that puts it on a record."""
        return Attach(ref, f"{ENTRY}{self.name}", self.name, len(self.content), _TYPE, self.digest)

    def is_among(self, files: Iterable[Attachment]) -> bool:
        """Whether one of our account's files is this one."""
        return any(
            file.name == self.name and file.size == len(self.content)
            and (not file.digest or file.digest == self.digest)
            for file in files
        )  # fmt: skip


def is_entry(action: Action) -> TypeGuard[Attach]:
    """Whether a write attaches an entry, not a file that a person put on the other side."""
    return isinstance(action, Attach) and action.origin.startswith(ENTRY)


def filed(heard: Heard, entry: Comment) -> Filed:
    """An entry as a file: its whole text."""
    number = f".{heard.revision}" if heard.revision > 1 else ""
    name = f"comment-{heard.id}{number}-{heard.digest}.txt"
    return Filed(name, (entry.text or "").encode("utf-8", "replace"))


def goes_as_file(heard: Heard, entry: Comment | None, rules: Rules, at: Place) -> bool:
    """Whether an entry is attached: it is too long, customers may read it, and no part of it was written."""
    return (
        rules.comments.too_long == "file"
        and entry is not None
        and is_public(heard, entry)
        and not heard.sent
        and at.ref == at.record.ref
        and len(bodies_of(heard, entry, rules)) > 1
    )
