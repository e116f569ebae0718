"""The pace of one side: pauses with the scope that a limit names, fewer requests at once, and a circuit."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

import pytest
import requests

from tieline.connectors.answers import NotSent, lost
from tieline.connectors.errors import RateLimited, Unavailable
from tieline.connectors.pacing import COOL_DOWN_S, OPEN_AFTER, Pace, Sent

BASE = "https://example.atlassian.net/rest/api/3"


class Watch:
    def __init__(self) -> None:
        self.seconds = 1000.0
        self.slept: list[float] = []

    def now(self) -> datetime:
        return datetime(2026, 3, 1, tzinfo=UTC) + timedelta(seconds=self.seconds)

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.seconds += seconds


@pytest.fixture
def watch() -> Watch:
    return Watch()


@pytest.fixture
def pace(watch: Watch) -> Pace:
    return Pace(8, 60.0, 100.0, now=watch.now, monotonic=lambda: watch.seconds, sleep=watch.sleep)


def sent(method: str = "GET", path: str = "/issue/10001") -> Sent:
    return Sent.of(requests.Request(method, BASE + path).prepare())


def answer(status: int = 200, headers: Mapping[str, str] | None = None) -> requests.Response:
    response = requests.Response()
    response.status_code = status
    response._content = b""
    response.headers.update(headers or {})
    return response


def limit(reason: str, seconds: int = 10) -> requests.Response:
    return answer(429, {"Retry-After": str(seconds), "RateLimit-Reason": reason})


@pytest.mark.parametrize(
    ("reason", "held", "free"),
    [
        ("jira-per-issue-on-write", ("PUT", "/issue/10001"), ("PUT", "/issue/10002")),
        ("jira-per-issue-on-write", ("POST", "/issue/10001/comment"), ("GET", "/issue/10001")),
        ("jira-burst-based", ("PUT", "/issue/10002"), ("GET", "/issue/10001")),
    ],
)
def test_a_pause_holds_up_what_its_reason_names(
    pace: Pace, watch: Watch, reason: str, held: tuple[str, str], free: tuple[str, str]
) -> None:
    pace.answered(sent("PUT"), limit(reason))
    assert pace.wait(sent(*free)) == 0
    assert pace.wait(sent(*held)) == 10
    assert watch.slept == [10]


@pytest.mark.parametrize("reason", ["jira-quota-tenant-based", "jira-quota-global-based", "", "jira-new-one"])
def test_other_pauses_hold_up_the_whole_side(pace: Pace, reason: str) -> None:
    pace.answered(sent("PUT"), limit(reason))
    assert pace.wait(sent("GET", "/myself")) == 10


def test_a_success_ends_the_pause(pace: Pace) -> None:
    pace.answered(sent("PUT"), limit("jira-burst-based"))
    pace.answered(sent("PUT"), answer())
    assert pace.wait(sent("PUT")) == 0


def test_a_pause_too_long_is_reported_and_not_waited_for(pace: Pace, watch: Watch) -> None:
    pace.answered(sent(), limit("", 3600))
    with pytest.raises(NotSent) as caught:
        pace.wait(sent())
    failure = lost(caught.value, "reading", write=True)
    assert isinstance(failure, RateLimited)
    assert failure.retry_after == 3600
    assert watch.slept == []


def test_pauses_of_a_pass_have_a_budget_and_a_new_pass_a_new_one(pace: Pace) -> None:
    for _ in range(2):
        pace.answered(sent(), limit("", 50))
        pace.wait(sent())
    pace.answered(sent(), limit("", 50))
    with pytest.raises(NotSent):
        pace.wait(sent())
    pace.begin_pass()
    assert pace.wait(sent()) == 50


def test_an_empty_bucket_is_waited_for(pace: Pace) -> None:
    bucket = {"X-RateLimit-Remaining": "0", "X-RateLimit-FillRate": "5", "X-RateLimit-Interval-Seconds": "10"}
    pace.answered(sent(), answer(200, bucket))
    assert pace.wait(sent("PUT")) == 2
    pace.answered(sent(), answer(200, {**bucket, "X-RateLimit-Remaining": "3"}))
    assert pace.wait(sent("PUT")) == 0


def test_fewer_requests_at_once_after_a_limit_and_slowly_more_again(pace: Pace, watch: Watch) -> None:
    for _ in range(5):  # refusals come in flocks: they count once
        pace.answered(sent(), answer(429))
    assert pace.concurrency == 4
    watch.seconds += 2
    pace.answered(sent(), answer(429))
    assert pace.concurrency == 2
    for _ in range(60):
        pace.answered(sent(), answer())
    assert pace.concurrency == 8


def test_no_more_requests_than_places_are_under_way(watch: Watch) -> None:
    pace = Pace(2, 60, 100, now=watch.now, monotonic=lambda: watch.seconds, sleep=watch.sleep)
    most, running, lock = 0, 0, threading.Lock()
    barrier = threading.Event()

    def work() -> None:
        nonlocal most, running
        with pace.place():
            with lock:
                running += 1
                most = max(most, running)
            barrier.wait(0.02)
            with lock:
                running -= 1

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(5)
    assert (most, running) == (2, 0)


def test_a_circuit_opens_tries_once_and_closes(pace: Pace, watch: Watch) -> None:
    for _ in range(OPEN_AFTER):
        assert not pace.is_open
        pace.wait(sent())
        pace.ended(answer(503))
    with pytest.raises(NotSent) as caught:
        pace.wait(sent())
    failure = lost(caught.value, "writing", write=True)
    assert isinstance(failure, Unavailable)
    assert "5 failures in a row (503)" in str(failure)
    watch.seconds += COOL_DOWN_S
    pace.wait(sent())
    with pytest.raises(NotSent):  # one at a time
        pace.wait(sent())
    pace.failed("ConnectionError")
    watch.seconds += COOL_DOWN_S
    with pytest.raises(NotSent):  # twice as long after a trial that failed
        pace.wait(sent())
    watch.seconds += COOL_DOWN_S
    pace.wait(sent())
    pace.ended(answer(404))
    assert not pace.is_open
    pace.wait(sent())


def test_a_limit_opens_no_circuit(pace: Pace) -> None:
    for _ in range(3 * OPEN_AFTER):
        pace.ended(answer(429))
    assert not pace.is_open
