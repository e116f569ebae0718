"""The one hardened transport: a requests adapter with time-outs, bounded concurrency, retries and a meter.

It repeats what is safe to repeat and decides nothing else: what an answer proves is judged in `answers.py`,
what its body means by each connector. Mount it with `harden` on a library's own session, or take a new one
from `build_session`; either way only the configured system is reachable and no cookie is kept.

    adapter = HardenedAdapter(HttpSettings("https://example.service-now.com"))
    session = build_session(adapter, BasicAuth("tieline", password))
"""

from __future__ import annotations

import logging
import random
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http.client import HTTPException
from http.cookiejar import DefaultCookiePolicy
from typing import Any, Final
from urllib.parse import urlsplit

import requests
import tenacity
from requests import exceptions as rx
from requests.adapters import HTTPAdapter
from requests.auth import AuthBase
from requests.cookies import RequestsCookieJar
from requests.utils import get_environ_proxies
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.exceptions import (
    ConnectTimeoutError,
    DecodeError,
    HTTPError,
    NewConnectionError,
    ReadTimeoutError,
)
from urllib3.response import HTTPResponse

import tieline
from tieline.connectors.answers import (
    REDIRECT_HEADER,
    UNSENDABLE,
    hopeless,
    http_date,
    is_limit,
    limits_told,
    never_sent,
    redact,
    retry_after,
)
from tieline.connectors.auth import Auth, signer
from tieline.connectors.certificates import check_files, environment_ca
from tieline.connectors.errors import ConfigError
from tieline.connectors.meter import Meter, operation_of
from tieline.connectors.pacing import Pace, Sent

log = logging.getLogger(__name__)

USER_AGENT: Final = f"tieline/{tieline.__version__}"
PASSING_STATUSES: Final = frozenset({408, 425, 429, 500, 502, 503, 504})
"""Answers after which a read may succeed when it is asked again."""
_CHUNK_BYTES: Final = 1 << 16


@dataclass(frozen=True, slots=True)
class HttpSettings:
    """How one system is reached. Times are seconds.

    `timeout_s` bounds one request (waiting for the answer, and reading it), `connect_timeout_s` making the
    connection. A call is tried `attempts` times at most and pauses `max_wait_s` in all between them; the
    n-th pause is drawn from 0 to `backoff_s` * 2^(n-1), capped at `backoff_cap_s`, on top of Retry-After.
    All pauses of one pass together are bounded by `budget_s`.
    `client_cert` is a PEM file, or certificate and key; `proxy` a URL. Certificates are always verified.
    """

    base_url: str
    timeout_s: float = 60.0
    connect_timeout_s: float = 10.0
    concurrency: int = 8
    attempts: int = 5
    max_wait_s: float = 60.0
    backoff_s: float = 0.5
    backoff_cap_s: float = 20.0
    budget_s: float = 600.0
    ca_bundle: str | None = None
    client_cert: str | tuple[str, str] | None = field(default=None, repr=False)
    proxy: str | None = field(default=None, repr=False)

    def __post_init__(self) -> None:
        parts = urlsplit(self.base_url)
        if parts.scheme not in {"http", "https"} or not parts.hostname:
            raise ConfigError(f"not a URL of a system: {redact(self.base_url)}")
        if parts.username or parts.password:
            raise ConfigError(f"credentials do not belong into a URL: {redact(self.base_url)}")

    @property
    def origin(self) -> str:
        """Scheme, host and port: all that requests may go to."""
        parts = urlsplit(self.base_url)
        return f"{parts.scheme}://{parts.netloc}"


@dataclass(frozen=True, slots=True)
class Timing:
    """Where time and chance come from; replaced in tests."""

    now: Callable[[], datetime] = lambda: datetime.now(UTC)
    monotonic: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep
    rng: random.Random = field(default_factory=random.Random)


def is_read(request: requests.PreparedRequest) -> bool:
    """The default answer to "is it safe to send this twice?": by method alone."""
    return request.method in {"GET", "HEAD", "OPTIONS"}


