"""Sends requests through the jira library and its session, and names every failure; it knows no field.

Nothing of the library, not its exceptions, objects or texts, leaves this module: the text of a `JIRAError`
prints headers and cookies.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Any, Final, TypeVar
from urllib.parse import quote, urljoin, urlsplit

import requests
from jira import JIRA, JIRAError
from requests.auth import AuthBase

from tieline.connectors import parallel
from tieline.connectors.answers import (
    REDIRECT_HEADER,
    Said,
    describe,
    http_date,
    json_body,
    lost,
    read_failure,
    write_failure,
)
from tieline.connectors.auth import Auth, signer
from tieline.connectors.errors import (
    ConnectorError,
    Denied,
    Malformed,
    Rejected,
    Stale,
    Unavailable,
    Unknown,
)
from tieline.connectors.http import HardenedAdapter, HttpSettings, build_session, harden, is_read, stranger
from tieline.connectors.jira.settings import JiraSettings
from tieline.connectors.transfer import PLAIN

_OVERTAKEN: Final = re.compile(
    r"not valid for the current state|transition\b.*\b(not valid|not found|not available|does not exist)",
    re.I,
)
"""How Jira says that a transition is not open (any more)."""
_READS_BY_POST: Final = ("/search", "/search/jql", "/issue/bulkfetch")
_LOGIN: Final = "X-Seraph-LoginReason"
_DENIED: Final = "X-Authentication-Denied-Reason"

Clock = Callable[[], datetime]
"""Tells the time in UTC."""
Item = TypeVar("Item")
Result = TypeVar("Result")


class Refusal(Exception):
    """A read that Jira refused as wrong (400), with its words: the caller knows what they are about."""

    def __init__(self, said: Said, why: str) -> None:
        super().__init__(why)
        self.said = said


def only_reads(request: requests.PreparedRequest) -> bool:
    """Whether sending this request twice is harmless: searches and bulk fetches are reads by POST."""
    path = urlsplit(request.url or "").path
    return is_read(request) or (request.method == "POST" and path.endswith(_READS_BY_POST))


def said(response: requests.Response) -> Said | None:
    """What Jira's error collection says, None if the body is none."""
    try:
        body = response.json()
    except ValueError:
        return None
    return said_in(body)


def said_in(body: object) -> Said | None:
    """The words of an error collection: its messages, and those about single fields."""
    if not isinstance(body, Mapping) or not body.keys() & {"errorMessages", "errors", "errorMessage"}:
        return None
    messages = body.get("errorMessages") or body.get("errorMessage") or []
    errors = body.get("errors")
    fields = {str(k): str(v) for k, v in errors.items()} if isinstance(errors, Mapping) else {}
    listed = [messages] if isinstance(messages, str) else [str(message) for message in messages]
    return Said("; ".join([*listed, *(f"{name}: {text}" for name, text in fields.items())]), fields)


