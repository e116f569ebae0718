"""The catalogue of faults: each is named, sourced, switched on by rate and seed, counted, and off again."""

from __future__ import annotations

import random
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import requests

from tieline.connectors.sandbox import faults
from tieline.connectors.sandbox.core import (
    Fault,
    RealClock,
    RequestLog,
    Response,
    Server,
    VirtualClock,
)
from tieline.connectors.sandbox.servicenow import ServiceNowSandbox
from tieline.connectors.sandbox.trouble import Means

START = datetime(2026, 3, 2, 9, 0, 0, tzinfo=UTC)
SERVICENOW = [fault.name for fault in faults.CATALOGUE["servicenow"]]


def desk() -> tuple[ServiceNowSandbox, VirtualClock]:
    clock = VirtualClock(START)
    sandbox = ServiceNowSandbox(clock, accounts={"tieline": "pw"}, seed=1)
    for number in range(4):
        sandbox.create("admin", {"short_description": f"incident {number}"})
    return sandbox, clock


class Client:
    """Asks one stand-in over real HTTP, without any hardening."""

    def __init__(self, seed: int, rates: faults.Rates) -> None:
        self.sandbox, self.clock = desk()
        self.log = RequestLog()
        self.sandbox.part_struck = lambda name: self.log.add_fault("servicenow", name)
        faults.install(self.sandbox, "servicenow", rates, seed=seed, clock=self.clock)
        self.server = Server(self.sandbox, self.log, lock=self.sandbox.lock).start()
        self.session = requests.Session()
        self.session.auth = ("tieline", "pw")
        self.session.headers["Accept"] = "application/json"

    def ask(self, method: str = "GET", path: str = "/table/incident", **options: Any) -> requests.Response:
        url = f"{self.server.url}/api/now{path}"
        return self.session.request(method, url, timeout=10, allow_redirects=False, **options)

    def close(self) -> None:
        self.session.close()
        self.server.stop()

    @property
    def count(self) -> int:
        return len(self.sandbox.rows())


@pytest.fixture
def client() -> Iterator[Any]:
    made: list[Client] = []

    def make(rates: faults.Rates, seed: int = 1) -> Client:
        made.append(Client(seed, rates))
        return made[-1]

    yield make
    for each in made:
        each.close()


def outcomes(client: Client, times: int = 40) -> list[object]:
    found: list[object] = []
    for _ in range(times):
        try:
            found.append(client.ask().status_code)
        except requests.RequestException as error:
            found.append(type(error).__name__)
    return found


def test_every_fault_says_what_it_is_and_who_says_so() -> None:
    for entries in faults.CATALOGUE.values():
        for fault in entries:
            assert fault.does.endswith(".")
            assert fault.source
        assert len({fault.name for fault in entries}) == len(entries)


def test_one_seed_strikes_alike_and_another_otherwise(client: Any) -> None:
    first, again, other = (client({"lost-answer": 0.3}, seed) for seed in (7, 7, 8))
    assert outcomes(first) == (struck := outcomes(again))
    assert outcomes(other) != struck
    assert first.log.faults["servicenow", "lost-answer"] == struck.count("ConnectionError") > 0


def test_one_fault_more_leaves_the_others_as_they_were(client: Any) -> None:
    alone, joined = client({"bad-gateway": 0.3}), client({"bad-gateway": 0.3, "skewed-clock": 1})
    assert outcomes(alone) == outcomes(joined)


def test_faults_are_switched_off_and_scripted_ones_stay(client: Any) -> None:
    noisy = client(dict.fromkeys(SERVICENOW, 1.0))
    own = Fault("of-a-test")
    noisy.sandbox.faults.append(own)
    faults.install(noisy.sandbox, "servicenow", {}, seed=1, clock=noisy.clock)
    assert noisy.sandbox.faults == [own]
    assert set(outcomes(noisy, 5)) == {200}
    assert noisy.sandbox.skew.total_seconds() == 0


@pytest.mark.parametrize("text", ["nonsense=0.1", "lost-answer", "lost-answer=2", "moon:lost-answer=0.1"])
def test_a_setting_that_means_nothing_is_refused(text: str) -> None:
    with pytest.raises(faults.UnknownFault):
        faults.parse([text])


def test_settings_go_on_top_of_a_profile() -> None:
    rates = faults.parse(["servicenow:lost-answer=0.5", "semaphore=0"], faults.hostile(0.1))
    assert rates["servicenow"]["lost-answer"] == 0.5
    assert rates["servicenow"]["semaphore"] == 0
    assert rates["servicenow"]["hidden-rows"] == 0.1


