"""What both stand-ins share: clock, request and answer, faults, request log, and a real HTTP server."""

from __future__ import annotations

import asyncio
import json
import socket
import threading
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.utils import formatdate
from typing import Any, Final, Protocol
from urllib.parse import parse_qsl, unquote


class Clock(Protocol):
    """Tells the time in UTC."""

    def now(self) -> datetime:
        """The current instant, timezone-aware, UTC."""


class RealClock:
    """The machine's clock."""

    def now(self) -> datetime:
        """The current instant."""
        return datetime.now(UTC)


class VirtualClock:
    """A clock that moves only when it is told to."""

    def __init__(self, start: datetime) -> None:
        self._now = start

    def now(self) -> datetime:
        """The instant it was last moved to."""
        return self._now

    def advance(self, by: timedelta) -> None:
        """Move forward by `by`; backward is refused."""
        self.move_to(self._now + by)

    def move_to(self, instant: datetime) -> None:
        """Move forward to `instant`; a time that has passed already is refused."""
        if instant < self._now:
            raise ValueError(f"a clock does not run backward: {self._now} -> {instant}")
        self._now = instant


class Refused(Exception):
    """A business rule, policy or workflow of the stand-in said no to a scripted person's edit."""


@dataclass(frozen=True, slots=True)
class Request:
    """One HTTP request as the stand-ins see it; header names are lower-case."""

    method: str
    path: str
    query: tuple[tuple[str, str], ...]
    headers: Mapping[str, str]
    body: bytes = b""

    def param(self, name: str, default: str = "") -> str:
        """The last value of a query parameter."""
        return next((v for k, v in reversed(self.query) if k == name), default)

    def json(self) -> Any:
        """The body as JSON; ValueError if it is not."""
        return json.loads(self.body)


@dataclass(frozen=True, slots=True)
class Response:
    """One HTTP answer. Status 0 means: close the connection without an answer (`DROPPED`).

    `delay` (seconds of the machine's clock) is waited before anything is sent, `trickle` between the halves
    of the body. With `broken`, the connection breaks when half of the body has been sent.
    """

    status: int
    body: bytes = b""
    headers: tuple[tuple[str, str], ...] = ()
    delay: float = 0.0
    trickle: float = 0.0
    broken: bool = False


DROPPED: Final = Response(0)
"""From `before`: the connection breaks, nothing was done; from `after`: it was done, the answer is lost."""


@dataclass(slots=True)
class Fault:
    """Trouble in a request's way; `name` stands in the log each time it strikes.

    `before` may answer in the stand-in's place (nothing is done then); None lets the request pass. `alters`
    may give another request to carry out instead. `after` may replace the answer of a request that was
    carried out. It strikes at most `times` times (None: always).
    """

    name: str
    before: Callable[[Request], Response | None] | None = None
    after: Callable[[Request, Response], Response] | None = None
    times: int | None = None
    alters: Callable[[Request], Request | None] | None = None

    def strikes_before(self, request: Request) -> Response | None:
        """The answer given in the stand-in's place, if this fault has one for the request."""
        if self.before is None or self.times == 0:
            return None
        return self._counted(self.before(request))

    def strikes_request(self, request: Request) -> Request | None:
        """The request that is carried out instead; None leaves it alone."""
        if self.alters is None or self.times == 0:
            return None
        changed = self.alters(request)
        if changed is not None and self.times is not None:
            self.times -= 1
        return changed

    def strikes_after(self, request: Request, response: Response) -> Response | None:
        """The answer given instead of `response`; None leaves it alone."""
        if self.after is None or self.times == 0:
            return None
        changed = self.after(request, response)
        return self._counted(None if changed is response else changed)

    def _counted(self, answer: Response | None) -> Response | None:
        if answer is not None and self.times is not None:
            self.times -= 1
        return answer


class Faults(list[Fault]):
    """The faults of one stand-in, in order; the server runs them around `System.handle`."""

    def around(
        self, request: Request, handle: Callable[[Request], Response], struck: Callable[[str], None]
    ) -> Response:
        """Answer through the faults; `struck` hears the name of each that strikes."""
        for fault in self:
            answer = fault.strikes_before(request)
            if answer is not None:
                struck(fault.name)
                return answer
        for fault in self:
            altered = fault.strikes_request(request)
            if altered is not None:
                struck(fault.name)
                request = altered
        response = handle(request)
        for fault in self:
            changed = fault.strikes_after(request, response)
            if changed is not None:
                struck(fault.name)
                response = changed
        return response


class System(Protocol):
    """A stand-in: a name for the log, and a function from request to answer."""

    name: str
    faults: Faults
    """Only held by the stand-in: the server runs them, so `handle` never does."""

    def handle(self, request: Request) -> Response:
        """Answer one request; runs under the server's lock, so handlers never overlap."""

    def operation(self, request: Request) -> str:
        """The request's name in the log: method and path template, e.g. `GET /rest/api/3/issue/{id}`."""


@dataclass(slots=True)
class RequestLog:
    """Counts of requests by system and operation, and by status; of faults by system and name."""

    operations: Counter[tuple[str, str]] = field(default_factory=Counter)
    statuses: Counter[tuple[str, int]] = field(default_factory=Counter)
    faults: Counter[tuple[str, str]] = field(default_factory=Counter)

    def add(self, system: str, operation: str, status: int) -> None:
        """Count one answered request."""
        self.operations[system, operation] += 1
        self.statuses[system, status] += 1

    def add_fault(self, system: str, name: str) -> None:
        """Count one fault that struck."""
        self.faults[system, name] += 1

    @property
    def total(self) -> int:
        """All requests so far."""
        return sum(self.operations.values())