class HardenedAdapter(HTTPAdapter):
    """Sends requests to one system; share it between sessions and threads.

    `safe` marks requests that only read (give one that knows reads by POST); only those are repeated after
    a time-out, a reset or a 5xx. Any request is repeated that was proven not carried out: never sent, or
    refused by a recognised 429. The last answer, or error, comes back as it is.
    """

    def __init__(
        self,
        settings: HttpSettings,
        safe: Callable[[requests.PreparedRequest], bool] = is_read,
        timing: Timing | None = None,
        meter: Meter | None = None,
    ) -> None:
        self.settings = settings
        self.meter = meter or Meter()
        self.skew = timedelta(0)
        self.limits: Mapping[str, str] = {}
        self._safe = safe
        self._timing = timing or Timing()
        self.pace = Pace(
            settings.concurrency, settings.max_wait_s, settings.budget_s,
            now=self._timing.now, monotonic=self._timing.monotonic, sleep=self._timing.sleep,
        )  # fmt: skip
        super().__init__(
            pool_connections=1, pool_maxsize=settings.concurrency, max_retries=0, pool_block=True
        )

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        """Use connections that tell a failure to connect from one of the request."""
        super().init_poolmanager(*args, **kwargs)
        self.poolmanager.pool_classes_by_scheme = {"http": _Pool, "https": _TLSPool}

    def proxy_manager_for(self, *args: Any, **kwargs: Any) -> Any:
        """The same, through a proxy."""
        manager = super().proxy_manager_for(*args, **kwargs)
        manager.pool_classes_by_scheme = {"http": _Pool, "https": _TLSPool}
        return manager

    def send(
        self,
        request: requests.PreparedRequest,
        stream: bool = False,
        timeout: Any = None,
        verify: bool | str = True,
        cert: Any = None,
        proxies: Mapping[str, str] | None = None,
    ) -> requests.Response:
        """Send, and send again where that is safe.

        A (connect, read) pair in `timeout` replaces the settings for this request; a plain number, which
        libraries pass unasked, does not. Raises what requests raises.
        """
        limits = timeout if isinstance(timeout, tuple) else None
        request.headers["User-Agent"] = USER_AGENT
        operation = operation_of(request)
        options = {"verify": verify, "cert": cert, "proxies": proxies}
        sent = Sent.of(request)
        self._wait(sent, operation)

        def attempt() -> requests.Response:
            with self.pace.place():
                response = self._once(request, operation, stream, limits, options)
            self.pace.answered(sent, response)
            return response

        repeatable = request.body is None or isinstance(request.body, str | bytes)
        safe = self._safe(request)
        retrying = tenacity.Retrying(
            retry=lambda state: repeatable and _worth_repeating(state.outcome, safe),
            stop=self._enough,
            wait=self._pause,
            before_sleep=lambda state: self._note_pause(state, operation),
            sleep=self._timing.sleep,
            retry_error_callback=lambda state: state.outcome.result() if state.outcome else None,
        )
        try:
            response: requests.Response = retrying(attempt)
        except rx.RequestException as error:
            if not isinstance(error, UNSENDABLE):
                self.pace.failed(type(error).__name__)
            raise
        self.pace.ended(response)
        return response

    def _wait(self, sent: Sent, operation: str) -> None:
        waited = self.pace.wait(sent)
        if waited:
            self.meter.held(waited)
            log.info("%s: waited %.1f s for a rate limit", operation, waited)

    def _once(
        self,
        request: requests.PreparedRequest,
        operation: str,
        stream: bool,
        limits: tuple[float, float] | None,
        options: dict[str, Any],
    ) -> requests.Response:
        connect_s, read_s = limits or (self.settings.connect_timeout_s, self.settings.timeout_s)
        started, asked = self._timing.monotonic(), self._timing.now()
        self.meter.sent(operation)
        response = super().send(request, stream=True, timeout=(connect_s, read_s), **options)
        self._note_clock(response, asked)
        self.limits = limits_told(response.headers) or self.limits
        _stop_redirect(response)
        if not stream or response.status_code >= 300:
            _read_body(response, lambda: self._timing.monotonic() - started > read_s)
        return response

    def _pause(self, state: tenacity.RetryCallState) -> float:
        ceiling = min(self.settings.backoff_cap_s, self.settings.backoff_s * 2 ** (state.attempt_number - 1))
        jitter = self._timing.rng.uniform(0.0, ceiling)
        if state.outcome is None or state.outcome.failed:
            return jitter
        return (retry_after(state.outcome.result().headers, self._timing.now()) or 0.0) + jitter

    def _enough(self, state: tenacity.RetryCallState) -> bool:
        paused = state.idle_for + state.upcoming_sleep
        spent = (state.seconds_since_start or 0.0) + state.upcoming_sleep
        return (
            state.attempt_number >= self.settings.attempts
            or paused > self.settings.max_wait_s
            or spent > self.settings.max_wait_s + self.settings.timeout_s
            or not self.pace.afford(state.upcoming_sleep)
        )

    def _note_pause(self, state: tenacity.RetryCallState, operation: str) -> None:
        self.meter.paused(state.upcoming_sleep)
        log.info(
            "%s: %s, asked again in %.1f s (attempt %d of %d)",
            operation, _outcome_word(state.outcome), state.upcoming_sleep,
            state.attempt_number + 1, self.settings.attempts,
        )  # fmt: skip

    def _note_clock(self, response: requests.Response, asked: datetime) -> None:
        told = http_date(response.headers.get("Date", ""))
        if told is not None:
            answered = self._timing.now()
            # `Date` is cut to whole seconds: on average it is half a second behind.
            self.skew = told + timedelta(seconds=0.5) - (asked + (answered - asked) / 2)


