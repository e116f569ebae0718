"""What an in-memory side tells of a write: whether it was made, and whom it ran over. Pure.

`history` says that the side tells who wrote each field (Jira); the other counts the changes of a record.
"""

from __future__ import annotations

from typing import Final

from tieline.connectors.base import Race, Record, Reviewed, Transition, Update

OWN_ACCOUNT: Final = "tieline"


def ran_over(write: Update, record: Record, *, history: bool) -> tuple[tuple[Race, ...], bool | None]:
    """The races of a write to a record that still stands as `record`, and whether it is the only one.

    None where the write was not decided from a version that the side counts.
    """
    if not history:
        if not write.seen.token:
            return (), None
        alone = record.version == write.seen
        return () if alone else (_unnamed(record),), alone
    raced = [name for name, value in write.before.items() if record.values.get(name) != value]
    races = tuple(Race(n, record.values.get(n), True, record.updated, record.updated_by) for n in raced)
    return races, not races


def reviewed(write: Update | Transition, record: Record, *, history: bool) -> Reviewed:
    """What `record` tells, some time later, of a write whose answer was lost."""
    sent = {**write.values, "status": write.move.to} if isinstance(write, Transition) else write.values
    count, seen = (v.token.partition("@")[0] for v in (record.version, write.seen))
    if any(record.values.get(name) != value for name, value in sent.items()):
        return Reviewed(record, alone=None if history or not seen else int(count) <= int(seen) + 1)
    if history:
        changed = {name for name, value in sent.items() if write.before.get(name) != value}
        authors = {record.touched[name].by for name in changed if name in record.touched}
        return Reviewed(record, made=not authors or OWN_ACCOUNT in authors)
    if not seen:
        return Reviewed(record, made=True)
    if int(count) == int(seen) + 1 and record.updated_by != OWN_ACCOUNT:
        return Reviewed(record, made=False, alone=False)
    alone = int(count) <= int(seen) + 1
    return Reviewed(record, True, alone, () if alone else (_unnamed(record),))


def _unnamed(record: Record) -> Race:
    """A race of which the side tells no field."""
    return Race("", None, False, record.updated, record.updated_by)
