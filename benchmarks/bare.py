"""The floor: the requests that no mirror can do without, from a client that does nothing else."""

from __future__ import annotations

import base64
import json
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final

import requests

CONCURRENCY: Final = 8
"""Requests at once to each side, of the bare client as of Tieline."""
BATCH: Final = 20
BULK: Final = 50
PAGE: Final = 100

Call = Callable[[], requests.Response]
Write = tuple[str, str, Mapping[str, str]]
"""Method, path, body."""


def chunks(items: Sequence[Any], size: int) -> Iterator[Sequence[Any]]:
    """Slices of at most `size`."""
    for index in range(0, len(items), size):
        yield items[index : index + size]


def phase(*sides: Sequence[Call]) -> tuple[float, int]:
    """Send the requests of each side at the same time, eight of each at once: seconds, and how many."""
    started = time.perf_counter()
    pools = [ThreadPoolExecutor(CONCURRENCY) for _ in sides]
    answers = [pool.map(lambda call: call(), calls) for pool, calls in zip(pools, sides, strict=True)]
    for side in answers:
        for answer in side:
            answer.raise_for_status()
    for pool in pools:
        pool.shutdown()
    return time.perf_counter() - started, sum(len(calls) for calls in sides)


def batch_body(calls: Sequence[Write]) -> dict[str, Any]:
    """ServiceNow's Batch API."""
    headers = [
        {"name": "Content-Type", "value": "application/json"},
        {"name": "Accept", "value": "application/json"},
    ]
    return {
        "batch_request_id": "1",
        "rest_requests": [
            {
                "id": str(number),
                "method": method,
                "url": path,
                "headers": headers,
                "body": base64.b64encode(json.dumps(body).encode()).decode(),
            }
            for number, (method, path, body) in enumerate(calls)
        ],
    }


class Bare:
    """Lists of requests to one sandbox, to be sent by `phase`."""

    def __init__(self, servicenow: Mapping[str, str], jira: Mapping[str, str]) -> None:
        self._sn, self._jira = _session(servicenow), _session(jira)
        self._sn_url, self._jira_url = servicenow["url"], jira["url"]

    def incidents(self) -> list[str]:
        """The ids of all incidents."""
        rows = self._sn.get(
            f"{self._sn_url}/api/now/table/incident",
            params={"sysparm_fields": "sys_id", "sysparm_limit": "10000"},
        )
        return [row["sys_id"] for row in rows.json()["result"]]

    def issues(self) -> list[str]:
        """The ids of all issues."""
        found: list[str] = []
        token = None
        while True:
            body = {"jql": "project = OPS ORDER BY key", "maxResults": 5000, "fields": ["id"]}
            page = self._jira.post(
                f"{self._jira_url}/rest/api/3/search/jql",
                json={**body, **({"nextPageToken": token} if token else {})},
            ).json()
            found += [issue["id"] for issue in page["issues"]]
            token = page.get("nextPageToken")
            if not token:
                return found

    def create_issues(self, count: int) -> list[Call]:
        """Bulk creates of fifty."""
        fields = {"project": {"key": "OPS"}, "issuetype": {"name": "Incident"}, "summary": "bench"}
        bodies = [{"issueUpdates": [{"fields": fields} for _ in part]} for part in chunks(range(count), BULK)]
        return [self._post("issue/bulk", body) for body in bodies]

    def write_incidents(self, calls: Sequence[Write]) -> list[Call]:
        """Batches of twenty writes."""
        url = f"{self._sn_url}/api/now/v1/batch"
        bodies = [batch_body(part) for part in chunks(calls, BATCH)]
        return [lambda body=body: self._sn.post(url, json=body) for body in bodies]  # type: ignore[misc]

    def read_incidents(self, ids: Sequence[str]) -> list[Call]:
        """Reads of a hundred by id."""
        url = f"{self._sn_url}/api/now/table/incident"
        queries = ["sys_idIN" + ",".join(part) for part in chunks(ids, PAGE)]
        return [
            lambda query=query: self._sn.get(url, params={"sysparm_query": query})  # type: ignore[misc]
            for query in queries
        ]

    def read_issues(self, ids: Sequence[str]) -> list[Call]:
        """Bulk fetches of a hundred."""
        bodies = [{"issueIdsOrKeys": list(part), "fields": ["summary"]} for part in chunks(ids, PAGE)]
        return [self._post("issue/bulkfetch", body) for body in bodies]

    def link_issues(self, ids: Sequence[str]) -> list[Call]:
        """A remote link each."""
        shown = {"url": "https://example.com", "title": "INC"}
        return [
            self._post(f"issue/{id_}/remotelink", {"globalId": f"bench:{n}", "object": shown})
            for n, id_ in enumerate(ids)
        ]

    def edit_issues(self, ids: Sequence[str], summary: str) -> list[Call]:
        """One edited field each."""
        url = f"{self._jira_url}/rest/api/3/issue"
        return [
            lambda id_=id_: self._jira.put(f"{url}/{id_}", json={"fields": {"summary": f"{summary} {id_}"}})  # type: ignore[misc]
            for id_ in ids
        ]

    def start_issues(self, ids: Sequence[str]) -> list[Call]:
        """The transition into work each; which one it is, the first issue shows."""
        shown = self._jira.get(f"{self._jira_url}/rest/api/3/issue/{ids[0]}/transitions").json()
        move = next(m["id"] for m in shown["transitions"] if m["to"]["name"] == "In Progress")
        return [self._post(f"issue/{id_}/transitions", {"transition": {"id": move}}) for id_ in ids]

    def _post(self, path: str, body: Mapping[str, Any]) -> Call:
        return lambda: self._jira.post(f"{self._jira_url}/rest/api/3/{path}", json=body)


def edits(ids: Sequence[str], text: str) -> list[Write]:
    """One changed field of each incident."""
    return [
        ("PATCH", f"/api/now/table/incident/{id_}", {"short_description": f"{text} {id_}"}) for id_ in ids
    ]


def new_incidents(count: int) -> list[Write]:
    """So many new incidents."""
    return [("POST", "/api/now/table/incident", {"short_description": "bench"})] * count


def shown_links(ids: Sequence[str]) -> list[Write]:
    """The other half, shown on each incident."""
    return [("PATCH", f"/api/now/table/incident/{id_}", {"correlation_display": "OPS-1"}) for id_ in ids]


def _session(account: Mapping[str, str]) -> requests.Session:
    session = requests.Session()
    session.auth = (account["user"], account["secret"])
    session.headers.update({"Accept": "application/json", "Content-Type": "application/json"})
    session.mount("http://", requests.adapters.HTTPAdapter(pool_maxsize=CONCURRENCY))
    return session
