"""Judges what an answer, or its loss, proves, and names it as one of the failures of `errors.py`.

It knows HTTP and nothing of either vendor's bodies: a connector says what the body said. A read fails
as Unavailable, RateLimited, Denied, Gone or Malformed. A write that is not proven refused is Unknown.
"""

from __future__ import annotations

import math
import re
import ssl
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from socket import gaierror
from typing import Any, Final
from urllib.parse import urlsplit

import requests
from requests import exceptions as rx
from urllib3.exceptions import ConnectTimeoutError

from tieline.connectors.errors import (
    ConnectorError,
    Denied,
    Gone,
    Malformed,
    RateLimited,
    Rejected,
    Unavailable,
    Unknown,
)

MESSAGE_CHARS: Final = 300
_NEVER_SENT: Final = (ConnectTimeoutError, ConnectionRefusedError, gaierror, ssl.SSLCertVerificationError)


class NotSent(rx.ConnectionError):
    """The transport kept a request back: a limit's pause (`retry_after`, seconds) or an open circuit."""

    def __init__(self, message: str, retry_after: float | None = None) -> None:
        super().__init__(message)
        self.retry_after = retry_after


UNSENDABLE: Final = rx.InvalidURL | rx.MissingSchema | rx.InvalidSchema | rx.InvalidHeader | NotSent
"""What is raised for a request that cannot be sent, or is not to be sent now."""
_HANDSHAKE: Final = re.compile(
    r"CERTIFICATE_VERIFY_FAILED|HANDSHAKE_FAILURE|WRONG_VERSION_NUMBER|UNSUPPORTED_PROTOCOL|handshake", re.I
)
_OURS_REFUSED: Final = re.compile(
    r"ALERT_(CERTIFICATE_(REQUIRED|UNKNOWN|EXPIRED|REVOKED)|UNKNOWN_CA|(BAD|UNSUPPORTED)_CERTIFICATE)", re.I
)
"""Alerts of a server that does not take our certificate (RFC 8446, 6.2): it ends the handshake by them."""
_LIMIT_HEADER: Final = re.compile(r"^(retry-after|(x-)?(beta-)?ratelimit.*)$", re.I)
_LIMIT_WORDS: Final = re.compile(r"rate.?limit|too many requests|throttl|quota|limit exceeded", re.I)
_BEGUN_WORDS: Final = re.compile(r"cancel", re.I)
_SECRETS: Final = (
    re.compile(r"(?i)\b(basic|bearer)\s+[A-Za-z0-9+/=._~-]{4,}"),
    re.compile(r"(?i)(\b[\w-]*(?:password|passwd|secret|token|api[-_]?key|cookie|authorization)\"?\s*[:=]\s*\"?)"
               r"[^\s\"',;&]+"),
    re.compile(r"(?i)\b(JSESSIONID|glide_\w+|atlassian\.xsrf\.token)=[^\s;,\"]+"),
    re.compile(r"(://)[^/\s@]+@"),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Said:
    """What an error body says, recognised as the system's own: its words, and those about single fields."""

    message: str
    fields: Mapping[str, str] = field(default_factory=dict)


def redact(text: str) -> str:
    """`text` without credentials, session cookies and tokens, on one line, cut to MESSAGE_CHARS."""
    for pattern in _SECRETS:
        text = pattern.sub(lambda found: f"{found.group(1)} ***" if found.re.groups else "***", text)
    line = " ".join(text.split())
    return line if len(line) <= MESSAGE_CHARS else line[: MESSAGE_CHARS - 1] + "…"


# What is proven


def causes(error: BaseException) -> Iterator[BaseException]:
    """`error` and everything it wraps: requests and urllib3 hide the cause in arguments and `reason`."""
    seen: list[BaseException] = []
    waiting: list[object] = [error]
    while waiting:
        item = waiting.pop()
        if not isinstance(item, BaseException) or item in seen:
            continue
        seen.append(item)
        yield item
        waiting += [*item.args, getattr(item, "reason", None), item.__cause__]


def never_sent(error: rx.RequestException) -> bool:
    """True if the failure proves that no request was read: refused, no such host, no handshake."""
    if isinstance(error, rx.ConnectTimeout | UNSENDABLE):
        return True
    chain = list(causes(error))
    if any(isinstance(cause, _NEVER_SENT) for cause in chain):
        return True
    return refused_ours(error) or (
        isinstance(error, rx.SSLError) and any(_HANDSHAKE.search(str(cause)) for cause in chain)
    )


def refused_ours(error: rx.RequestException) -> bool:
    """True if the server asked for a certificate and did not take ours, or missed one: it read no request.

    By TLS 1.3 we hear of it only after we have sent one.
    """
    return any(isinstance(c, ssl.SSLError) and _OURS_REFUSED.search(str(c)) for c in causes(error))


def hopeless(error: rx.RequestException) -> bool:
    """True if asking again cannot help: a certificate of one end is not trusted by the other."""
    return refused_ours(error) or any(isinstance(c, ssl.SSLCertVerificationError) for c in causes(error))


def is_limit(response: requests.Response) -> bool:
    """True for a 429 that is recognised as a rate limit, which refuses a request before it does anything.

    Headers of a limit, an empty body (ServiceNow's semaphores, gateways) or its words are recognised; a 429
    that speaks of a cancelled transaction is not, since a transaction that was begun may have committed.
    """
    if response.status_code != 429 or _BEGUN_WORDS.search(response.text):
        return False
    named = any(_LIMIT_HEADER.match(name) for name in response.headers)
    return named or not response.content or bool(_LIMIT_WORDS.search(response.text))


def limits_told(headers: Mapping[str, str]) -> dict[str, str]:
    """The headers that tell a rate limit, by lower-case name; none where the system tells nothing."""
    return {name.lower(): value for name, value in headers.items() if _LIMIT_HEADER.match(name)}


def retry_after(headers: Mapping[str, str], now: datetime) -> float | None:
    """Seconds that `Retry-After` asks for (RFC 9110, 10.2.3), None without a usable one.

    A date is measured against the server's own clock where the answer tells it, else against `now` (UTC).
    """
    text = headers.get("Retry-After", "").strip()
    try:
        seconds = float(text)
    except ValueError:
        until = http_date(text)
        if until is None:
            return None
        seconds = (until - (http_date(headers.get("Date", "")) or now)).total_seconds()
    return max(0.0, seconds) if math.isfinite(seconds) else None


def http_date(text: str) -> datetime | None:
    """An HTTP date as UTC, None if it is none."""
    try:
        found = parsedate_to_datetime(text)
    except (ValueError, IndexError, OverflowError):
        return None
    return found.replace(tzinfo=UTC) if found.tzinfo is None else found.astimezone(UTC)


# What went wrong


def lost(error: rx.RequestException, what: str, *, write: bool) -> ConnectorError:
    """The failure of a request that got no answer; a write is Unknown unless it was never sent."""
    host = urlsplit(error.request.url or "").netloc if error.request is not None else ""
    why = f"{what}{f' at {host}' if host else ''}: {_reason(error)}"
    if isinstance(error, NotSent) and error.retry_after is not None:
        return RateLimited(why, error.retry_after)
    if never_sent(error):
        return Unavailable(f"{why}; nothing was sent")
    return Unknown(f"{why}; it may have been carried out") if write else Unavailable(why)


def read_failure(response: requests.Response, what: str, said: Said | None) -> ConnectorError | None:
    """The failure that a read's status means, None for 2xx. `said` is None where the body says nothing."""
    status = response.status_code
    if 200 <= status < 300:
        return None
    why = describe(response, what, said)
    match status:
        case 401 | 403:
            return Denied(why)
        case 404 if said is not None:
            return Gone(why)
        case 429:
            return _limited(response, why)
        case 408 | 425:
            return Unavailable(why)
        case _ if status >= 500:
            return Unavailable(why)
        case _:
            return Malformed(why)


def write_failure(response: requests.Response, what: str, said: Said | None) -> ConnectorError | None:
    """The failure that a write's status means, None for 2xx; 403 is the vendor's to judge, so Unknown here.

    Only a refusal that names its reason in the system's own words (`said`) is one; any other is Unknown.
    """
    status = response.status_code
    if 200 <= status < 300:
        return None
    why = describe(response, what, said)
    match status:
        case 401:
            return Denied(why)
        case 429 if is_limit(response):
            return _limited(response, why)
        case 404 | 410 if said is not None:
            return Gone(why)
        case 400 | 405 | 409 | 411 | 412 | 413 | 414 | 415 | 422 if said is not None:
            return Rejected(why, said.fields)
        case _:
            return Unknown(f"{why}; it may have been carried out")


def json_body(response: requests.Response, what: str) -> Any:
    """The body as JSON; Malformed for HTML, an empty or a broken body (a page is never an answer)."""
    kind = response.headers.get("Content-Type", "")
    if looks_html(response):
        raise Malformed(f"{what}: answered with a web page instead of data{_page_title(response)}")
    try:
        return response.json()
    except (ValueError, RecursionError):
        size = len(response.content)
        raise Malformed(f"{what}: answered with broken JSON ({size} bytes, {kind or 'no type'})") from None


def looks_html(response: requests.Response) -> bool:
    """True for a web page: by what the body begins with, since gateways label JSON errors as HTML."""
    return response.content.lstrip()[:1] == b"<"


def describe(response: requests.Response, what: str, said: Said | None = None) -> str:
    """One line for people: what was asked, the status, and what the system said about it."""
    status = response.status_code
    if 300 <= status < 400:
        return f"{what}: answered with a redirect ({status}{redirect_host(response)}) instead of data"
    if said is not None and said.message:
        words = redact(said.message)
    elif looks_html(response):
        words = f"a web page{_page_title(response)}"
    else:
        words = redact(response.text) or response.reason or "no explanation"
    return f"{what}: {status}: {words}"


def redirect_host(response: requests.Response) -> str:
    """ " to HOST" of a redirect, "" if it names none; never its path or query, which may hold a token."""
    host = urlsplit(response.headers.get(REDIRECT_HEADER) or response.headers.get("Location", "")).hostname
    return f" to {host}" if host else ""


REDIRECT_HEADER: Final = "X-Tieline-Redirect"
"""Where the transport keeps a redirect's Location, so that no library follows it."""


def _limited(response: requests.Response, why: str) -> RateLimited:
    return RateLimited(why, retry_after(response.headers, datetime.now(UTC)))


def _page_title(response: requests.Response) -> str:
    found = re.search(r"<title[^>]*>(.*?)</title>", response.text, re.I | re.S)
    title = redact(found.group(1)) if found else ""
    return f" ({title})" if title else ""


def _reason(error: rx.RequestException) -> str:
    chain = list(causes(error))
    if any(isinstance(cause, ssl.SSLCertVerificationError) for cause in chain):
        return "its certificate is not trusted (check the CA bundle and the host name)"
    if refused_ours(error):
        return "it asks for a client certificate, and does not take ours (check its file, issuer and dates)"
    match error:
        case NotSent():
            return redact(str(error))
        case rx.ConnectTimeout():
            return "no connection in time"
        case rx.Timeout():
            return "no answer in time"
        case rx.InvalidURL() | rx.MissingSchema() | rx.InvalidSchema() | rx.InvalidHeader():
            return "not a request to the configured system"
        case _:
            return redact(str(chain[-1])) or type(error).__name__
