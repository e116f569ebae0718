"""When a policy may say something else about an incident though nobody touches it: time alone. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

from tieline.sync.policy.applied import UNTOUCHED, Standing
from tieline.sync.policy.conditions import Atom, Moment
from tieline.sync.policy.evaluate import Engine
from tieline.sync.policy.fields import Record
from tieline.sync.policy.sla import A_MOMENT, sla_flips


def next_look(
    engine: Engine, record: Record, now: datetime, standing: Standing = UNTOUCHED
) -> datetime | None:
    """The next moment after `now` (UTC) at which time alone changes what holds; None if it never does.

    `record` is the incident as the policy leaves it.
    """
    moment = Moment(now, engine.policy.calendars)
    flips = [flip for atom in engine.matcher.waiting(record) for flip in _flips(atom, record, moment)]
    if "sla" in engine.asked:
        flips += sla_flips(engine.policy, record, moment, standing.statuses)
    return min((flip for flip in flips if flip > now), default=None)


def _flips(atom: Atom, record: Record, moment: Moment) -> Iterator[datetime]:
    """When an atom about time becomes true, or false."""
    value, calendar = record.get(atom.field), moment.calendars.get(atom.calendar)
    flip: datetime | None = None
    match atom.operator, atom.argument:
        case "older_than", timedelta() as age if isinstance(value, datetime):
            flip = calendar.after(value, age + A_MOMENT) if calendar else value + age + A_MOMENT
        case "before", datetime() as limit:
            flip = limit
        case "after", datetime() as limit:
            flip = limit + A_MOMENT
        case "within", _ if calendar is not None:
            flip = calendar.next_change(moment.now)
    if flip is not None:
        yield flip
