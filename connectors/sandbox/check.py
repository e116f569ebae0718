"""Reads both stand-ins over HTTP and compares them with each other and with what is expected.

It shares nothing with the engine: plain requests, paging of its own, no store. Records are paired by their
markers. It changes nothing, and it does not judge which side is right.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import requests

from tieline.connectors.sandbox.check_links import compare_links
from tieline.connectors.sandbox.expected import ENDED, Expected, Maps, Side

PAGE_ROWS: Final = 1000
PAGE_ISSUES: Final = 100
EMPTY_PAGES: Final = 3
"""Pages of unknown keys after which no issue is expected to follow (deleted and moved ones leave gaps)."""
TIMEOUT_SECONDS: Final = 60

_PEOPLE: Final = {"assigned_to": "assigned_to.email", "assignment_group": "assignment_group.name"}
_STATUS: Final = ("state", "hold_reason", "close_code", "close_notes", "impact", "urgency", "priority")


@dataclass(frozen=True, slots=True)
class Access:
    """Where a side is, and whose credentials read it."""

    url: str
    user: str
    secret: str


@dataclass(frozen=True, slots=True)
class Difference:
    """One field that is not as it should be. `against` tells what it was compared with."""

    label: str
    against: str
    field: str
    expected: str
    found: str

    def __str__(self) -> str:
        return f"{self.label}: {self.field} is {self.found!r}, {self.against} {self.expected!r}"


@dataclass(frozen=True, slots=True)
class Report:
    """What was compared, and what was not as it should be."""

    records: Mapping[Side, int]
    pairs: int
    fields: int
    differences: tuple[Difference, ...]
    duplicates: tuple[str, ...]
    missing: tuple[str, ...]
    relations: int = 0
    misrelated: tuple[str, ...] = ()

    @property
    def ok(self) -> bool:
        """Whether everything is as it should be."""
        return not (self.differences or self.duplicates or self.missing or self.misrelated)


@dataclass(frozen=True, slots=True)
class _Found:
    """One record as its side shows it: names that people read, instead of ids, and its marker."""

    id: str
    label: str
    marker: str
    values: Mapping[str, str]


def compare(
    servicenow: Access, jira: Access, maps: Maps, expected: Iterable[Expected] = (), project: str = "OPS"
) -> Report:
    """Read everything on both sides and report; `requests.RequestException` if a side does not answer."""
    left = {found.id: found for found in _incidents(servicenow, maps)}
    right = {found.id: found for found in _issues(jira, maps, project)}
    pairing = _pair(left, right)
    tally = _Tally()
    people = list(expected)
    with session_of(servicenow) as snow, session_of(jira) as site:
        links = compare_links((snow, servicenow.url), (site, jira.url), maps.links, pairing.pairs, people)
    for servicenow_id, jira_id in pairing.pairs.items():
        tally.between(maps, left[servicenow_id], right[jira_id])
    for incident in people:
        tally.against(maps, incident, left, right, pairing)
    return Report(
        records={"servicenow": len(left), "jira": len(right)},
        pairs=len(pairing.pairs),
        fields=tally.fields,
        differences=tuple(tally.differences),
        duplicates=tuple(pairing.duplicates),
        missing=(*pairing.alone, *tally.missing),
        relations=links.relations,
        misrelated=links.faults,
    )


@dataclass(slots=True)
class _Pairing:
    """Jira id by ServiceNow id, and the reverse; what is wrong with second mirrors and lonely records."""

    pairs: dict[str, str] = field(default_factory=dict)
    partners: dict[str, str] = field(default_factory=dict)
    duplicates: list[str] = field(default_factory=list)
    alone: list[str] = field(default_factory=list)


def _pair(left: Mapping[str, _Found], right: Mapping[str, _Found]) -> _Pairing:
    pairing = _Pairing()
    mirrors = Counter(found.marker for side in (left, right) for found in side.values() if found.marker)
    for found in left.values():
        if (origin := _origin(found)) in right:
            _join(pairing, found.id, origin, found)
    for found in right.values():
        if (origin := _origin(found)) in left:
            _join(pairing, origin, found.id, found)
    pairing.duplicates += [
        f"{count} mirrors are marked {marker}" for marker, count in mirrors.items() if count > 1
    ]
    pairing.alone += [
        f"{found.label} has no partner" for found in left.values() if found.id not in pairing.pairs
    ]
    pairing.alone += [
        f"{found.label} has no partner" for found in right.values() if found.id not in pairing.partners
    ]
    return pairing


def _join(pairing: _Pairing, servicenow: str, jira: str, mirror: _Found) -> None:
    if servicenow in pairing.pairs or jira in pairing.partners:
        pairing.duplicates.append(f"{mirror.label} is a second mirror ({mirror.marker})")
        return
    pairing.pairs[servicenow] = jira
    pairing.partners[jira] = servicenow


def _origin(found: _Found) -> str:
    """The id at the end of a marker: that of the record it was made from."""
    return found.marker.rpartition(":")[2]


@dataclass(slots=True)
class _Tally:
    fields: int = 0
    differences: list[Difference] = field(default_factory=list)
    missing: list[str] = field(default_factory=list)

    def between(self, maps: Maps, left: _Found, right: _Found) -> None:
        """Compare the two records of a pair in what the maps say they have in common."""
        ours, theirs = left.values, right.values
        label = f"{left.label} / {right.label}"
        for pair in maps.fields:
            wanted = pair.values.to_jira(ours[pair.servicenow], theirs[pair.jira])
            self._field(label, "ServiceNow says", pair.jira, wanted, theirs[pair.jira])
        status = maps.status_of(ours["state"], ours["hold_reason"], theirs["status"])
        self._field(label, "ServiceNow says", "status", status, theirs["status"])
        priority = maps.priority.to_jira(ours["priority"], theirs["priority"])
        self._field(label, "ServiceNow says", "priority", priority, theirs["priority"])
        if ours["state"] in ENDED:
            resolution = maps.resolution.to_jira(ours["close_code"], theirs["resolution"])
            self._field(label, "ServiceNow says", "resolution", resolution, theirs["resolution"])
            notes = maps.close_notes
            self._field(label, "ServiceNow says", notes, ours["close_notes"], theirs[notes])

    def against(
        self,
        maps: Maps,
        wanted: Expected,
        left: Mapping[str, _Found],
        right: Mapping[str, _Found],
        pairing: _Pairing,
    ) -> None:
        """Compare one incident's two records with what is expected of them."""
        if wanted.origin == "servicenow":
            ids = wanted.id, pairing.pairs.get(wanted.id, "")
        else:
            ids = pairing.partners.get(wanted.id, ""), wanted.id
        ours, theirs = left.get(ids[0]), right.get(ids[1])
        if ours is None or theirs is None:
            if (ours if wanted.origin == "servicenow" else theirs) is None:
                self.missing.append(f"{wanted.label} is not there any more")
            return
        unsaid = _unsaid(wanted, maps)
        for found, fields in ((ours, wanted.in_servicenow(maps, ours.values)), (theirs, wanted.jira)):
            for name in (fields.keys() & found.values.keys()) - unsaid:
                self._field(found.label, "people left", name, fields[name], found.values[name])

    def _field(self, label: str, against: str, name: str, expected: str, found: str) -> None:
        self.fields += 1
        if _canonical(expected) != _canonical(found):
            self.differences.append(Difference(label, against, name, expected, found))


