"""What the targets of a priority say about an incident at a moment: met, running, paused, breached. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Final

from tieline.sync.policy.conditions import Moment
from tieline.sync.policy.fields import Record
from tieline.sync.policy.model import Policy, Sla

SLA_WORDS: Final = ("met", "running", "paused", "unanswered", "breached")
"""What the field `sla` may hold: `unanswered` is beyond the time to respond and has no assignee."""

Statuses = tuple[tuple[datetime, str], ...]
"""Since when (UTC) an incident had which status, oldest first: in some of them the clock stands still."""
A_MOMENT: Final = timedelta(microseconds=1)
"""A target is missed, and an age reached, once more than its time has passed."""
A_PASS: Final = timedelta(minutes=5)
"""What is seen so soon after it was opened was seen from the start."""


def target_of(policy: Policy, priority: object) -> Sla | None:
    """The targets of a priority."""
    return next((sla for sla in policy.slas if sla.priority == priority), None)


def sla_word(policy: Policy, record: Record, moment: Moment, statuses: Statuses = ()) -> str | None:
    """The word for an incident; None where no target applies."""
    sla, opened = target_of(policy, record.get("priority")), record.get("opened")
    if sla is None or not isinstance(opened, datetime):
        return None
    resolved = record.get("resolved")
    end = resolved if isinstance(resolved, datetime) else moment.now
    used = _used(sla, opened, end, moment, statuses)
    if sla.resolve is not None and used > sla.resolve:
        return "breached"
    if isinstance(resolved, datetime):
        return "met"
    if sla.respond is not None and not record.get("assignee") and used > sla.respond:
        return "unanswered"
    return "paused" if record.get("status") in sla.pause_on else "running"


def sla_flips(policy: Policy, record: Record, moment: Moment, statuses: Statuses = ()) -> Iterable[datetime]:
    """When a target will be missed if nothing happens; nothing while the clock stands still."""
    sla, opened = target_of(policy, record.get("priority")), record.get("opened")
    if sla is None or not isinstance(opened, datetime) or record.get("resolved"):
        return
    if record.get("status") in sla.pause_on:
        return
    used = _used(sla, opened, moment.now, moment, statuses)
    for target in (sla.respond, sla.resolve):
        if target is not None and used <= target:
            calendar = moment.calendars.get(sla.calendar)
            left = target - used + A_MOMENT
            flip = calendar.after(moment.now, left) if calendar else moment.now + left
            if flip is not None:
                yield flip


def _used(sla: Sla, since: datetime, until: datetime, moment: Moment, statuses: Statuses) -> timedelta:
    """The time that counts: business hours, without pauses."""
    total = _length(sla, since, until, moment)
    for number, (start, status) in enumerate(statuses):
        if status in sla.pause_on:
            end = statuses[number + 1][0] if number + 1 < len(statuses) else until
            total -= _length(sla, max(start, since), min(end, until), moment)
    return total


def _length(sla: Sla, since: datetime, until: datetime, moment: Moment) -> timedelta:
    calendar = moment.calendars.get(sla.calendar)
    return calendar.elapsed(since, until) if calendar else max(timedelta(0), until - since)


def pauses_known(policy: Policy, record: Record, statuses: Statuses) -> str:
    """From when on it is known in which status an incident was, where its clock stands still in some.

    "" where no target pauses, or all of its time is known. Before that the clock counts as running.
    """
    sla, opened = target_of(policy, record.get("priority")), record.get("opened")
    if sla is None or not sla.pause_on or not isinstance(opened, datetime):
        return ""
    if not statuses:
        return "no pause of its clock is known: it counts as running since it was opened"
    since = statuses[0][0]
    if since - opened <= A_PASS:
        return ""
    return f"pauses of its clock are known from {since:%Y-%m-%d %H:%M} UTC on; before, it counts as running"
