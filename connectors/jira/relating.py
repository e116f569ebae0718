"""Issue links and remote links of one Jira, and the issues that an incident may be tied to.

A link reads from one issue to another: `inwardIssue` <outward words> `outwardIssue`, in the API's own terms
(Jira REST: "Create issue link"). An issue shows the other end only, under the name of its place. The API
makes the same link twice without a word; whoever asks for one reads the issue again to see what stands.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final

from tieline.connectors.base import Applied, Ref, Relate, Search, Target, Unrelate
from tieline.connectors.errors import (
    ConnectorError,
    Denied,
    Gone,
    Malformed,
    RateLimited,
    Rejected,
    Unavailable,
)
from tieline.connectors.jira.searching import Query, every, issues_in
from tieline.connectors.jira.settings import BULK_FETCH, quoted
from tieline.connectors.jira.site import Site
from tieline.connectors.jira.values import instant
from tieline.connectors.jira.wire import Refusal, chunks, segment

_FIELDS: Final = ("summary", "status", "created", "resolutiondate", "components", "issuetype", "updated")
_WHAT: Final = "Jira's linked issues"


class Relating:
    """Makes and takes away links, and finds issues. Safe to use from many threads."""

    def __init__(self, site: Site) -> None:
        self._site = site

    # Writes

    def relate(self, action: Relate) -> Applied:
        """Make one link. What it became is read with the issue, together with others' (it has no answer)."""
        what = f"link of issue {action.ref.id} to {action.label or action.target.id}"
        if action.global_id:
            return self._remote(action, what)
        if action.target.side != "jira":
            raise Rejected(f"{what}: it is no issue, and can be shown by a remote link only")
        ends = (action.ref.id, action.target.id)
        inward, outward = ends if action.outward else reversed(ends)
        body = {
            "type": {"name": action.name},
            "inwardIssue": {"id": inward},
            "outwardIssue": {"id": outward},
        }
        try:
            self._site.wire.send(what, "POST", "issueLink", body)
        except Gone as error:  # an end, or the type: it does not tell which
            words = f"{what}: Jira shows no such issue, or has no link type {action.name!r}"
            raise Rejected(f"{words} ({error})", {action.name: "not there"}) from None
        return Applied(action.ref)

    def _remote(self, action: Relate, what: str) -> Applied:
        name = self._site.settings.link_application
        body = {
            "globalId": action.global_id,
            "application": {"name": name},
            "relationship": action.name,
            "object": {"url": action.url, "title": action.label},
        }
        path = f"issue/{segment(action.ref.id)}/remotelink"
        self._site.wire.send(what, "POST", path, body)
        return Applied(action.ref, made=action.global_id)

    def unrelate(self, action: Unrelate) -> Applied:
        """Take one link away; one that is gone already is no failure."""
        what = f"link of issue {action.ref.id} to {action.target.id}"
        try:
            if action.global_id:
                path = f"issue/{segment(action.ref.id)}/remotelink"
                self._site.wire.send(what, "DELETE", path, {}, globalId=action.global_id)
            else:
                self._site.wire.send(what, "DELETE", f"issueLink/{segment(action.id)}", {})
        except Gone:
            return Applied(action.ref)
        return Applied(action.ref)

    # Reads

    def remote_ties(self, refs: Sequence[Ref]) -> list[frozenset[str] | ConnectorError]:
        """The global ids of each issue's remote links: one request an issue."""
        return self._site.wire.each(self._global_ids, refs)

    def _global_ids(self, ref: Ref) -> frozenset[str] | ConnectorError:
        what = f"remote links of issue {ref.id}"
        try:
            links = self._site.wire.get(what, f"issue/{segment(ref.id)}/remotelink")
        except Denied:
            raise
        except Refusal as refusal:
            return Malformed(str(refusal))
        except ConnectorError as error:
            return error
        if not isinstance(links, list):
            return Malformed(f"{what}: the answer is no list")
        return frozenset(
            str(link["globalId"]) for link in links if isinstance(link, Mapping) and link.get("globalId")
        )

    def targets(self, kind: str, keys: Sequence[str]) -> list[Target]:
        """The issues with these ids or keys; a kind of ServiceNow's is not known here."""
        if kind != "issue":
            return []
        wanted = list(dict.fromkeys(key for key in keys if key))
        if self._site.settings.cloud:
            pages = self._site.wire.each(self._bulk, chunks(wanted, BULK_FETCH))
        else:
            pages = self._site.wire.each(self._one, wanted)
        return [self._target(issue) for page in pages for issue in page]

    def _bulk(self, keys: Sequence[str]) -> list[dict[str, Any]]:
        body = {"issueIdsOrKeys": list(keys), "fields": list(_FIELDS)}
        try:
            return issues_in(self._site.wire.ask(_WHAT, "issue/bulkfetch", body), _WHAT)
        except Refusal as refusal:
            raise Malformed(str(refusal)) from None

    def _one(self, key: str) -> list[dict[str, Any]]:
        try:
            issue = self._site.wire.get(_WHAT, f"issue/{segment(key)}", {"fields": ",".join(_FIELDS)})
        except (Unavailable, RateLimited, Denied):
            raise
        except (ConnectorError, Refusal):
            return []
        return [issue] if isinstance(issue, dict) and issue.get("id") else []

    def seek(self, search: Search) -> list[Target]:
        """The issues of the routes' projects that a search finds; its index lags."""
        if search.kind != "issue" or not self._site.settings.projects:
            return []
        clauses = [f"project in ({', '.join(map(quoted, self._site.settings.projects))})"]
        if search.groups or search.categories:
            names = sorted(search.groups | search.categories)
            clauses.append(f"component in ({', '.join(map(quoted, names))})")
        column = "created" if search.by == "opened" else "resolved"
        for sign, at in ((">=", search.since), ("<=", search.until)):
            clauses += [f"{column} {sign} {int(at.timestamp() * 1000)}"] if at is not None else []
        jql = f"{' AND '.join(clauses)} ORDER BY created DESC"
        query = Query(_WHAT, jql, _FIELDS, limit=min(search.limit, BULK_FETCH))
        found = []
        try:
            for issue in every(self._site, query):
                found.append(self._target(issue))
                if len(found) == search.limit:
                    break
        except Refusal:  # such as a component that there is not
            return []
        return found

    def _target(self, issue: Mapping[str, Any]) -> Target:
        raw, key = issue.get("fields") or {}, str(issue.get("key") or "")
        components = sorted(str(c.get("name")) for c in raw.get("components") or () if isinstance(c, Mapping))
        return Target(
            Ref("jira", str(issue["id"]), "issue"),
            key,
            title=str(raw.get("summary") or ""),
            state=str((raw.get("status") or {}).get("name") or ""),
            opened=_time(raw.get("created")),
            closed=_time(raw.get("resolutiondate")),
            component=components[0] if components else "",
            components=frozenset(components),
            category=str((raw.get("issuetype") or {}).get("name") or ""),
            url=f"{self._site.settings.url}/browse/{key}",
        )


def _time(text: object) -> datetime | None:
    try:
        return instant(text) if text else None
    except Malformed:
        return None