class Wire:
    """The connection to one Jira: library, session, adapter. Safe to use from many threads."""

    def __init__(
        self, settings: JiraSettings, auth: Auth | AuthBase, adapter: HardenedAdapter | None, clock: Clock
    ) -> None:
        self._clock = clock
        self._told: datetime | None = None
        self._adapter = adapter or HardenedAdapter(HttpSettings(settings.api_url), safe=only_reads)
        self._concurrency = settings.concurrency
        version = "3" if settings.cloud else "2"
        self._root = f"{settings.api_url}/rest/api/{version}/"
        self._jira = JIRA(
            options={"server": settings.api_url, "rest_api_version": version, "check_update": False},
            get_server_info=False,
            max_retries=0,
            logging=False,  # it would log the body of an answer that it cannot read
        )
        self._jira.deploymentType = "Cloud" if settings.cloud else "Server"
        self._jira._fields_cache_value = {"id": "id"}  # not empty: the library reads /field to fill it
        self._session: requests.Session = harden(self._jira._session, self._adapter)
        self._session.auth = auth if isinstance(auth, AuthBase) else signer(auth)
        self._session.hooks["response"] += [self._note_time, _ours]
        self._plain = build_session(self._adapter, auth)
        self._plain.hooks["response"] += [self._note_time, _ours]
        self._stranger = stranger(self._adapter.settings)

    @property
    def skew(self) -> timedelta:
        """Jira's clock minus ours, by the last answer."""
        return self._adapter.skew

    @property
    def told(self) -> datetime | None:
        """Jira's time as its last answer told it (UTC), never ahead of ours; None if it told none."""
        return None if self._told is None else min(self._told, self._clock())

    def _note_time(self, response: requests.Response, **_: Any) -> None:
        self._told = http_date(response.headers.get("Date", ""))

    def begin_pass(self) -> None:
        """A new pass has its whole budget of pauses again."""
        self._adapter.pace.begin_pass()

    def close(self) -> None:
        """Let go of connections."""
        self._jira.close()  # type: ignore[no-untyped-call]
        self._plain.close()
        self._stranger.close()

    # Reads

    def get(self, what: str, path: str, params: Mapping[str, Any] | None = None) -> Any:
        """The JSON of a GET; `path` is below /rest/api/N/."""
        return self._read(what, "GET", path, params=params)

    def ask(self, what: str, path: str, body: Mapping[str, Any]) -> Any:
        """The JSON of a read by POST; `Refusal` if Jira says that it asks for something wrong."""
        return self._read(what, "POST", path, data=json.dumps(body))

    def _read(self, what: str, method: str, path: str, **options: Any) -> Any:
        with _named(what, write=False):
            response = self._session.request(method, self._root + path, **options)
            return _body(response, what)

    def fields(self, what: str) -> list[dict[str, Any]]:
        """Every field's description, as the library reads it."""
        with _named(what, write=False):
            return _listed(self._jira.fields(), what)

    def myself(self, what: str) -> dict[str, Any]:
        """The account that Jira takes us for."""
        with _named(what, write=False):
            return _mapping(self._jira.myself(), what)

    def search(self, what: str, jql: str, start: int, limit: int, names: Sequence[str]) -> dict[str, Any]:
        """One page of Data Center's search; `Refusal` if it refuses the query."""
        body = {"jql": jql, "startAt": start, "maxResults": limit, "fields": list(names)}
        return _mapping(self.ask(what, "search", body), what)

    # Writes

    def send(self, what: str, method: str, path: str, body: Mapping[str, Any] | str, **params: str) -> Any:
        """Make one write; its answer's JSON, None for an empty one.

        Raises Unknown wherever the answer does not prove what happened.
        """
        with _named(what, write=True):
            url = self._root + path
            response = self._session.request(method, url, data=json.dumps(body), params=params)
            failure = write_failure(response, what, said(response))
            if failure is not None:
                raise failure
            if not response.content:
                return None
            return json_body(response, what)

    def create(self, what: str, body: Mapping[str, Any]) -> tuple[bool, Any]:
        """Make a bulk create: whether it was answered with 2xx, and the answer's JSON (also of a 400)."""
        with _named(what, write=True):
            try:
                response = self._session.post(self._root + "issue/bulk", data=json.dumps(body))
            except JIRAError as error:
                answer = error.response
                if answer is not None and answer.status_code == 403 and not answer.headers.get(_DENIED):
                    raise Unknown(describe(answer, what, said(answer))) from None  # seen after a commit
                if answer is None or answer.status_code != 400 or said(answer) is None:
                    raise
                return False, json_body(answer, what)
            failure = write_failure(response, what, said(response))
            if failure is not None:
                raise failure
            return True, json_body(response, what)

    # Files

    def download(self, what: str, url: str) -> requests.Response:
        """An answer whose body is still to be read, as a stream, and closed. Raises the loss of it."""
        try:
            return self._plain.get(url, stream=True, headers=PLAIN)
        except requests.RequestException as error:
            raise lost(error, what, write=False) from None

    def media(self, what: str, led: requests.Response) -> requests.Response:
        """What an answer leads to, on a host that is not Jira's: asked without any credentials.

        Unencrypted only where Jira itself is reached so. Malformed for an answer that leads nowhere.
        """
        target = led.headers.get(REDIRECT_HEADER, "")
        ours, theirs = urlsplit(self._root), urlsplit(urljoin(led.url, target))
        if not target or theirs.scheme not in {"https", ours.scheme} or not theirs.hostname:
            raise Malformed(f"{what}: answered with a redirect that leads nowhere")
        limits = (self._adapter.settings.connect_timeout_s, self._adapter.settings.timeout_s)
        try:
            return self._stranger.get(theirs.geturl(), stream=True, headers=PLAIN, timeout=limits)
        except requests.RequestException:
            # Nothing of the failure is told: the address holds a token.
            raise Unavailable(f"{what}: the media host {theirs.hostname} gave no answer") from None

    def upload(self, what: str, path: str, form: Any, type_: str) -> requests.Response:
        """The answer to a form that was sent as a stream. Raises Unavailable (never sent) or Unknown."""
        headers = {"Accept": "application/json", "Content-Type": type_, "X-Atlassian-Token": "no-check"}
        try:
            return self._plain.post(self._root + path, data=form, headers=headers)
        except requests.RequestException as error:
            raise lost(error, what, write=True) from None

    def each(self, call: Callable[[Item], Result], items: Iterable[Item]) -> list[Result]:
        """`call` for every item, `concurrency` at once, results in order; the first failure is raised."""
        return parallel.each(call, items, self._concurrency)