BODY = {"short_description": "new"}


@pytest.mark.parametrize(
    ("name", "status", "committed"),
    [
        ("rate-limit", 429, False),
        ("semaphore", 429, False),
        ("error-after-commit", 500, True),
        ("forbidden-after-commit", 403, True),
        ("denied-after-commit", 403, True),
        ("bad-gateway", 502, True),
        ("cancelled", 500, False),
        ("broken-json", 201, True),
    ],
)
def test_what_a_struck_create_answers_and_whether_it_was_committed(
    client: Any, name: str, status: int, committed: bool
) -> None:
    struck = client({name: 1.0})
    before, started = struck.count, struck.clock.now()
    answer = struck.ask("POST", json=BODY)
    assert answer.status_code == status
    assert (struck.count > before) is committed
    assert struck.log.faults["servicenow", name] == 1
    if name == "rate-limit":
        named = ("Retry-After", "X-RateLimit-Limit", "X-RateLimit-Reset", "X-RateLimit-Rule")
        assert all(answer.headers.get(header) for header in named)
    if name == "semaphore":
        assert not any(header.lower().startswith(("x-", "retry")) for header in answer.headers)
        assert answer.content == b""
    if name == "bad-gateway":
        assert answer.text.startswith("<html>")
    if name == "cancelled":
        assert (struck.clock.now() - started).total_seconds() == 60
    if name == "broken-json":
        with pytest.raises(ValueError, match=r"."):
            answer.json()


@pytest.mark.parametrize(("name", "committed"), [("lost-request", False), ("lost-answer", True)])
def test_a_reset_comes_before_or_after_the_commit(client: Any, name: str, committed: bool) -> None:
    struck = client({name: 1.0})
    before = struck.count
    with pytest.raises(requests.ConnectionError):
        struck.ask("POST", json=BODY)
    assert (struck.count > before) is committed


def test_a_sleeping_instance_has_three_faces(client: Any) -> None:
    struck = client({"hibernating": 1.0})
    assert set(outcomes(struck)) == {200, 302, 503}
    assert "json" not in struck.ask().headers.get("Content-Type", "")


def test_part_of_the_rows_comes_with_an_error(client: Any) -> None:
    body = client({"partial-rows": 1.0}).ask().json()
    assert len(body["result"]) == 2
    assert "cancelled" in body["error"]["message"]


def test_hidden_rows_are_counted_and_not_shown(client: Any) -> None:
    answer = client({"hidden-rows": 1.0}).ask()
    assert (answer.headers["X-Total-Count"], len(answer.json()["result"])) == ("4", 3)


def test_a_hidden_column_is_absent(client: Any) -> None:
    struck = client({"hidden-fields": 1.0})
    asked = {"sysparm_fields": "sys_id,short_description,urgency"}
    (columns,) = {frozenset(row) for row in struck.ask(params=asked).json()["result"]}
    assert len(columns) == 2
    assert "sys_id" in columns


def test_a_field_write_is_ignored_in_silence(client: Any) -> None:
    struck = client({"ignored-write": 1.0})
    row = struck.ask("POST", json=BODY)
    assert (row.status_code, row.json()["result"]["short_description"]) == (201, "")


def test_a_clock_is_off(client: Any) -> None:
    struck = client({"skewed-clock": 0.02})
    off = abs(struck.sandbox.skew.total_seconds())
    assert 0 < off <= 600
    assert struck.ask().headers["Date"] != "Mon, 02 Mar 2026 09:00:00 GMT"


def test_a_body_comes_slowly_on_either_clock(client: Any) -> None:
    struck = client({"slow-body": 1.0})
    started = struck.clock.now()
    assert struck.ask().status_code == 200
    assert (struck.clock.now() - started).total_seconds() == 90
    slow = Means(1.0, random.Random(1), RealClock())
    assert slow.slow(Response(200, b"body"), 90).trickle == 90
    assert slow.late(Response(500), 60).delay == 60


def test_another_node_shows_an_older_copy_for_a_minute(client: Any) -> None:
    struck = client({"stale-node": 1.0})
    asked = {"sysparm_query": "short_description=edited"}
    assert struck.ask(params=asked).json()["result"] == []
    sys_id = struck.sandbox.rows()[0]["sys_id"]
    struck.sandbox.update("admin", sys_id, {"short_description": "edited"})
    assert struck.ask(params=asked).json()["result"] == []
    struck.clock.advance(timedelta(seconds=61))
    assert len(struck.ask(params=asked).json()["result"]) == 1
