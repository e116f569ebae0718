"""Checks rights, clocks, rate limits and what was not shown, for one route or both sides as a whole."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import timedelta
from typing import Final

from tieline.connectors.base import Side
from tieline.connectors.metadata import SiteInfo
from tieline.sync.config.model import Config
from tieline.sync.setup.findings import Finding
from tieline.sync.setup.live import Live

SKEW: Final = timedelta(seconds=5)
"""Clocks that are closer than this cannot be told apart well enough to matter."""
NEARLY_USED_UP: Final = 0.1
WRITERS: Final = frozenset({"admin", "itil", "itil_admin", "sn_incident_write", "sn_incident_admin"})
"""Roles that create and write incidents (ServiceNow: "Incident Management roles")."""
_NEEDED: Final = frozenset({"BROWSE_PROJECTS", "CREATE_ISSUES", "EDIT_ISSUES", "TRANSITION_ISSUES"})
_QUIET: Final = frozenset({"", "sys_user_has_role", "sys_db_object", "dl_u_priority", "the edit screen"})
"""Metadata that is asked for because some instances have it; the checks do without."""


def check_site(config: Config, side: Side, site: SiteInfo) -> Iterator[Finding]:
    """The clock and the limits of one side."""
    skew = site.identity.skew
    overlap = config.servicenow.overlap if side == "servicenow" else config.jira.overlap
    apart = f"{side}'s clock is {skew.total_seconds():+.1f} s from ours"
    if abs(skew) >= overlap:
        yield Finding("TD007", side, f"{apart}, its overlap {overlap.total_seconds():.0f} s")
    elif abs(skew) >= SKEW:
        yield Finding("TD006", side, apart)
    if not site.identity.time_zone:
        yield Finding("TD018", side, "the account's own time zone is not told")
    left = _left(site.limits)
    if left is not None and left < NEARLY_USED_UP:
        yield Finding("TD008", side, f"{left:.0%} of the requests of this period are left")


def _left(limits: Mapping[str, str]) -> float | None:
    """The share of a rate limit that is left, where the headers tell both."""
    try:
        return int(limits["x-ratelimit-remaining"]) / int(limits["x-ratelimit-limit"])
    except (KeyError, ValueError, ZeroDivisionError):
        return None


def check_rights(live: Live) -> Iterator[Finding]:
    """What the account may do, as far as it is told without writing."""
    jira, config = live.jira, live.config
    lacking = [name for name, have in jira.rights.items() if not have]
    needed = _NEEDED if live.creates_in_jira else _NEEDED - {"CREATE_ISSUES"}
    for name in lacking:
        code = "TD012" if name in needed else "TD013"
        if name != "RESOLVE_ISSUES" or (config.status is not None and config.status.resolution):
            yield Finding(code, jira.place, f"{name} is missing")
    roles = live.servicenow.rights
    if not roles:
        yield Finding("TD015", live.servicenow.place, "the account's roles are not shown to it")
    elif not WRITERS & set(roles):
        yield Finding("TD014", live.servicenow.place, f"its roles: {', '.join(sorted(roles))}")
    for place in (live.servicenow, jira):
        for name, why in place.unseen.items():
            if name not in _QUIET:
                yield Finding("TD009", name, why)
    if not jira.sampled:
        yield Finding("TD016", jira.place, "no issue of this type is shown by search")
