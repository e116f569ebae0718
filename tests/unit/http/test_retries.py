"""What the transport repeats, how long it waits, and what it never repeats."""

from __future__ import annotations

import random
from collections.abc import Iterator
from datetime import timedelta
from email.utils import format_datetime
from typing import Any

import pytest
import requests
import responses
from hypothesis import given
from hypothesis import strategies as st

from tieline.connectors.auth import BasicAuth
from tieline.connectors.http import HardenedAdapter, HttpSettings, Timing, build_session

URL = "https://system.test/api/item"


@pytest.fixture
def wire() -> Iterator[responses.RequestsMock]:
    with responses.RequestsMock(assert_all_requests_are_fired=False) as mock:
        yield mock


@pytest.fixture
def session(adapter: HardenedAdapter) -> requests.Session:
    return build_session(adapter, BasicAuth("tieline", "s3cret"))


@pytest.mark.parametrize("status", [408, 425, 429, 500, 502, 503, 504])
def test_a_read_is_asked_again_after_a_passing_failure(
    wire: Any, session: Any, waits: Any, status: int
) -> None:
    wire.get(URL, status=status)
    wire.get(URL, json={"ok": True})
    assert session.get(URL).json() == {"ok": True}
    assert len(waits.slept) == 1


@pytest.mark.parametrize("status", [400, 401, 403, 404, 409, 410, 501])
def test_a_final_answer_is_not_asked_for_again(wire: Any, session: Any, waits: Any, status: int) -> None:
    wire.get(URL, status=status)
    assert session.get(URL).status_code == status
    assert waits.slept == []


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE"])
@pytest.mark.parametrize("status", [408, 500, 502, 503, 504])
def test_a_write_is_never_repeated_after_a_failure_that_proves_nothing(
    wire: Any, session: Any, method: str, status: int
) -> None:
    wire.add(method, URL, status=status, headers={"Retry-After": "1"})
    assert session.request(method, URL, json={}).status_code == status
    assert len(wire.calls) == 1


@pytest.mark.parametrize(
    "error",
    [requests.ReadTimeout(), requests.ConnectionError("reset"), requests.exceptions.ChunkedEncodingError()],
)
def test_a_write_whose_answer_is_lost_is_sent_once_and_a_read_again(
    wire: Any, session: Any, error: Exception
) -> None:
    wire.post(URL, body=error)
    with pytest.raises(type(error)):
        session.post(URL, json={})
    assert len(wire.calls) == 1
    wire.get(URL, body=error)
    wire.get(URL, json={})
    assert session.get(URL).ok
    assert len(wire.calls) == 3


@pytest.mark.parametrize(
    "limit",
    [
        {"headers": {"Retry-After": "1"}},
        {"headers": {"X-RateLimit-Limit": "100"}, "json": {"error": {}}},
        {"body": ""},
        {
            "json": {
                "error": {"message": "Rate limit exceeded", "detail": "Rate limit of 100 requests per hour"}
            }
        },
        {"body": "Too Many Requests"},
    ],
)
def test_a_write_is_repeated_after_a_recognised_rate_limit(wire: Any, session: Any, limit: Any) -> None:
    wire.post(URL, status=429, **limit)
    wire.post(URL, status=201, json={})
    assert session.post(URL, json={}).status_code == 201


@pytest.mark.parametrize("body", ["Transaction cancelled: maximum execution time exceeded", "something else"])
def test_a_429_that_is_no_rate_limit_does_not_repeat_a_write(wire: Any, session: Any, body: str) -> None:
    wire.post(URL, status=429, body=body)
    assert session.post(URL, json={}).status_code == 429
    assert len(wire.calls) == 1


def test_a_post_that_a_caller_marks_as_a_read_is_repeated(wire: Any, waits: Any) -> None:
    adapter = HardenedAdapter(
        HttpSettings("https://system.test"),
        safe=lambda request: request.method == "GET" or str(request.url).endswith("/search"),
        timing=waits.timing(),
    )
    session = build_session(adapter, BasicAuth("tieline", "s3cret"))
    wire.post("https://system.test/search", status=503)
    wire.post("https://system.test/search", json={})
    assert session.post("https://system.test/search", json={}).ok


