"""A write of Tieline, and an issue with its history."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tieline.connectors.base import (
    Ref,
    Update,
    Values,
    Version,
)

Make = Callable[..., dict[str, Any]]
REF = Ref("jira", "20001")
SEEN = Version("2026-01-02T00:00:00.000+0000")


def update(before: Values | None = None, **values: Any) -> Update:
    return Update(REF, values, before or {}, SEEN)


def shown(make_issue: Make, *histories: dict[str, Any], **fields: Any) -> dict[str, Any]:
    return make_issue(1, **fields) | {"changelog": {"histories": list(histories)}, "transitions": []}


def entry(second: int, who: str, field: str, old: str, new: str) -> dict[str, Any]:
    item = {"field": field, "fieldId": field, "fromString": old, "toString": new}
    return {
        "id": str(second), "created": f"2026-01-02T00:00:{second:02}.000+0000", "author": {"accountId": who},
        "items": [item],
    }  # fmt: skip
