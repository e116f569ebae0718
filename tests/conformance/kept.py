"""What the suites of the state keep in it: records, pairs, and text that a database may refuse."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from tieline.connectors.base import Ref
from tieline.sync.model import Pair

NOW = datetime(2026, 3, 1, 12, 0, 0, 123456, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
ODD = "null \x00, half a smile \ud83d, whole 😀, quote ' \" \\, line\u2028\r\n"
"""Text as tickets may hold it: what UTF-8 or a database's text type refuses must come back all the same."""


def sn(n: int) -> Ref:
    return Ref("servicenow", f"{n:032x}")


def jira(n: int) -> Ref:
    return Ref("jira", str(10_000 + n))


def pair(n: int, **other: object) -> Pair:
    made = Pair(0, "operations", sn(n), jira(n), "servicenow", f"INC{n:07}", f"OPS-{n}", created_at=NOW)
    return replace(made, **other)  # type: ignore[arg-type]
