"""What Tieline costs: `make bench` prints each figure beside the floor, the same requests from a bare client.

The sandbox runs in a process of its own, with a given latency and eight requests at a time on each side.
"""

from __future__ import annotations

import argparse
import base64
import json
import os
import platform
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import requests

if TYPE_CHECKING:
    from tieline.sync.model import Pair

CONCURRENCY = 8
BATCH = 20
PAGE = 100
INDEX_LAG = 4.0
"""Seconds that the sandbox's Jira index lags at most: what is measured next must find all, and no more."""
SAMPLE = 60
"""Incidents that the simple script is timed on; its figure is this, scaled up."""


@dataclass(frozen=True)
class Row:
    """One line of the table. Times in seconds; `floor` of the bare client, `simple` of the simple script."""

    name: str
    seconds: float
    requests: int
    floor: float | None = None
    floor_requests: int | None = None
    simple: float | None = None
    formula: str = ""


@dataclass(frozen=True)
class Sandbox:
    """A running sandbox: where its configuration is, and how a bare client signs in."""

    folder: Path
    servicenow: Mapping[str, str]
    jira: Mapping[str, str]

    def session(self, side: str) -> requests.Session:
        """A bare client with a pool of its own."""
        account = self.servicenow if side == "servicenow" else self.jira
        session = requests.Session()
        session.auth = (account["user"], account["secret"])
        session.headers.update({"Accept": "application/json", "Content-Type": "application/json"})
        session.mount("http://", requests.adapters.HTTPAdapter(pool_maxsize=CONCURRENCY))
        return session


@contextmanager
def sandbox(incidents: int, latency: float) -> Iterator[Sandbox]:
    """A sandbox in a process of its own, with half of the incidents on each side."""
    with tempfile.TemporaryDirectory() as name:
        command = [
            sys.executable, "-m", "tieline.cli", "sandbox", "--json", "--dir", name,
            "--incidents", str(incidents), "--latency", str(latency), "--concurrency", str(CONCURRENCY),
        ]  # fmt: skip
        process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)  # noqa: S603
        try:
            assert process.stdout is not None
            told = json.loads(process.stdout.readline())
            yield Sandbox(Path(name), told["servicenow"], told["jira"])
        finally:
            process.terminate()
            process.wait(10)


def passes(box: Sandbox, count: int = 1, only_last: bool = True) -> tuple[float, int, Mapping[str, int]]:
    """Run passes in this process: seconds, requests and counts of the last one."""
    from tieline.cli import Adapters
    from tieline.sync.commands.session import open_session, utc_now
    from tieline.sync.engine import run_pass
    from tieline.sync.lanes import WAVES_AT_ONCE, Lanes
    from tieline.sync.run import PassOptions

    with open_session(Adapters(), box.folder / "config.toml", create=True) as session:
        summary, seconds, sent = None, 0.0, 0
        for number in range(count):
            before, started = sum(session.requests().values()), time.perf_counter()
            summary = run_pass(
                session.config, session.store, session.sides, clock=utc_now,
                id_=f"bench-{started}-{number}", options=PassOptions(initial=True),
                lanes=Lanes(WAVES_AT_ONCE),
            )  # fmt: skip
            seconds = time.perf_counter() - started
            sent = sum(session.requests().values()) - before
        assert summary is not None
        return seconds, sent, summary.counts


def spread(work: Sequence[Callable[[], Any]]) -> tuple[float, int]:
    """Send these requests eight at a time: seconds, and how many."""
    started = time.perf_counter()
    with ThreadPoolExecutor(CONCURRENCY) as pool:
        for answer in pool.map(lambda call: call(), work):
            answer.raise_for_status()
    return time.perf_counter() - started, len(work)


def chunks(items: Sequence[Any], size: int) -> Iterator[Sequence[Any]]:
    """Slices of at most `size`."""
    for index in range(0, len(items), size):
        yield items[index : index + size]


