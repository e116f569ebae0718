"""Which fields each side is asked for: what is mirrored, and what is needed beyond that; it asks nobody."""

from __future__ import annotations

from collections.abc import Mapping

from tieline.connectors.base import FieldKind, Side
from tieline.sync.config.model import Config
from tieline.sync.links.relations import kind_of
from tieline.sync.vocabulary import field_kinds

Also = Mapping[Side, Mapping[str, FieldKind]] | None
"""Fields of each side that a command asks for beyond all that."""


def of_table(config: Config, table: str, also: Also = None) -> dict[str, FieldKind]:
    """The columns of one table; what incidents need beyond what is mirrored is not asked of other tables."""
    mirrored = field_kinds(config, "servicenow", table)
    if kind_of(table) != "incident":
        return {**mirrored}
    return {**_parents(config), **_holding(config), **(also or {}).get("servicenow", {}), **mirrored}


def of_jira(config: Config, also: Also = None) -> dict[str, FieldKind]:
    """The fields of Jira's issues."""
    return {
        **watched(config, "jira"),
        **({} if config.links is None else config.links.read_in_jira()),
        **(also or {}).get("jira", {}),
        **field_kinds(config, "jira"),
    }


def watched(config: Config, side: Side) -> Mapping[str, FieldKind]:
    """What the policy's conditions need of a side's records, beyond what is mirrored."""
    if config.policy is None:
        return {}
    from tieline.sync.policy import load

    return load.watched(config, side)


def _parents(config: Config) -> Mapping[str, FieldKind]:
    """What entries for closed incidents need: on which parent to put them."""
    asked = config.comments is not None and config.comments.closed == "parent"
    return {"parent_incident": "choice"} if asked else {}


def _holding(config: Config) -> Mapping[str, FieldKind]:
    """The column that keeps ServiceNow from closing incidents that are held back."""
    column = None if config.links is None else config.links.hold
    return {} if column is None else {column.servicenow: "choice"}
