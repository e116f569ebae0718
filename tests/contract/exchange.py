"""What travels between clients and stand-ins while a suite runs: recorded where the stand-ins are served.

Requests are taken as they come in, answers as the stand-in gives them: what a fault makes of either on the
way is trouble by design, and no matter of contracts.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest

from tieline.connectors.sandbox.core import Request, Response, Server
from tieline.connectors.sandbox.jira import JiraSandbox
from tieline.connectors.sandbox.servicenow import ServiceNowSandbox


@dataclass(frozen=True, slots=True)
class Exchange:
    """One request to a system (`cloud`, `datacenter`, `servicenow`), or one request and its answer."""

    system: str
    operation: str
    request: Request
    response: Response | None = None


@dataclass
class Recorder:
    """Hands every exchange on, as it happens."""

    heard: list[Callable[[Exchange], None]] = field(default_factory=list)

    def add(self, exchange: Exchange) -> None:
        for hear in self.heard:
            hear(exchange)

    @contextmanager
    def listening(self) -> Iterator[None]:
        """While requests are served, here and in every thread."""
        served, answered = Server.answer, {kind: kind.handle for kind in (JiraSandbox, ServiceNowSandbox)}

        def answer(server: Server, request: Request) -> Response:
            system = server.system
            self.add(Exchange(_name(system), system.operation(request), request))
            return served(server, request)

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(Server, "answer", answer)
            for kind, handle in answered.items():
                patch.setattr(kind, "handle", self._told(handle))
            patch.setattr(ServiceNowSandbox, "_serve_part", self._told_part(ServiceNowSandbox._serve_part))
            yield

    def _told(self, handle: Any) -> Any:
        def told(system: Any, request: Request) -> Response:
            response: Response = handle(system, request)
            self.add(Exchange(_name(system), system.operation(request), request, response))
            return response

        return told

    def _told_part(self, serve: Any) -> Any:
        """Parts of a batch are requests of their own."""

        def told(system: Any, request: Request, *rest: Any) -> Response:
            operation = system.operation(request)
            self.add(Exchange(_name(system), operation, request))
            response: Response = serve(system, request, *rest)
            self.add(Exchange(_name(system), operation, request, response))
            return response

        return told


def _name(system: Any) -> str:
    return str(system.world.deployment) if isinstance(system, JiraSandbox) else str(system.name)