def batch_body(calls: Sequence[tuple[str, str, Mapping[str, str]]]) -> dict[str, Any]:
    """ServiceNow's Batch API: (method, path, body) each."""
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
    """The unavoidable requests, without any thought."""

    def __init__(self, box: Sandbox) -> None:
        self._sn, self._jira = box.session("servicenow"), box.session("jira")
        self._sn_url, self._jira_url = box.servicenow["url"], box.jira["url"]

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

    def create_issues(self, count: int) -> list[Callable[[], Any]]:
        """Bulk creates of fifty."""
        fields = {"project": {"key": "OPS"}, "issuetype": {"name": "Incident"}, "summary": "bench"}
        return [
            lambda part=part: self._jira.post(  # type: ignore[misc]
                f"{self._jira_url}/rest/api/3/issue/bulk",
                json={"issueUpdates": [{"fields": fields} for _ in part]},
            )
            for part in chunks(range(count), 50)
        ]

    def write_incidents(self, calls: Sequence[tuple[str, str, Mapping[str, str]]]) -> list[Callable[[], Any]]:
        """Batches of twenty writes."""
        return [
            lambda part=part: self._sn.post(f"{self._sn_url}/api/now/v1/batch", json=batch_body(part))  # type: ignore[misc]
            for part in chunks(calls, BATCH)
        ]

    def read_incidents(self, ids: Sequence[str]) -> list[Callable[[], Any]]:
        """Reads of a hundred by id."""
        return [
            lambda part=part: self._sn.get(  # type: ignore[misc]
                f"{self._sn_url}/api/now/table/incident",
                params={"sysparm_query": "sys_idIN" + ",".join(part), "sysparm_limit": str(len(part))},
            )
            for part in chunks(ids, PAGE)
        ]

    def read_issues(self, ids: Sequence[str]) -> list[Callable[[], Any]]:
        """Bulk fetches of a hundred."""
        return [
            lambda part=part: self._jira.post(  # type: ignore[misc]
                f"{self._jira_url}/rest/api/3/issue/bulkfetch",
                json={"issueIdsOrKeys": list(part), "fields": ["summary"]},
            )
            for part in chunks(ids, PAGE)
        ]

    def link_issues(self, ids: Sequence[str]) -> list[Callable[[], Any]]:
        """A remote link each."""
        return [
            lambda id_=id_: self._jira.post(  # type: ignore[misc]
                f"{self._jira_url}/rest/api/3/issue/{id_}/remotelink",
                json={"globalId": f"bench:{id_}", "object": {"url": "https://example.com", "title": "INC"}},
            )
            for id_ in ids
        ]

    def edit_issues(self, ids: Sequence[str], summary: str) -> list[Callable[[], Any]]:
        """One edited field each."""
        return [
            lambda id_=id_: self._jira.put(  # type: ignore[misc]
                f"{self._jira_url}/rest/api/3/issue/{id_}", json={"fields": {"summary": f"{summary} {id_}"}}
            )
            for id_ in ids
        ]


def edits(ids: Sequence[str], text: str) -> list[tuple[str, str, Mapping[str, str]]]:
    """One changed field of each incident."""
    return [
        ("PATCH", f"/api/now/table/incident/{id_}", {"short_description": f"{text} {id_}"}) for id_ in ids
    ]


def initial(count: int, latency: float) -> list[Row]:
    """Mirror `count` incidents each way, then carry over as many field changes."""
    label = f"{latency * 1000:.0f} ms"
    with sandbox(2 * count, latency) as box:
        bare = Bare(box)
        time.sleep(INDEX_LAG)
        seconds, sent, counts = passes(box)
        assert counts["created"] == 2 * count, counts
        time.sleep(INDEX_LAG)
        passes(box, 2)
        spread(bare.write_incidents(edits(bare.incidents()[:count], "changed")))
        changed, changed_sent, changed_counts = passes(box)
        assert changed_counts["changed"] >= count, changed_counts
    with sandbox(2 * count, latency) as box:
        bare = Bare(box)
        time.sleep(INDEX_LAG)
        incidents, issues = bare.incidents(), bare.issues()
        new = [("POST", "/api/now/table/incident", {"short_description": "bench"})] * count
        shown = [
            ("PATCH", f"/api/now/table/incident/{i}", {"correlation_display": "OPS-1"}) for i in incidents
        ]
        floor = [
            spread([*bare.read_incidents(incidents), *bare.read_issues(issues)]),
            spread([*bare.create_issues(count), *bare.write_incidents(new)]),
            spread(bare.read_issues(bare.issues()[:count])),
            spread([*bare.link_issues((issues * 2)[: 2 * count]), *bare.write_incidents(shown)]),
        ]
        change_floor = [
            spread([*bare.read_incidents(incidents[:count]), *bare.read_issues(issues[:count])]),
            spread(bare.edit_issues(issues[:count], "floor")),
        ]
        simple = simple_script(box, incidents[:SAMPLE], latency)
    return [
        Row(f"initial mirror, {count} each way, {label}", seconds, sent, *_sum(floor), simple[0] * 2 * count,
            "n/100 reads a side + n/50 creates + n/20 batches + n/100 reads + 2n links + n/20 batches"),
        Row(f"{count} field changes, {label}", changed, changed_sent, *_sum(change_floor), simple[1] * count,
            "n/100 reads a side + n writes"),
    ]  # fmt: skip


def _sum(parts: Sequence[tuple[float, int]]) -> tuple[float, int]:
    return sum(seconds for seconds, _ in parts), sum(sent for _, sent in parts)


