"""Reads the relations of incidents on both stand-ins over HTTP, and compares them; apart from the engine.

What ServiceNow's columns say must stand in Jira once: as an issue link of the configured type to the target's
issue, or as a remote link that bears the target's number.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import requests

from tieline.connectors.sandbox.expected import Expected, LinkMap

TIMEOUT_SECONDS: Final = 60
PAGE_ROWS: Final = 1000
PAGE_ISSUES: Final = 100
PREFIX: Final = "tieline:"


@dataclass(frozen=True, slots=True)
class LinkReport:
    """How many relations were compared, and what was not as it should be, a sentence each."""

    relations: int
    faults: tuple[str, ...]


@dataclass(slots=True)
class _Incident:
    """One incident as ServiceNow shows it: targets (id, number) by column."""

    number: str
    targets: dict[str, tuple[str, str]] = field(default_factory=dict)


def compare_links(
    servicenow: tuple[requests.Session, str],
    jira: tuple[requests.Session, str],
    maps: Sequence[LinkMap],
    pairs: Mapping[str, str],
    expected: Sequence[Expected] = (),
) -> LinkReport:
    """Compare the relations of pairs (Jira ids by sys_id) with each other, and with what people did."""
    if not maps:
        return LinkReport(0, ())
    incidents = {sys_id: row for sys_id, row in _incidents(*servicenow, maps) if sys_id in pairs}
    origins = {issue: sys_id for sys_id, issue in pairs.items()}
    links = _issue_links(*jira, list(origins), maps, origins)
    faults: list[str] = []
    count = 0
    for sys_id, issue in pairs.items():
        row = incidents.get(sys_id)
        wanted: Counter[tuple[str, str]] = Counter()
        for each in maps:
            target = row.targets.get(each.servicenow) if row is not None else None
            if target is not None:
                wanted[each.relation, target[0]] += 1
        shown = links.get(issue, Counter())
        if wanted:
            shown = shown + _remote_links(*jira, issue, maps)
        count += sum(wanted.values())
        label = row.number if row is not None else sys_id
        faults += [f"{label}: {name} {id_} stands {n} times in Jira, not once"
                   for (name, id_), n in ((key, shown[key]) for key in wanted) if n != 1]  # fmt: skip
        faults += [
            f"{label}: Jira shows {name} {id_}, and ServiceNow does not" for name, id_ in shown - wanted
        ]
    faults += _unlike(maps, incidents, expected)
    return LinkReport(count, tuple(faults))


def _unlike(
    maps: Sequence[LinkMap], incidents: Mapping[str, _Incident], expected: Sequence[Expected]
) -> Iterator[str]:
    """What people set in ServiceNow and is not there."""
    for each in expected:
        if each.origin != "servicenow":
            continue
        row = incidents.get(each.id) or _Incident(each.label)
        for link in maps:
            wanted = each.servicenow.get(link.servicenow, "")
            found = row.targets.get(link.servicenow, ("", ""))[1]
            if wanted != found:
                yield f"{each.label}: {link.servicenow} is {found!r}, people left {wanted!r}"


def _incidents(
    session: requests.Session, url: str, maps: Sequence[LinkMap]
) -> Iterator[tuple[str, _Incident]]:
    columns = [each.servicenow for each in maps]
    fields = ["sys_id", "number", *columns, *(f"{column}.number" for column in columns)]
    last = ""
    while True:
        after = f"sys_id>{last}^" if last else ""
        query = "^NQ".join(f"{after}{column}ISNOTEMPTY" for column in columns) + "^ORDERBYsys_id"
        parameters: dict[str, str | int] = {
            "sysparm_query": query,
            "sysparm_limit": PAGE_ROWS,
            "sysparm_fields": ",".join(fields),
            "sysparm_exclude_reference_link": "true",
        }
        answer = session.get(f"{url}/api/now/table/incident", params=parameters, timeout=TIMEOUT_SECONDS)
        answer.raise_for_status()
        rows = answer.json()["result"]
        for row in rows:
            found = _Incident(row["number"])
            for column in columns:
                if row.get(column):
                    found.targets[column] = row[column], row.get(f"{column}.number") or ""
            yield row["sys_id"], found
        if not rows:
            return
        last = rows[-1]["sys_id"]


def _issue_links(
    session: requests.Session,
    url: str,
    ids: Sequence[str],
    maps: Sequence[LinkMap],
    origins: Mapping[str, str],
) -> dict[str, Counter[tuple[str, str]]]:
    """By issue its links to issues of pairs, as (relation, sys_id of the target)."""
    found: dict[str, Counter[tuple[str, str]]] = defaultdict(Counter)
    for start in range(0, len(ids), PAGE_ISSUES):
        body = {"issueIdsOrKeys": ids[start : start + PAGE_ISSUES], "fields": ["issuelinks"]}
        answer = session.post(f"{url}/rest/api/3/issue/bulkfetch", json=body, timeout=TIMEOUT_SECONDS)
        answer.raise_for_status()
        for issue in answer.json()["issues"]:
            for relation, far in _read(issue["fields"].get("issuelinks") or (), maps):
                if far in origins:
                    found[issue["id"]][relation, origins[far]] += 1
    return found


def _read(links: Sequence[Mapping[str, Any]], maps: Sequence[LinkMap]) -> Iterator[tuple[str, str]]:
    for link in links:
        for end, reads in (("outwardIssue", "outward"), ("inwardIssue", "inward")):
            for each in maps:
                if end in link and (link["type"]["name"], reads, "incident") == (
                    each.jira, each.reads, each.leads_to
                ):  # fmt: skip
                    yield each.relation, link[end]["id"]


def _remote_links(
    session: requests.Session, url: str, issue: str, maps: Sequence[LinkMap]
) -> Counter[tuple[str, str]]:
    answer = session.get(f"{url}/rest/api/3/issue/{issue}/remotelink", timeout=TIMEOUT_SECONDS)
    answer.raise_for_status()
    relations = {each.relation for each in maps}
    found: Counter[tuple[str, str]] = Counter()
    for link in answer.json():
        relation, _, id_ = str(link.get("globalId") or "").removeprefix(PREFIX).partition(":")
        if relation in relations and id_:
            found[relation, id_] += 1
    return found


def relations_shown(
    servicenow: tuple[requests.Session, str],
    jira: tuple[requests.Session, str],
    maps: Sequence[LinkMap],
    ids: Sequence[tuple[str, str]],
) -> list[str]:
    """What both sides show of the relations of these pairs (sys_id, issue id), a line for each record."""
    rows, lines = dict(_incidents(*servicenow, maps)), []
    for sys_id, issue in ids:
        row = rows.get(sys_id, _Incident(sys_id))
        named = (f"{c} {number}" for c, (_, number) in sorted(row.targets.items()))
        lines.append(f"{row.number}  {', '.join(named) or 'nothing'}")
        session, url = jira
        fields = {"fields": "issuelinks"}
        answer = session.get(f"{url}/rest/api/3/issue/{issue}", params=fields, timeout=TIMEOUT_SECONDS)
        answer.raise_for_status()
        shown = [_spoken(link) for link in answer.json()["fields"].get("issuelinks") or ()]
        remote = session.get(f"{url}/rest/api/3/issue/{issue}/remotelink", timeout=TIMEOUT_SECONDS)
        remote.raise_for_status()
        shown += [
            f"{link.get('relationship')} {link['object']['title']}"
            for link in remote.json() if link.get("relationship")
        ]  # fmt: skip
        lines.append(f"{answer.json()['key']}  {', '.join(sorted(shown)) or 'nothing'}")
    return lines


def _spoken(link: Mapping[str, Any]) -> str:
    end = "outwardIssue" if "outwardIssue" in link else "inwardIssue"
    return f"{link['type'][end.removesuffix('Issue')]} {link[end]['key']}"
