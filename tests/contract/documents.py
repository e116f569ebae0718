"""The documents that every request and answer is put to, read when the first of a system's is heard."""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from functools import cached_property
from pathlib import Path

from tieline.connectors.sandbox.core import Request, Response

from .cloud import Cloud
from .ledger import Contract
from .shapes import Samples
from .wadl import DataCenter

ROOT = Path(__file__).resolve().parents[2]
API = Path(os.environ.get("TIELINE_SHARED", ROOT.parent / "shared")) / "api"
ALONE = "TIELINE_CONTRACT_ALONE"
"""Set while `python -m tests.contract` runs the suite: it listens by itself, and judges every single one."""

_NUMBER = re.compile(rb"\d+")


class Late:
    """A document that is read when it is needed. With `once`, what differs in numbers only is judged once."""

    def __init__(self, make: Callable[[], Contract], *, once: bool = False) -> None:
        self._make = make
        self._once = once
        self._judged: set[tuple[object, ...]] = set()

    @cached_property
    def _contract(self) -> Contract:
        return self._make()

    @property
    def name(self) -> str:
        """The document's name."""
        return self._contract.name

    def concerns(self, request: Request) -> bool:
        """Whether the document can know of it."""
        return self._contract.concerns(request)

    def request(self, operation: str, request: Request) -> list[str]:
        """What the document has against a request."""
        if self._known(operation, request, None):
            return []
        return self._contract.request(operation, request)

    def response(self, operation: str, request: Request, response: Response) -> list[str]:
        """What the document has against an answer."""
        if self._known(operation, request, response):
            return []
        return self._contract.response(operation, request, response)

    def _known(self, operation: str, request: Request, response: Response | None) -> bool:
        """Whether one like it was judged before; numbers of ids and times make no difference to a schema."""
        if not self._once:
            return False
        body = request.body if response is None else response.body
        if response is None:
            rest: tuple[object, ...] = tuple(name for name, _ in request.query)
        else:
            rest = (response.status,)
        key = (operation, rest, _NUMBER.sub(b"0", body or b""))
        known = key in self._judged
        self._judged.add(key)
        return known


def documents(*, once: bool = False) -> dict[str, Contract]:
    """A document for each system that the suite talks to."""
    return {
        "cloud": Late(lambda: Cloud(API / "specs" / "jira-cloud-v3.openapi.json"), once=once),
        "datacenter": Late(lambda: DataCenter(API / "specs" / "jira-server-8.4.3.wadl.xml"), once=once),
        "servicenow": Late(lambda: Samples(API / "examples" / "servicenow"), once=once),
    }
