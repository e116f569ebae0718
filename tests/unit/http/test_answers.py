"""Which failure an answer, or its loss, is."""

from __future__ import annotations

import socket
import ssl
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import requests
from hypothesis import given
from hypothesis import strategies as st
from requests import exceptions as rx
from urllib3.exceptions import MaxRetryError, NameResolutionError, NewConnectionError, ProtocolError

from tieline.connectors.answers import (
    MESSAGE_CHARS,
    Said,
    is_limit,
    json_body,
    lost,
    never_sent,
    read_failure,
    redact,
    retry_after,
    write_failure,
)
from tieline.connectors.errors import (
    Denied,
    Gone,
    Malformed,
    RateLimited,
    Rejected,
    Unavailable,
    Unknown,
)

NOW = datetime(2026, 3, 1, 12, 0, 0, tzinfo=UTC)
WORDS = Said("it says why", {"summary": "too long"})


def answer(status: int, body: str = "", **headers: str) -> requests.Response:
    response = requests.Response()
    response.status_code = status
    response.__dict__.update(_content=body.encode(), _content_consumed=True, encoding="utf-8")
    response.headers.update({name.replace("_", "-"): value for name, value in headers.items()})
    return response


def refused() -> rx.ConnectionError:
    new = NewConnectionError(None, "failed to connect")  # type: ignore[arg-type]
    new.__cause__ = ConnectionRefusedError(111, "Connection refused")
    return rx.ConnectionError(MaxRetryError(None, "/", new))  # type: ignore[arg-type]


NOT_SENT: list[rx.RequestException] = [
    refused(),
    rx.ConnectTimeout(),
    rx.ConnectionError(NameResolutionError("nowhere", None, socket.gaierror(-2, "no such name"))),  # type: ignore[arg-type]
    rx.ConnectionError(ConnectionRefusedError(111, "refused")),
    rx.SSLError(ssl.SSLCertVerificationError(1, "CERTIFICATE_VERIFY_FAILED")),
    rx.SSLError("[SSL: SSLV3_ALERT_HANDSHAKE_FAILURE]"),
    rx.InvalidSchema("no adapter"),
    rx.InvalidHeader("s3cret"),
]
MAYBE_SENT: list[rx.RequestException] = [
    rx.ReadTimeout(),
    rx.ConnectionError(ProtocolError("Connection aborted.", ConnectionResetError(104, "reset"))),
    rx.ConnectionError("anything"),
    rx.ChunkedEncodingError(),
    rx.ContentDecodingError(),
    rx.SSLError("EOF occurred in violation of protocol"),
    rx.ProxyError("bad gateway"),
    rx.RequestException(),
]


@pytest.mark.parametrize("error", NOT_SENT, ids=repr)
def test_what_was_never_sent_is_unavailable_for_reads_and_writes(error: rx.RequestException) -> None:
    assert never_sent(error)
    for write in (True, False):
        assert type(lost(error, "creating", write=write)) is Unavailable


def test_a_header_that_cannot_be_sent_is_not_shown() -> None:
    assert "s3cret" not in str(lost(rx.InvalidHeader("header value: 's3cret'"), "reading", write=False))


@pytest.mark.parametrize("error", MAYBE_SENT, ids=repr)
def test_a_lost_answer_is_unknown_for_a_write_and_unavailable_for_a_read(error: rx.RequestException) -> None:
    assert type(lost(error, "creating", write=True)) is Unknown
    assert type(lost(error, "reading", write=False)) is Unavailable


def test_an_untrusted_certificate_is_named_with_its_remedy() -> None:
    error = rx.SSLError(ssl.SSLCertVerificationError(1, "CERTIFICATE_VERIFY_FAILED"))
    assert "CA bundle" in str(lost(error, "reading", write=False))


@pytest.mark.parametrize(
    ("status", "said", "expected"),
    [
        (302, None, Malformed), (400, WORDS, Malformed), (401, None, Denied), (403, WORDS, Denied),
        (404, WORDS, Gone), (404, None, Malformed), (408, None, Unavailable), (410, WORDS, Malformed),
        (429, None, RateLimited), (500, WORDS, Unavailable), (502, None, Unavailable),
        (503, None, Unavailable),
    ],
)  # fmt: skip
def test_statuses_of_reads(status: int, said: Said | None, expected: type) -> None:
    assert type(read_failure(answer(status), "reading", said)) is expected


@pytest.mark.parametrize(
    ("status", "said", "expected"),
    [
        (302, None, Unknown), (400, WORDS, Rejected), (400, None, Unknown), (401, None, Denied),
        (403, WORDS, Unknown), (404, WORDS, Gone), (404, None, Unknown), (408, None, Unknown),
        (409, WORDS, Rejected), (413, None, Unknown), (422, WORDS, Rejected), (429, None, RateLimited),
        (500, WORDS, Unknown), (502, None, Unknown), (503, WORDS, Unknown), (418, WORDS, Unknown),
        (0, None, Unknown),
    ],
)  # fmt: skip
def test_statuses_of_writes(status: int, said: Said | None, expected: type) -> None:
    assert type(write_failure(answer(status), "writing", said)) is expected