def simple_script(box: Sandbox, ids: Sequence[str], latency: float) -> tuple[float, float]:
    """What a short script with pysnow and jira needs for one mirror and one change, call after call."""
    import warnings

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import pysnow
        from jira import JIRA

    host = box.servicenow["url"].removeprefix("http://")
    snow = pysnow.Client(
        host=host, use_ssl=False, user=box.servicenow["user"], password=box.servicenow["secret"]
    )
    table = snow.resource(api_path="/table/incident")
    jira = JIRA(box.jira["url"], basic_auth=(box.jira["user"], box.jira["secret"]), max_retries=0,
                get_server_info=False)  # fmt: skip
    made = []
    started = time.perf_counter()
    for id_ in ids:
        row = table.get(query={"sys_id": id_}).one()
        fields = {"project": "OPS", "issuetype": "Incident", "summary": row["short_description"]}
        issue = jira.create_issue(fields=fields)
        table.update(query={"sys_id": id_}, payload={"correlation_display": issue.key})
        made.append(issue)
    mirrored = (time.perf_counter() - started) / len(ids)
    started = time.perf_counter()
    for id_, issue in zip(ids, made, strict=True):
        row = table.get(query={"sys_id": id_}).one()
        jira.issue(issue.key).update(fields={"summary": f"{row['short_description']} again"})
    return mirrored, (time.perf_counter() - started) / len(ids)


def idle(pairs: int) -> Row:
    """A pass with nothing changed beside so many pairs, over sides in memory: our own time."""
    from tieline.connectors.base import Connector, Side
    from tieline.connectors.memory import MemorySide
    from tieline.sync.commands.demo import example_configuration
    from tieline.sync.config import load_config
    from tieline.sync.engine import run_pass
    from tieline.sync.run import PassOptions
    from tieline.sync.store import open_store

    now = datetime(2026, 1, 5, 8, tzinfo=UTC)
    with tempfile.TemporaryDirectory() as name:
        path = Path(name) / "config.toml"
        path.write_text(example_configuration(), encoding="utf-8")
        config = load_config(path)
        sides: dict[Side, Connector] = {
            "servicenow": MemorySide("servicenow", lambda: now, place="incident", prefix="INC"),
            "jira": MemorySide("jira", lambda: now, place="OPS/Incident", prefix="OPS-"),
        }
        with open_store(config.state_url) as store:
            for part in chunks(range(1, pairs + 1), 20_000):
                with store.transaction() as tx:
                    for n in part:
                        tx.add_pair(synthetic(n, now))
            times = []
            for number in range(6):
                before = [len(side.requests) for side in sides.values() if isinstance(side, MemorySide)]
                started = time.perf_counter()
                run_pass(config, store, sides, clock=lambda: now + timedelta(minutes=1), id_=f"idle-{number}",
                         options=PassOptions(initial=True))  # fmt: skip
                times.append(time.perf_counter() - started)
                after = [len(side.requests) for side in sides.values() if isinstance(side, MemorySide)]
    return Row(f"idle pass, {pairs:,} pairs", min(times[1:]), sum(after) - sum(before))


def synthetic(n: int, now: datetime) -> Pair:
    """A pair that was compared just now."""
    from tieline.connectors.base import Ref
    from tieline.sync.model import Pair

    servicenow, jira = Ref("servicenow", f"{n:032x}"), Ref("jira", str(n))
    labels = (f"INC{n}", f"OPS-{n}")
    return Pair(0, "operations", servicenow, jira, "servicenow", *labels, created_at=now, checked_at=now)


def start_up() -> Row:
    """`tieline --help`, the whole process, best of five."""
    times = []
    for _ in range(5):
        started = time.perf_counter()
        subprocess.run([sys.executable, "-m", "tieline.cli", "--help"], capture_output=True, check=True)
        times.append(time.perf_counter() - started)
    return Row("tieline --help", min(times), 0)


def table(rows: Sequence[Row]) -> str:
    """The rows as Markdown."""
    lines = [
        "| work | time | requests | floor | of the floor | simple script | floor is |",
        "|---|---|---|---|---|---|---|",
    ]
    for row in rows:
        floor = "" if row.floor is None else f"{row.floor:.2f} s, {row.floor_requests} requests"
        ratio = "" if row.floor is None else f"{row.floor / row.seconds:.2f}"
        simple = (
            "" if row.simple is None else f"{row.simple:.0f} s, {row.simple / row.seconds:.1f} times ours"
        )
        time_ = f"{row.seconds * 1000:.0f} ms" if row.seconds < 1 else f"{row.seconds:.2f} s"
        sent = str(row.requests) if row.requests else ""
        lines.append(f"| {row.name} | {time_} | {sent} | {floor} | {ratio} | {simple} | {row.formula} |")
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--incidents", type=int, default=2000, help="how many are mirrored each way")
    parser.add_argument(
        "--pairs", type=int, nargs="*", default=[0, 100_000, 1_000_000], help="for the idle pass"
    )
    options = parser.parse_args()
    rows = [start_up()]
    rows += [idle(pairs) for pairs in options.pairs]
    for latency in (0.0, 0.05):
        rows += initial(options.incidents, latency)
    print(table(rows))
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    print(f"\nPeak memory of the bench process: {peak} MB. Python {platform.python_version()}, "
          f"{os.cpu_count()} cores, {platform.machine()}.")  # fmt: skip


if __name__ == "__main__":
    main()