def _unsaid(wanted: Expected, maps: Maps) -> set[str]:
    """Fields of which nothing is expected: how it ended while it goes on, and what was left to a system."""
    unsaid: set[str] = set()
    if wanted.servicenow["state"] not in ENDED:
        unsaid |= {"close_code", "close_notes", "resolution", maps.close_notes}
    if wanted.origin == "jira":
        unsaid |= {"impact", "urgency"}
    return unsaid


def _canonical(text: str) -> str:
    """Text without what layout adds: blank lines, and space at the ends of lines."""
    return "\n".join(line for line in map(str.strip, text.splitlines()) if line)


def _incidents(access: Access, maps: Maps) -> Iterator[_Found]:
    names = [*_STATUS, *(pair.servicenow for pair in maps.fields)]
    asked = {name: _PEOPLE.get(name, name) for name in names}
    fields = ",".join(["sys_id", "number", maps.servicenow_marker, *asked.values()])
    with session_of(access) as session:
        last = ""
        while True:
            parameters: dict[str, str | int] = {
                "sysparm_query": f"sys_id>{last}^ORDERBYsys_id" if last else "ORDERBYsys_id",
                "sysparm_limit": PAGE_ROWS,
                "sysparm_fields": fields,
                "sysparm_exclude_reference_link": "true",
                "sysparm_no_count": "true",
            }
            url = f"{access.url}/api/now/table/incident"
            rows = _got(session.get(url, params=parameters, timeout=TIMEOUT_SECONDS))["result"]
            for row in rows:
                values = {name: str(row.get(path, "")) for name, path in asked.items()}
                yield _Found(row["sys_id"], row["number"], row[maps.servicenow_marker], values)
            if not rows:
                return
            last = rows[-1]["sys_id"]


def _issues(access: Access, maps: Maps, project: str) -> Iterator[_Found]:
    """Every issue, by key in turn: reads by key are consistent, where search lags behind."""
    names = {"status", "resolution", "priority", maps.close_notes, maps.jira_marker}
    fields = sorted(names.union(pair.jira for pair in maps.fields))
    with session_of(access) as session:
        first, empty = 1, 0
        while empty < EMPTY_PAGES:
            keys = [f"{project}-{number}" for number in range(first, first + PAGE_ISSUES)]
            url = f"{access.url}/rest/api/3/issue/bulkfetch"
            body = {"issueIdsOrKeys": keys, "fields": fields}
            issues = _got(session.post(url, json=body, timeout=TIMEOUT_SECONDS))["issues"]
            for issue in issues:
                values = {name: _shown(issue["fields"].get(name)) for name in fields}
                yield _Found(issue["id"], issue["key"], values.pop(maps.jira_marker), values)
            first, empty = first + PAGE_ISSUES, 0 if issues else empty + 1


def _shown(value: Any) -> str:
    """A Jira value as people read it: a name, an option, an e-mail address, the text of a document."""
    if isinstance(value, dict):
        if value.get("type") == "doc":
            return document_text(value)
        return str(next((value[k] for k in ("emailAddress", "name", "value") if k in value), ""))
    return "" if value is None else str(value)


def document_text(node: Mapping[str, Any]) -> str:
    """The words of a document in Atlassian Document Format, a line for each line of each block."""
    match node.get("type"):
        case "text":
            return str(node["text"])
        case "hardBreak":
            return "\n"
        case "paragraph" | "heading" | "codeBlock":
            return "".join(map(document_text, node.get("content", ())))
        case _:
            return "\n".join(map(document_text, node.get("content", ())))


def session_of(access: Access) -> requests.Session:
    """A session that signs in there; it takes nothing from the machine's settings."""
    session = requests.Session()
    session.trust_env = False
    session.auth = (access.user, access.secret)
    session.headers["Accept"] = "application/json"
    return session


def _got(response: requests.Response) -> Any:
    response.raise_for_status()
    return response.json()
