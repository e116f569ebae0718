"""Builds encoded queries (ServiceNow: "Encoded query strings") in which text from outside stays a value.

`^` joins conditions, `^OR` binds to the condition before it, `^NQ` starts an alternative query. A condition
that the server does not understand is dropped in silence, so whoever asks must check what comes back.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import datetime
from typing import Final

from tieline.connectors.errors import ConfigError

TIME_FORMAT: Final = "%Y-%m-%d %H:%M:%S"
"""How times are written and read: UTC, whole seconds, no zone."""

_ID: Final = re.compile(r"[0-9A-Za-z_.-]{2,64}")
_SCOPE_FIELD: Final = re.compile(r"(?:OR)?([a-z][a-z0-9_.]*)")
_FORBIDDEN: Final = ("NQ", "ORDERBY", "GROUPBY")


def is_id(text: str) -> bool:
    """True for what can be a sys_id and stands safely in a query or path (some are names: `glide.maint`)."""
    return _ID.fullmatch(text) is not None


def is_askable(value: str) -> bool:
    """True for a value that the query language can carry: no separator, no script, nothing that is cut."""
    return (
        bool(value)
        and value == value.strip()
        and "^" not in value
        and value.isprintable()
        and not value.lower().startswith("javascript:")
    )


def by_ids(ids: Iterable[str]) -> str:
    """The records with these sys_ids, each checked with `is_id`."""
    return f"sys_idIN{','.join(ids)}"


def equals(field: str, value: str) -> str:
    """The records whose `field` has this value; ConfigError if the value cannot be asked for."""
    if not is_askable(value):
        raise ConfigError(f"{value!r} cannot stand in a ServiceNow query (a ^, a script or an odd blank)")
    return f"{field}={value}"


def any_of(field: str, values: Iterable[str]) -> str:
    """The records whose `field` has one of these askable values; `IN` cannot carry a comma, `=` can."""
    listed = sorted(set(values))
    plain = [value for value in listed if "," not in value]
    conditions = [f"{field}IN{','.join(plain)}"] if plain else []
    conditions += [f"{field}={value}" for value in listed if "," in value]
    return "^OR".join(conditions)


def changed_since(bound: datetime) -> str:
    """Everything that changed at `bound` (UTC) or later, oldest first."""
    return f"sys_updated_on>={bound.strftime(TIME_FORMAT)}{_OLDEST_FIRST}"


def changed_after(updated: datetime, sys_id: str) -> str:
    """Everything after one row in the order (sys_updated_on, sys_id)."""
    instant = updated.strftime(TIME_FORMAT)
    return f"sys_updated_on>{instant}^NQsys_updated_on>={instant}^sys_id>{sys_id}{_OLDEST_FIRST}"


def starting_with(field: str, prefix: str, after: tuple[datetime, str] | None = None) -> str:
    """Records whose `field` starts with `prefix`, the one made first first, behind (made at, sys_id)."""
    if not is_askable(prefix):
        raise ConfigError(f"{prefix!r} cannot stand in a ServiceNow query (a ^, a script or an odd blank)")
    condition, order = f"{field}STARTSWITH{prefix}", "^ORDERBYsys_created_on^ORDERBYsys_id"
    if after is None:
        return condition + order
    instant = after[0].strftime(TIME_FORMAT)
    later = f"{condition}^sys_created_on>{instant}"
    return f"{later}^NQ{condition}^sys_created_on={instant}^sys_id>{after[1]}{order}"


_OLDEST_FIRST: Final = "^ORDERBYsys_updated_on^ORDERBYsys_id"


def checked_scope(scope: str) -> str:
    """A user's condition as it can stand behind another; ConfigError where it would change its meaning."""
    condition = scope.strip().removesuffix("^EQ")
    terms = condition.split("^")
    if any(term.startswith(_FORBIDDEN) for term in terms):
        raise ConfigError(f"a scope holds one query without ^NQ, ORDERBY and GROUPBY: {scope!r}")
    if condition and (not all(terms) or terms[0].startswith("OR")):
        raise ConfigError(f"a scope starts and ends with a condition: {scope!r}")
    return condition


def scope_fields(scope: str) -> frozenset[str]:
    """The columns that a checked scope speaks of, dot-walked ones too."""
    found = (_SCOPE_FIELD.match(term) for term in scope.split("^"))
    return frozenset(match.group(1) for match in found if match)
