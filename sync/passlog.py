"""What a pass does, as log lines with its id; text of tickets, also in a system's words, at debug only."""

from __future__ import annotations

import logging
from contextvars import ContextVar
from typing import Final

from tieline.sync.model import AuditEntry, Conflict, PassSummary

_log: Final = logging.getLogger("tieline.pass")
_log.addHandler(logging.NullHandler())  # without --log-level nobody listens, and commands say it themselves


_current: Final[ContextVar[str]] = ContextVar("pass_id", default="")


def current() -> str:
    """The pass that is running here, "" for none: log lines of other modules belong to it."""
    return _current.get()


def started(pass_id: str) -> None:
    """A pass begins."""
    _current.set(pass_id)
    _log.info("pass started", extra={"pass_id": pass_id})


def ended(summary: PassSummary) -> None:
    """A pass is over, or was stopped."""
    if summary.error:
        _log.error("pass stopped", extra={"pass_id": summary.id, "counts": dict(summary.counts)})
        _log.debug("why the pass stopped", extra={"pass_id": summary.id, "why": summary.error})
    else:
        _log.info("pass ended", extra={"pass_id": summary.id, "counts": dict(summary.counts)})
    _current.set("")


def drained(pass_id: str, side: str, changes: int) -> None:
    """One side's feed is read to its end."""
    _log.info("feed drained", extra={"pass_id": pass_id, "side": side, "changes": changes})


def look_failed(pass_id: str, why: str) -> None:
    """What incidents belong to could not be looked for; the next pass tries again."""
    _log.warning("looking for links failed", extra={"pass_id": pass_id})
    _log.debug("why looking for links failed", extra={"pass_id": pass_id, "why": why})


def affected_unread(pass_id: str, why: str) -> None:
    """Which incidents got an affected item could not be asked; the next pass tries again."""
    _log.warning("affected items are not shown", extra={"pass_id": pass_id})
    _log.debug("why affected items are not shown", extra={"pass_id": pass_id, "why": why})


def wave(pass_id: str, entries: int) -> None:
    """A wave begins."""
    _log.info("wave", extra={"pass_id": pass_id, "entries": entries})


def tried(entry: AuditEntry, label: str) -> None:
    """A write was tried, and this came of it; `label` names the pair, or the record that is mirrored."""
    level = logging.INFO if entry.outcome in ("applied", "skipped") else logging.WARNING
    shown = {
        "pass_id": entry.pass_id,
        "pair": entry.pair,
        "label": label,
        "record": str(entry.ref) if entry.ref else "",
        "action": entry.action,
        "fields": sorted(entry.new),
        "outcome": entry.outcome,
    }
    _log.log(level, "write", extra=shown)
    if _log.isEnabledFor(logging.DEBUG):
        text = {"old": dict(entry.old), "new": dict(entry.new), "why": entry.why, "detail": entry.detail}
        _log.debug("what was written", extra={**shown, **text})


def conflict(found: Conflict) -> None:
    """Both sides moved a field, or it cannot be carried over: held for a person, or decided."""
    shown = {"pass_id": found.pass_id, "pair": found.pair, "field": found.unit, "kind": found.kind,
             "open": found.open, "winner": found.winner}  # fmt: skip
    _log.log(logging.WARNING if found.open else logging.INFO, "conflict", extra=shown)


def parked(pass_id: str, label: str, reason: str) -> None:
    """A pair, or a record without one, is left alone from now on."""
    _log.warning("parked", extra={"pass_id": pass_id, "label": label, "reason": reason})
