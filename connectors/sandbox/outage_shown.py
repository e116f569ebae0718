"""Shows what ties the incidents of an outage together on each side, read over HTTP, apart from the engine."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import requests

from tieline.connectors.sandbox.check_links import PREFIX, TIMEOUT_SECONDS
from tieline.connectors.sandbox.expected import LinkMap

Site = tuple[requests.Session, str]
_NAMES: Final = {"parent": "part of"}
_CHILDREN: Final = "has parts"
_TITLE: Final = 60


@dataclass(slots=True)
class _Half:
    """One record: what people call it, its title and state, and its targets by relation."""

    label: str
    title: str
    state: str
    targets: dict[str, list[str]] = field(default_factory=dict)


def outage_lines(
    servicenow: Site, jira: Site, maps: Sequence[LinkMap], ids: Sequence[tuple[str, str]]
) -> list[str]:
    """A table for each of these pairs (sys_id, issue id), then what the relations lead to."""
    named: dict[str, str] = {}
    ours = [_incident(*servicenow, sys_id, maps, named) for sys_id, _ in ids]
    theirs = [_issue(*jira, issue, maps) for _, issue in ids]
    _add_children(ours)
    lines = []
    for one, two in zip(ours, theirs, strict=True):
        lines.append(f"{one.label} = {two.label}  {one.title} ({one.state} / {two.state})")
        lines += _table(one, two, [*dict.fromkeys(each.relation for each in maps), _CHILDREN])
    return [*lines, *(f"{number}  {title}" for number, title in sorted(named.items()))]


def _table(one: _Half, two: _Half, relations: Sequence[str]) -> Iterator[str]:
    for relation in relations:
        left, right = (", ".join(sorted(half.targets.get(relation, ()))) for half in (one, two))
        if left or right:
            name = _NAMES.get(relation, relation.replace("_", " "))
            yield f"  {name:<11}ServiceNow {left or 'nothing':<26}Jira {right or 'nothing'}"


def _incident(
    session: requests.Session, url: str, sys_id: str, maps: Sequence[LinkMap], named: dict[str, str]
) -> _Half:
    columns = dict.fromkeys(each.servicenow for each in maps)
    about = ("number", "short_description", "state")
    fields = [*about, *columns, *(f"{column}.{name}" for column in columns for name in about)]
    asked = {"sysparm_fields": ",".join(fields), "sysparm_display_value": "true"}
    answer = session.get(f"{url}/api/now/table/incident/{sys_id}", params=asked, timeout=TIMEOUT_SECONDS)
    answer.raise_for_status()
    row = answer.json()["result"]
    half = _Half(row["number"], row["short_description"][:_TITLE], row["state"])
    for each in maps:
        number = row.get(f"{each.servicenow}.number")
        if number:
            half.targets.setdefault(each.relation, []).append(number)
            if each.leads_to != "incident":
                title, state = row[f"{each.servicenow}.short_description"], row[f"{each.servicenow}.state"]
                named[number] = f"{title} ({state})"
    return half


def _issue(session: requests.Session, url: str, issue: str, maps: Sequence[LinkMap]) -> _Half:
    where, asked = f"{url}/rest/api/3/issue/{issue}", {"fields": "summary,status,issuelinks"}
    answer = session.get(where, params=asked, timeout=TIMEOUT_SECONDS)
    answer.raise_for_status()
    shown = answer.json()
    half = _Half(shown["key"], shown["fields"]["summary"], shown["fields"]["status"]["name"])
    for link in shown["fields"].get("issuelinks") or ():
        for relation, key in _linked(link, maps):
            half.targets.setdefault(relation, []).append(key)
    remote = session.get(f"{where}/remotelink", timeout=TIMEOUT_SECONDS)
    remote.raise_for_status()
    for link in remote.json():
        relation, _, id_ = str(link.get("globalId") or "").removeprefix(PREFIX).partition(":")
        if id_:
            half.targets.setdefault(relation, []).append(f"{link['object']['title']} (link to ServiceNow)")
    return half


def _linked(link: Mapping[str, Any], maps: Sequence[LinkMap]) -> Iterator[tuple[str, str]]:
    """What an issue link between two incidents is, seen from either of them."""
    for each in maps:
        if each.leads_to == "incident" and link["type"]["name"] == each.jira:
            mine = f"{each.reads}Issue"
            end = "outwardIssue" if "outwardIssue" in link else "inwardIssue"
            yield (each.relation if end == mine else _CHILDREN), link[end]["key"]


def _add_children(halves: Sequence[_Half]) -> None:
    """ServiceNow keeps the parent on the child alone; its form lists the children on the parent."""
    by_number = {half.label: half for half in halves}
    for half in halves:
        for number in half.targets.get("parent", ()):
            if number in by_number:
                by_number[number].targets.setdefault(_CHILDREN, []).append(half.label)
