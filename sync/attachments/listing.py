"""The files of one pair as people see them: where each stands, and why one stays. It writes nothing."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Literal

from tieline.connectors.base import SIDES, Attachment, Record, Side, other
from tieline.connectors.errors import ConnectorError
from tieline.sync.attachments.aspect import FilesAspect, FilesPart
from tieline.sync.attachments.matching import Found
from tieline.sync.attachments.notes import NAMES, size

if TYPE_CHECKING:
    from tieline.sync.model import Pair
    from tieline.sync.run import Run

WORDS: Final[Mapping[str, str]] = {
    "size": "larger than max_size",
    "type": "files of this type are not carried over",
    "scan": "the scan refused it",
    "refused": "the other side did not take it",
    "unreadable": "our account may not read it",
    "trouble": "it could not be carried over so far; it is tried again once a day",
}
"""Why a file stays where it is, for people."""
Standing = Literal["both", "waits", "stays", "left alone"]


@dataclass(frozen=True, slots=True)
class Listed:
    """One file: on which side a person put it, its copy's id ("" for none), and how it stands."""

    file: Attachment
    copy: str
    standing: Standing
    reason: str = ""

    def line(self) -> str:
        """For people."""
        where = f"{self.file.name} ({size(self.file.size)}), put on {NAMES[self.file.ref.side]}: "
        match self.standing:
            case "both":
                return where + "on both sides"
            case "waits":
                return where + "waits for the next pass"
            case "stays":
                return f"{where}stays there ({WORDS.get(self.reason, self.reason)})"
            case _:
                return where + "left alone by the configuration"

    def as_json(self) -> dict[str, Any]:
        """For machines."""
        file = self.file
        ids = {file.ref.side: file.id, other(file.ref.side): self.copy or None}
        return {"name": file.name, "size": file.size, "type": file.type, "put_on": file.ref.side,
                "servicenow": ids["servicenow"], "jira": ids["jira"], "standing": self.standing,
                "reason": self.reason}  # fmt: skip


def listed(run: Run, pair: Pair, records: Mapping[Side, Record]) -> tuple[Listed, ...] | None:
    """The files of a pair, the oldest first; None where they are not carried over or cannot be listed."""
    aspect = next((aspect for aspect in run.aspects if isinstance(aspect, FilesAspect)), None)
    if aspect is None or len(records) < len(SIDES):
        return None
    run.identity("jira")
    run.identity("servicenow")
    try:
        part = aspect.part(run, pair, records)
    except ConnectorError:
        return None
    found = part.found()
    files = [file for side in SIDES for file in part.files[side] if not run.is_us(side, file.author)]
    return tuple(sorted((_one(file, part, found) for file in files), key=lambda each: each.file.created))


def _one(file: Attachment, part: FilesPart, found: Found) -> Listed:
    side = file.ref.side
    copy = found.partners.get((side, file.id), "")
    reason = part.reason(file)
    if copy:
        return Listed(file, copy, "both")
    if reason is None or not part.aspect.rules.is_meant(file):
        return Listed(file, "", "left alone")
    return Listed(file, "", "stays", reason) if reason else Listed(file, "", "waits")