def chunks(items: Iterable[Item], size: int) -> list[list[Item]]:
    """The items in order, `size` at a time."""
    queue = list(items)
    return [queue[start : start + size] for start in range(0, len(queue), size)]


def segment(value: str) -> str:
    """One segment of a path."""
    return quote(value, safe="")


def _ours(response: requests.Response, **_: Any) -> None:
    """Refuse an answer that was not given to us: an expired token is answered 200, empty, as a stranger's."""
    reasons = {reason.strip().upper() for reason in response.headers.get(_LOGIN, "OK").split(",")}
    if reasons <= {"OK"}:
        return
    words = f"Jira did not accept the credentials ({_LOGIN}: {', '.join(sorted(reasons))}); renew the token"
    if response.ok and not only_reads(response.request):
        raise Unknown(f"{words}; what was sent may have been carried out as somebody else")
    raise Denied(words)


@contextmanager
def _named(what: str, *, write: bool) -> Any:
    """Turn whatever the library or requests raises into a failure of our own, without its text."""
    try:
        yield
    except ConnectorError as error:
        if write and isinstance(error, Malformed):
            raise Unknown(f"{error}; it may have been carried out") from None
        raise
    except JIRAError as error:
        raise _judged(error.response, what, write=write) from None
    except (requests.JSONDecodeError, KeyError, TypeError, RecursionError):
        words = f"{what}: the answer cannot be read"
        raise (Unknown(f"{words}; it may have been carried out") if write else Malformed(words)) from None
    except requests.RequestException as error:
        raise lost(error, what, write=write) from None


def _judged(response: requests.Response | None, what: str, *, write: bool) -> Exception:
    if response is None:
        lost_words = f"{what}: no answer"
        return Unknown(lost_words) if write else Malformed(lost_words)
    words = said(response)
    why = describe(response, what, words)
    if response.headers.get(_DENIED):
        return Denied(f"{why}; log in once by hand, Jira asks for a CAPTCHA")
    if write and (response.status_code == 409 or _is_overtaken(response, words)):
        return Stale(why)
    if write and response.status_code == 403 and words is not None:
        return Rejected(why, words.fields)
    if not write and response.status_code == 400 and words is not None:
        return Refusal(words, why)
    failure = (write_failure if write else read_failure)(response, what, words)
    return failure or Malformed(f"{what}: {response.status_code} is not an answer to this")


def _is_overtaken(response: requests.Response, words: Said | None) -> bool:
    refused = response.status_code in {400, 404} and words is not None
    return refused and _OVERTAKEN.search(words.message if words else "") is not None


def _body(response: requests.Response, what: str) -> Any:
    failure = read_failure(response, what, said(response))
    if failure is not None:
        raise failure
    return json_body(response, what)


def _mapping(body: Any, what: str) -> dict[str, Any]:
    if not isinstance(body, dict):
        raise Malformed(f"{what}: the answer is no object")
    return body


def _listed(body: Any, what: str) -> list[dict[str, Any]]:
    if not isinstance(body, list) or not all(isinstance(item, dict) for item in body):
        raise Malformed(f"{what}: the answer is no list of objects")
    return body
