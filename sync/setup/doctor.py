"""Asks both sides about themselves and runs every check; one failing side does not hide the other."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final, TypeVar

from tieline.connectors.base import SIDES, Side
from tieline.connectors.errors import (
    ConfigError,
    ConnectorError,
    Denied,
    Malformed,
    RateLimited,
    Unavailable,
)
from tieline.connectors.metadata import Inspector, PlaceInfo, SiteInfo
from tieline.sync.config.model import Config, Route
from tieline.sync.setup.check_access import check_rights, check_site
from tieline.sync.setup.check_fields import check_fields
from tieline.sync.setup.check_people import check_people
from tieline.sync.setup.check_status import check_status
from tieline.sync.setup.findings import Finding
from tieline.sync.setup.live import Live, columns
from tieline.sync.setup.reading import check_reading
from tieline.sync.setup.relations import check_relations
from tieline.sync.setup.traps import check_traps

T = TypeVar("T")
_OF_BOTH: Final = frozenset({"TD015", "TD016"})
"""What would be said of a side that told nothing."""
Told = Callable[[str, int, int], None]
"""Told what is being looked at, how much is done, and how much there is."""


@dataclass(frozen=True, slots=True)
class Report:
    """What was looked at, in sentences, and what was found."""

    facts: tuple[str, ...]
    findings: tuple[Finding, ...]


def examine(config: Config, sides: Mapping[Side, Inspector], progress: Told) -> Report:
    """Everything that can be checked without writing."""
    sites: dict[Side, SiteInfo] = {}
    findings: list[Finding] = []
    for side in SIDES:
        progress(f"asking {side} who we are", len(sites), len(SIDES))
        site = _asked(side, sides[side].site, findings, absent="TD005", hint=sides[side].hint)
        if site is not None:
            sites[side] = site
            findings += check_site(config, side, site)
    for number, route in enumerate(config.routes):
        progress(f"looking at the route {route.name}", number, len(config.routes))
        places = {side: _place(config, route, side, sides[side], findings) for side in sites}
        shown = {side: place for side, place in places.items() if place is not None}
        findings += _route(config, route, shown)
        findings += check_reading(config, route, sides, shown)
    return Report(tuple(_facts(config, sites)), tuple(dict.fromkeys(findings)))


def _route(config: Config, route: Route, places: Mapping[Side, PlaceInfo]) -> Iterator[Finding]:
    """The findings of one route; of a side that told nothing, nothing is concluded."""
    if not places:
        return
    unknown = PlaceInfo("", readable=frozenset(columns(config)))
    live = Live(config, route, places.get("servicenow", unknown), places.get("jira", unknown))
    for check in (check_rights, check_fields, check_people, check_status, check_relations, check_traps):
        found = check(live)
        yield from (each for each in found if len(places) == len(SIDES) or each.code not in _OF_BOTH)


def _place(
    config: Config, route: Route, side: Side, inspector: Inspector, findings: list[Finding]
) -> PlaceInfo | None:
    if side == "servicenow":
        name, wanted = route.servicenow.table, columns(config)
    else:
        name = f"{route.jira.project}/{route.jira.issue_type}"
        wanted = tuple(field.jira for field in config.fields_for(route))
    where = f"route {route.name}, {side}"
    return _asked(where, lambda: inspector.place(name, wanted), findings, absent="TD010")


def _asked(
    where: str,
    ask: Callable[[], T],
    findings: list[Finding],
    absent: str = "TD003",
    hint: Callable[[], str] | None = None,
) -> T | None:
    """What `ask` says; None, and a finding, where it fails; where we are not let in, `hint` may say why."""
    try:
        return ask()
    except ConfigError as error:
        findings.append(Finding(absent, where, str(error)))
    except Denied as error:
        findings.append(Finding("TD002", where, str(error)))
        if hint is not None and (words := hint()):
            findings.append(Finding("TD019", where, words))
    except (Unavailable, RateLimited) as error:
        findings.append(Finding("TD001", where, str(error)))
    except (Malformed, ConnectorError) as error:
        findings.append(Finding("TD003", where, str(error)))
    return None


def _facts(config: Config, sites: Mapping[Side, SiteInfo]) -> Iterator[str]:
    """What answered, as whom, with which clock and limits."""
    for side, site in sites.items():
        url = config.servicenow.url if side == "servicenow" else config.jira.url
        zone = site.identity.time_zone or "not told (Tieline asks in UTC, so it does not matter)"
        limits = ", ".join(f"{name} {value}" for name, value in sorted(site.limits.items()))
        yield f"{site.title} at {url} takes us for {site.identity.name}"
        skew = round(site.identity.skew.total_seconds(), 1) or 0.0
        yield f"  clock {skew:+.1f} s from ours, the account's time zone {zone}"
        yield f"  rate limit: {limits or 'none is told'}"