@pytest.mark.parametrize("status", [200, 201, 204])
def test_success_is_no_failure(status: int) -> None:
    assert read_failure(answer(status), "reading", None) is None
    assert write_failure(answer(status), "writing", None) is None


def test_a_rejection_names_the_fields() -> None:
    failure = write_failure(answer(400), "writing", WORDS)
    assert isinstance(failure, Rejected)
    assert failure.fields == {"summary": "too long"}


def test_a_rate_limit_tells_how_long() -> None:
    failure = read_failure(answer(429, "", Retry_After="12"), "reading", None)
    assert isinstance(failure, RateLimited)
    assert failure.retry_after == 12


@pytest.mark.parametrize(
    "body", ["<html><title>Hibernating</title></html>", " \n<!DOCTYPE html>", "", "{", "[" * 10**6]
)
def test_what_is_no_json_is_malformed(body: str) -> None:
    with pytest.raises(Malformed) as caught:
        json_body(answer(200, body, Content_Type="application/json"), "reading incident")
    assert "reading incident" in str(caught.value)


def test_a_page_is_named_by_its_title() -> None:
    with pytest.raises(Malformed, match="Instance Hibernating page"):
        json_body(answer(200, "<html><title>Instance Hibernating page</title></html>"), "reading")


def test_json_labelled_as_html_is_still_json() -> None:
    assert json_body(answer(502, '{"a": 1}', Content_Type="text/html"), "reading") == {"a": 1}


def test_a_redirect_names_the_host_and_never_the_query() -> None:
    failure = read_failure(answer(302, "", Location="https://login.test/sso?token=abc"), "reading", None)
    assert "login.test" in str(failure)
    assert "abc" not in str(failure)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("5", 5.0), ("0", 0.0), ("1.5", 1.5), ("-3", 0.0), ("", None), ("soon", None), ("nan", None),
        ("inf", None),
        ("Sun, 01 Mar 2026 12:00:30 GMT", 30.0), ("Sun, 01 Mar 2026 11:00:00 GMT", 0.0),
        ("Sunday, 01-Mar-26 12:00:30 GMT", 30.0),
    ],
)  # fmt: skip
def test_retry_after(text: str, seconds: float | None) -> None:
    assert retry_after({"Retry-After": text}, NOW) == seconds


@given(st.text(), st.text())
def test_retry_after_survives_any_header(text: str, date: str) -> None:
    found = retry_after({"Retry-After": text, "Date": date}, NOW)
    assert found is None or 0 <= found < float("inf")


@given(st.integers(0, 10**6), st.integers(-(10**6), 10**6))
def test_retry_after_as_a_date_does_not_depend_on_our_clock(seconds: int, off: int) -> None:
    theirs = NOW + timedelta(seconds=off)
    headers = {
        "Date": f"{theirs:%a, %d %b %Y %H:%M:%S GMT}",
        "Retry-After": f"{theirs + timedelta(seconds=seconds):%a, %d %b %Y %H:%M:%S GMT}",
    }
    assert retry_after(headers, NOW) == seconds


def test_a_limit_is_recognised_by_status_first() -> None:
    assert not is_limit(answer(503, "Rate limit exceeded", Retry_After="3"))
    assert is_limit(answer(429, "", X_RateLimit_Rule="abc"))
    assert not is_limit(answer(429, '{"error": "Transaction cancelled"}', Retry_After="3"))


@pytest.mark.parametrize(
    "text",
    [
        "Authorization: Basic dXNlcjpzM2NyZXQ=",
        "sent Bearer eyJhbGciOi.s3cret.x",
        '{"access_token": "s3cret", "x": 1}',
        "https://tieline:s3cret@example.service-now.com/x",
        "JSESSIONID=s3cret; Path=/",
        "glide_user_route=glide.s3cret; HttpOnly",
        "password=s3cret&user=a",
        "Set-Cookie: x=s3cret",
        "x-sn-apikey: s3cret",
    ],
)
def test_secrets_are_taken_out(text: str) -> None:
    shown = redact(text)
    assert "s3cret" not in shown
    assert "dXNlcjpzM2NyZXQ" not in shown
    assert "***" in shown


@given(st.text())
def test_a_message_is_one_short_line(text: str) -> None:
    shown = redact(text)
    assert len(shown) <= MESSAGE_CHARS
    assert "\n" not in shown


def test_ordinary_words_stay() -> None:
    text = "Data Policy Exception: The following fields are mandatory: Resolution code"
    assert redact(text) == text


def test_an_answer_without_words_is_described_all_the_same(adapter: Any) -> None:
    assert "reading: 503" in str(read_failure(answer(503), "reading", None))
