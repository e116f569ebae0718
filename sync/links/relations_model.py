"""One relation of a pair as it was last dealt with: its Base, and what is still wanted; no decisions."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from tieline.connectors.base import Ref
from tieline.sync.links.model import Relation


@dataclass(frozen=True, slots=True)
class Standing:
    """That an incident's pair has a relation to a target, or had, or shall have. Times are UTC.

    `target` is the record in ServiceNow where it has one, else the issue. `servicenow` and `jira` tell on
    which sides it stood when it was last dealt with: that is its Base. `wanted` is why Tieline shall make it
    ("" if it need not). `made` is the id of Jira's link where we made it, `issue` the id of the issue that a
    link led to when it was last seen: the target stays the same when its pair ends. `held` is why it cannot
    be carried over now, and `retry_at` when that is tried again without anything having moved. `label` is the
    target's number or key.
    """

    pair: int
    relation: Relation
    target: Ref
    servicenow: bool = False
    jira: bool = False
    wanted: str = ""
    label: str = ""
    made: str = ""
    held: str = ""
    retry_at: datetime | None = None
    since: datetime | None = None
    issue: str = ""