def build_session(adapter: HardenedAdapter, auth: Auth | AuthBase) -> requests.Session:
    """A new session that signs its requests as, or with, `auth` and reaches only the adapter's system."""
    session = requests.Session()
    session.auth = auth if isinstance(auth, AuthBase) else signer(auth)
    return harden(session, adapter)


def harden(session: requests.Session, adapter: HardenedAdapter) -> requests.Session:
    """Make an existing session (a library's own) use `adapter`, and nothing else.

    Cookies are refused: they bind to one node of the other system and carry a login of their own. A URL
    of another host, e.g. out of an answer, raises `InvalidSchema`, so credentials never reach it. Of the
    environment, proxy and CA bundle are taken, once, and never credentials (a .netrc would replace ours).
    ConfigError if a certificate file is missing or of no use.
    """
    settings = adapter.settings
    session.adapters.clear()
    session.mount(f"{settings.origin}/", adapter)
    session.cookies = RequestsCookieJar(policy=DefaultCookiePolicy(allowed_domains=[]))
    session.trust_env = False
    session.verify = settings.ca_bundle or environment_ca() or True
    check_files(session.verify, settings.client_cert)
    session.cert = settings.client_cert
    session.proxies = _proxies(settings)
    session.headers["User-Agent"] = USER_AGENT
    return session


def stranger(settings: HttpSettings) -> requests.Session:
    """A session for a host that is not the system's: no credentials, cookies or client certificate.

    It asks as nobody, by the same proxy and with the same trust in certificates.
    """
    session = requests.Session()
    session.trust_env = False
    session.auth = None
    session.cookies = RequestsCookieJar(policy=DefaultCookiePolicy(allowed_domains=[]))
    session.verify = settings.ca_bundle or environment_ca() or True
    session.proxies = _proxies(settings)
    session.max_redirects = 3
    session.headers["User-Agent"] = USER_AGENT
    return session


def _proxies(settings: HttpSettings) -> dict[str, str]:
    """The configured proxy, else the environment's; loopback is never reached through one."""
    if settings.proxy:
        return {"http": settings.proxy, "https": settings.proxy}
    if urlsplit(settings.base_url).hostname in {"localhost", "127.0.0.1", "::1"}:
        return {}
    return get_environ_proxies(settings.base_url)


class _Unconnected:
    """Failures while connecting (TCP, proxy tunnel, TLS) are named so: no byte of a request was sent."""

    def connect(self) -> None:
        try:
            super().connect()  # type: ignore[misc]
        except (ConnectTimeoutError, NewConnectionError):
            raise
        except (OSError, HTTPError, HTTPException) as error:
            raise NewConnectionError(self, f"failed to connect: {error}") from error  # type: ignore[arg-type]


class _Connection(_Unconnected, HTTPConnection):
    pass


class _TLSConnection(_Unconnected, HTTPSConnection):
    pass


class _Pool(HTTPConnectionPool):
    ConnectionCls = _Connection


class _TLSPool(HTTPSConnectionPool):
    ConnectionCls = _TLSConnection


def _worth_repeating(outcome: tenacity.Future | None, safe: bool) -> bool:
    if outcome is None:
        return False
    error = outcome.exception()
    if error is None:
        response: requests.Response = outcome.result()
        return (safe and response.status_code in PASSING_STATUSES) or is_limit(response)
    if not isinstance(error, rx.RequestException) or isinstance(error, UNSENDABLE) or hopeless(error):
        return False
    return safe or never_sent(error)


def _stop_redirect(response: requests.Response) -> None:
    """Keep every library from following a redirect: it would turn a POST into a GET, or leave the host."""
    if 300 <= response.status_code < 400 and "Location" in response.headers:
        response.headers[REDIRECT_HEADER] = response.headers.pop("Location")


def _read_body(response: requests.Response, late: Callable[[], bool]) -> None:
    """Read the whole body now, so that losing it can be repeated, and a trickle of bytes ends in time."""
    raw = response.raw
    if not isinstance(raw, HTTPResponse):
        _ = response.content
        return
    try:
        body = b"".join(_pieces(raw, late))
    except (TimeoutError, ReadTimeoutError) as error:
        raise rx.ReadTimeout(error, request=response.request) from error
    except DecodeError as error:
        raise rx.ContentDecodingError(error, request=response.request) from error
    except (HTTPError, OSError) as error:
        raise rx.ChunkedEncodingError(error, request=response.request) from error
    response.__dict__.update(_content=body, _content_consumed=True)


def _pieces(raw: HTTPResponse, late: Callable[[], bool]) -> Iterator[bytes]:
    try:
        while piece := raw.read1(_CHUNK_BYTES, decode_content=True):
            yield piece
            if late():
                raise TimeoutError("the answer came too slowly")
    except BaseException:
        raw.close()
        raise
    finally:
        raw.release_conn()  # a connection that is not given back would block the pool for good


def _outcome_word(outcome: tenacity.Future | None) -> str:
    if outcome is None:
        return "no outcome"
    error = outcome.exception()
    return type(error).__name__ if error is not None else f"status {outcome.result().status_code}"
