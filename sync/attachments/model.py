"""What is remembered of a file that goes across: ids and a digest, never its content. Nothing is decided."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from tieline.connectors.base import Side

State = Literal["sent", "refused", "trying"]
Reason = Literal["", "size", "type", "scan", "refused", "unreadable", "trouble"]
"""Why a file stays where it is: too large or of a kind that is not wanted, refused by the scanning command or
by the other side, not shown to our account, or its transfer broke off again and again."""


@dataclass(frozen=True, slots=True)
class Carried:
    """What became of one file: `file` is its id on `side`, where a person put it; `partner` that of its copy.

    `digest` is the SHA-256 of its content. `tries` counts transfers that broke off; the next is made at `due`
    (our clock). `noted`: people were told on the ticket that it stays where it is. `detail` are the words of
    whoever refused it.
    """

    pair: int
    side: Side
    file: str
    state: State
    partner: str = ""
    digest: str = ""
    reason: Reason = ""
    detail: str = ""
    tries: int = 0
    due: datetime | None = None
    noted: bool = False
