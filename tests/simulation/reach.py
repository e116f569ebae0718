"""What a set of runs must have come across: below its floor, finding nothing means nothing."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

FLOORS: Final[Mapping[str, float]] = {
    "passes": 1500, "passes that failed": 200, "early look": 99,
    "errand backup": 2, "errand restore": 1.5, "errand lose": 0.8, "errand resolve": 25, "errand retry": 15,
    "errand rival": 20, "second process turned away": 20, "conflict decided by a person": 5,
    "deed raise": 300, "deed foreign": 5, "deed edit": 250, "deed both": 60, "deed resolve": 30,
    "deed close": 20, "deed reopen": 25, "deed hold": 20, "deed move": 2, "deed clone": 6, "deed hide": 4,
    "deed unhide": 4, "deed delete": 2, "deed note": 20, "deed sour": 3, "deed sweeten": 3,
    "late commit of a person's edit": 50, "late commit of a write that timed out": 8,
    "ambush before a write": 80, "ambush after a write": 35,
    "rule lower": 30, "rule auto_close": 5, "rule auto_close_jira": 2,
    "write Create at servicenow": 100, "write Create at jira": 250, "write Update at servicenow": 150,
    "write Update at jira": 250, "write Transition at jira": 100, "write ShowLink at jira": 250,
    "write ShowLink at servicenow": 250,
    "fault reset on a read": 15, "fault busy on a read": 15, "fault denied on a read": 15,
    "fault malformed on a read": 15, "fault half on a read": 15,
    "fault reset on a write": 15, "fault busy on a write": 15, "fault lost on a write": 15,
    "fault lost_made on a write": 15, "fault lost_late on a write": 15, "fault refused on a write": 15,
    "fault stale on a write": 15, "fault garbled on a write": 15, "fault double on a write": 15,
    "fault cut_off on a write": 15,
    "death before a request": 10, "death after a request": 10, "death before a commit": 10,
    "death after a commit": 10,
}  # fmt: skip
"""How often per hundred seeds, at least; about half of what is usual."""


MIXED: Final[Mapping[str, float]] = {
    "turn handed to another lane": 100, "remark say at servicenow": 30, "remark say at jira": 30,
    "write AddComment at servicenow": 15, "write AddComment at jira": 15, "deed put": 25,
    "write Attach at servicenow": 5, "write Attach at jira": 5,
    "deed agree": 0.25, "deed take back": 0.25, "edit headline at servicenow": 0.5,
    "deed garble": 0.25, "record that cannot be read": 0.5, "search that finds what cannot be read": 0.1,
    "tying on at servicenow": 50, "tying on at jira": 25,
    "tying off at servicenow": 15, "tying off at jira": 12,
    "write Relate at servicenow": 10, "write Relate at jira": 35,
    "write Unrelate at servicenow": 3, "write Unrelate at jira": 10,
}  # fmt: skip
"""The same for what only some of the modes of a long run come across."""


def below_floor(reach: Mapping[str, int], seeds: int, floors: Mapping[str, float] = FLOORS) -> list[str]:
    """What was not come across often enough by so many seeds; chance is given its due in small sets."""
    found = []
    for what, per_hundred in floors.items():
        expected = per_hundred * seeds / 100
        floor = expected if seeds >= 1000 else max(0.0, expected - 2 * expected**0.5)
        if reach.get(what, 0) < int(floor):
            found.append(f"{what}: {reach.get(what, 0)}, at least {int(floor)} are wanted")
    return found


def table(reach: Mapping[str, int]) -> str:
    """The reach of a run, for people."""
    return "\n".join(f"{count:>12,}  {what}" for what, count in sorted(reach.items()))