def test_a_body_that_can_be_read_only_once_is_never_repeated(wire: Any, session: Any) -> None:
    wire.post(URL, status=429, headers={"Retry-After": "1"})
    assert session.post(URL, data=iter([b"part"])).status_code == 429
    assert len(wire.calls) == 1


def test_retry_after_in_seconds_is_the_least_that_is_waited(wire: Any, session: Any, waits: Any) -> None:
    wire.get(URL, status=429, headers={"Retry-After": "7"})
    wire.get(URL, json={})
    session.get(URL)
    assert 7 <= waits.slept[0] <= 7.5


def test_retry_after_as_a_date_is_measured_by_the_servers_clock(wire: Any, session: Any, waits: Any) -> None:
    theirs = waits.now + timedelta(hours=3)
    wire.get(
        URL,
        status=503,
        headers={
            "Date": format_datetime(theirs, usegmt=True),
            "Retry-After": format_datetime(theirs + timedelta(seconds=9), usegmt=True),
        },
    )
    wire.get(URL, json={})
    session.get(URL)
    assert 9 <= waits.slept[0] <= 9.5


def test_a_pause_beyond_the_limit_is_not_waited_for(wire: Any, session: Any, waits: Any) -> None:
    wire.get(URL, status=429, headers={"Retry-After": "3600"})
    assert session.get(URL).headers["Retry-After"] == "3600"
    assert waits.slept == []


def test_all_pauses_of_a_call_together_stay_within_the_limit(wire: Any, session: Any, waits: Any) -> None:
    wire.get(URL, status=429, headers={"Retry-After": "25"})
    assert session.get(URL).status_code == 429
    assert len(waits.slept) == 2
    assert sum(waits.slept) <= 60


def test_attempts_are_limited(wire: Any, session: Any, adapter: HardenedAdapter) -> None:
    wire.get(URL, status=500)
    assert session.get(URL).status_code == 500
    usage = adapter.meter.usage()
    assert (usage.requests, usage.retries) == (5, 4)
    assert usage.operations == {"GET /api/item": 5}


@given(seed=st.integers(0, 10_000), attempts=st.integers(1, 8))
def test_pauses_are_drawn_from_a_window_that_doubles_up_to_a_cap(seed: int, attempts: int) -> None:
    slept: list[float] = []
    settings = HttpSettings(
        "https://system.test", attempts=attempts, backoff_s=1, backoff_cap_s=8, max_wait_s=1e6
    )
    adapter = HardenedAdapter(settings, timing=Timing(sleep=slept.append, rng=random.Random(seed)))
    session = build_session(adapter, BasicAuth("tieline", "s3cret"))
    with responses.RequestsMock() as mock:
        mock.get(URL, status=503)
        session.get(URL)
    assert len(slept) == attempts - 1
    assert all(0 <= pause <= min(8, 2**number) for number, pause in enumerate(slept))


def test_meter_names_operations_without_ids_or_queries(
    wire: Any, session: Any, adapter: HardenedAdapter
) -> None:
    for path in (
        "/rest/api/3/issue/10001",
        "/rest/api/3/issue/OPS-7",
        "/api/now/table/incident/9d385017c611228701d22104cc95c371?sysparm_query=secret",
    ):
        wire.get(f"https://system.test{path}", json={})
        session.get(f"https://system.test{path}")
    assert adapter.meter.usage().operations == {
        "GET /rest/api/3/issue/{id}": 2,
        "GET /api/now/table/incident/{id}": 1,
    }


def test_the_difference_of_the_clocks_is_measured(wire: Any, session: Any, waits: Any, adapter: Any) -> None:
    wire.get(URL, json={}, headers={"Date": format_datetime(waits.now - timedelta(minutes=5), usegmt=True)})
    session.get(URL)
    assert abs(adapter.skew + timedelta(minutes=5)) <= timedelta(seconds=1)


def test_an_interrupt_is_not_swallowed(wire: Any, session: Any) -> None:
    def interrupt(_: requests.PreparedRequest) -> tuple[int, dict[str, str], str]:
        raise KeyboardInterrupt

    wire.add_callback("GET", URL, interrupt)
    with pytest.raises(KeyboardInterrupt):
        session.get(URL)
    assert len(wire.calls) == 1