class Server:
    """Serves one stand-in on a loopback port from a thread of its own.

    `latency` (seconds) is waited before each answer; at most `concurrency` requests are in work at once,
    the others wait. `lock` guards the stand-in's data: scripted people take it as well.
    """

    def __init__(
        self,
        system: System,
        log: RequestLog,
        *,
        port: int = 0,
        latency: float = 0.0,
        concurrency: int = 64,
        lock: threading.RLock | None = None,
    ) -> None:
        self.system = system
        self.log = log
        self.latency = latency
        self.lock = lock or threading.RLock()
        self._concurrency = concurrency
        self._gate: asyncio.Semaphore | None = None
        self._port = port
        self._socket: socket.socket | None = None
        self._thread: threading.Thread | None = None
        self._uvicorn: Any = None

    @property
    def url(self) -> str:
        """The base URL, without a slash at its end; the server must have been started."""
        assert self._socket is not None, "start() first"
        return f"http://127.0.0.1:{self._socket.getsockname()[1]}"

    def start(self) -> Server:
        """Listen and serve; returns when the port accepts connections."""
        import uvicorn
        from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

        class Droppable(HttpToolsProtocol):
            """Lets the application break the connection that a request came in on."""

            def on_message_begin(self) -> None:
                super().on_message_begin()
                self.scope["state"]["transport"] = self.transport

        self._socket = socket.create_server(("127.0.0.1", self._port), backlog=128)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        config = uvicorn.Config(
            self._app, interface="asgi3", http=Droppable, ws="none", lifespan="off", proxy_headers=False,
            server_header=False, date_header=False, log_config=None, access_log=False, timeout_keep_alive=60,
        )  # fmt: skip
        self._uvicorn = uvicorn.Server(config)
        self._thread = threading.Thread(
            target=self._uvicorn.run, kwargs={"sockets": [self._socket]},
            name=f"sandbox-{self.system.name}", daemon=True,
        )  # fmt: skip
        self._thread.start()
        while not self._uvicorn.started:
            if not self._thread.is_alive():
                raise RuntimeError(f"the {self.system.name} stand-in did not start")
            self._thread.join(0.005)
        return self

    def ask_to_stop(self) -> None:
        """Say that it should end, and do not wait: several servers then end together."""
        if self._uvicorn is not None:
            self._uvicorn.should_exit = True
            self._uvicorn.force_exit = True

    def stop(self) -> None:
        """Stop serving and wait for the thread."""
        self.ask_to_stop()
        if self._thread is not None:
            self._thread.join(10)
        if self._socket is not None:
            self._socket.close()

    def answer(self, request: Request) -> Response:
        """Handle one request, through the system's faults, under the lock, and count it."""
        name = self.system.name
        with self.lock:
            response = self.system.faults.around(
                request, self.system.handle, lambda fault: self.log.add_fault(name, fault)
            )
            self.log.add(self.system.name, self.system.operation(request), response.status)
        return response

    async def _app(self, scope: Any, receive: Any, send: Any) -> None:
        assert scope["type"] == "http"
        if self._gate is None:
            self._gate = asyncio.Semaphore(self._concurrency)
        async with self._gate:
            request = await _read(scope, receive)
            if self.latency:
                await asyncio.sleep(self.latency)
            response = self.answer(request)
            if response.delay:
                await asyncio.sleep(response.delay)
            if response.status == DROPPED.status:
                await _drop(scope, receive)
            elif response.broken:
                await _send_half(send, response)
                await _drop(scope, receive)
            else:
                await _send(send, response)


async def _drop(scope: Any, receive: Any) -> None:
    scope["state"]["transport"].abort()
    while (await receive())["type"] != "http.disconnect":
        pass


async def _send_half(send: Any, response: Response) -> None:
    half = len(response.body) // 2
    await send({"type": "http.response.start", "status": response.status, "headers": _headers(response)})
    await send({"type": "http.response.body", "body": response.body[:half], "more_body": True})


def _headers(response: Response) -> list[tuple[bytes, bytes]]:
    headers = [(k.lower().encode("latin-1"), v.encode("latin-1")) for k, v in response.headers]
    names = {name for name, _ in headers}
    if b"content-length" not in names:
        headers.append((b"content-length", str(len(response.body)).encode()))
    if b"date" not in names:
        headers.append((b"date", formatdate(usegmt=True).encode()))
    return headers


async def _send(send: Any, response: Response) -> None:
    await send({"type": "http.response.start", "status": response.status, "headers": _headers(response)})
    half = len(response.body) // 2 if response.trickle else 0
    if half:
        await send({"type": "http.response.body", "body": response.body[:half], "more_body": True})
        await asyncio.sleep(response.trickle)
    await send({"type": "http.response.body", "body": response.body[half:]})


async def _read(scope: Any, receive: Any) -> Request:
    body = bytearray()
    while True:
        message = await receive()
        body += message.get("body", b"")
        if not message.get("more_body"):
            break
    return Request(
        method=scope["method"],
        path=unquote(scope["raw_path"].decode("latin-1").partition("?")[0]),
        query=tuple(parse_qsl(scope["query_string"].decode("latin-1"), keep_blank_values=True)),
        headers={k.decode("latin-1").lower(): v.decode("latin-1") for k, v in scope["headers"]},
        body=bytes(body),
    )
