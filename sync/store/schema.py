"""The tables of the state as they are now, and their revision; how they came about is in `migrations`.

Columns are what is queried or ordered by; everything else of a value is in its `body` (JSON, see `shapes`).
Free text of tickets stands in bodies only: there it may hold what a database's text type refuses.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.types import TypeDecorator

from tieline.sync.store.codec import from_micros, to_micros

REVISION: Final = "0007"
"""The newest migration. Revisions are numbers with leading zeros, so that a newer one can be told."""

VERSION_TABLE: Final = "tieline_version"
"""Where Alembic keeps the revision; a name of its own, for databases that are shared."""


class Instant(TypeDecorator[datetime]):
    """An aware time, stored as microseconds since 1970 in UTC: exact, and ordered the same everywhere."""

    impl = sa.BigInteger
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: sa.Dialect) -> int | None:
        """To the database."""
        return None if value is None else to_micros(value)

    def process_result_value(self, value: Any | None, dialect: sa.Dialect) -> datetime | None:
        """From the database."""
        return None if value is None else from_micros(value)


metadata: Final = sa.MetaData()

_Id = sa.BigInteger().with_variant(sa.Integer, "sqlite")


def _id() -> sa.Column[int]:
    return sa.Column("id", _Id, primary_key=True, autoincrement=True)


def _pair_id(*, nullable: bool) -> sa.Column[int]:
    return sa.Column("pair_id", sa.BigInteger, sa.ForeignKey("pairs.id"), nullable=nullable)


def _body() -> sa.Column[bytes]:
    return sa.Column("body", sa.LargeBinary, nullable=False)


version = sa.Table(
    VERSION_TABLE,
    metadata,
    sa.Column("version_num", sa.String(32), nullable=False),
    sa.PrimaryKeyConstraint("version_num", name=f"{VERSION_TABLE}_pkc"),
)

cursors = sa.Table(
    "cursors",
    metadata,
    sa.Column("name", sa.Text, primary_key=True),
    sa.Column("value", sa.Text, nullable=False),
)

notes = sa.Table(
    "notes",
    metadata,
    sa.Column("key", sa.Text, primary_key=True),
    sa.Column("value", sa.Text, nullable=False),
)

# Numbers that would cost a full scan to count: pairs by state, and the stamp of the last arrival.
tallies = sa.Table(
    "tallies",
    metadata,
    sa.Column("name", sa.Text, primary_key=True),
    sa.Column("value", sa.BigInteger, nullable=False),
)

pairs = sa.Table(
    "pairs",
    metadata,
    _id(),
    sa.Column("route", sa.Text, nullable=False),
    sa.Column("servicenow_id", sa.Text, nullable=False),
    sa.Column("servicenow_kind", sa.Text, nullable=False),
    sa.Column("jira_id", sa.Text, nullable=False),
    sa.Column("jira_kind", sa.Text, nullable=False),
    sa.Column("origin", sa.Text, nullable=False),
    sa.Column("number", sa.Text, nullable=False),
    sa.Column("key", sa.Text, nullable=False),
    sa.Column("state", sa.Text, nullable=False),
    sa.Column("created_at", Instant),
    sa.Column("checked_at", Instant),
    sa.Column("base", sa.LargeBinary, nullable=False),
    sqlite_autoincrement=True,
)

# Partial indexes serve a query only if it repeats their condition literally, so both use these.
LIVE: Final = pairs.c.state != sa.literal_column("'unlinked'")
ACTIVE: Final = pairs.c.state == sa.literal_column("'active'")


def _partial(name: str, condition: sa.ColumnElement[bool], *columns: Any, unique: bool = False) -> sa.Index:
    return sa.Index(name, *columns, unique=unique, sqlite_where=condition, postgresql_where=condition)


_partial("pairs_servicenow", LIVE, pairs.c.servicenow_id, unique=True)
_partial("pairs_jira", LIVE, pairs.c.jira_id, unique=True)
_partial("pairs_sweep", ACTIVE, pairs.c.checked_at, pairs.c.id)
sa.Index("pairs_number", pairs.c.number)
sa.Index("pairs_key", pairs.c.key)

inbox = sa.Table(
    "inbox",
    metadata,
    sa.Column("key", sa.Text, primary_key=True),
    _pair_id(nullable=True),
    sa.Column("side", sa.Text, nullable=False),
    sa.Column("ref_id", sa.Text, nullable=False),
    sa.Column("ref_kind", sa.Text, nullable=False),
    sa.Column("reasons", sa.Text, nullable=False),
    sa.Column("since", Instant, nullable=False),
    sa.Column("due", Instant, nullable=False),
    sa.Column("stamp", sa.BigInteger, nullable=False),
    sa.Index("inbox_since", "since", "key", "due"),
    sa.Index("inbox_due", "due"),
)

parks = sa.Table(
    "parks",
    metadata,
    sa.Column("key", sa.Text, primary_key=True),
    sa.Column("since", Instant, nullable=False),
    sa.Column("retry_at", Instant),
    _body(),
    sa.Index("parks_since", "since", "key"),
    sa.Index("parks_retry", "retry_at", "key"),
)

outlooks = sa.Table(
    "outlooks",
    metadata,
    sa.Column("key", sa.Text, primary_key=True),
    sa.Column("due", Instant),
    sa.Column("left_out", sa.Text, nullable=False),
    sa.Column("label", sa.Text, nullable=False),
    sa.Index("outlooks_due", "due", "key"),
)

LEFT_OUT: Final = outlooks.c.left_out != sa.literal_column("''")
_partial("outlooks_out", LEFT_OUT, outlooks.c.key)

intents = sa.Table(
    "intents",
    metadata,
    _id(),
    _pair_id(nullable=True),
    sa.Column("probe_at", Instant, nullable=False),
    sa.Column("unknown", sa.Boolean, nullable=False),
    _body(),
    sqlite_autoincrement=True,
)

# What happened stays, whatever becomes of the pair: no foreign key.
audit = sa.Table(
    "audit",
    metadata,
    _id(),
    sa.Column("pair_id", sa.BigInteger),
    sa.Column("side", sa.Text),
    sa.Column("ref_id", sa.Text),
    sa.Column("pass_id", sa.Text, nullable=False),
    sa.Column("at", Instant, nullable=False),
    _body(),
    sa.Index("audit_at", "at", "id"),
    sa.Index("audit_pair", "pair_id", "at", "id"),
    sa.Index("audit_ref", "ref_id", "at", "id"),
    sa.Index("audit_pass", "pass_id", "at", "id"),
    sqlite_autoincrement=True,
)

conflicts = sa.Table(
    "conflicts",
    metadata,
    _id(),
    _pair_id(nullable=False),
    sa.Column("at", Instant, nullable=False),
    sa.Column("open", sa.Boolean, nullable=False),
    _body(),
    sa.Index("conflicts_at", "at", "id"),
    sa.Index("conflicts_pair", "pair_id", "at", "id"),
    sqlite_autoincrement=True,
)

OPEN: Final = conflicts.c.open.is_(True)
_partial("conflicts_open", OPEN, conflicts.c.at, conflicts.c.id)
_partial("conflicts_open_pair", OPEN, conflicts.c.pair_id, conflicts.c.id)

passes = sa.Table(
    "passes",
    metadata,
    sa.Column("id", sa.Text, primary_key=True),
    sa.Column("started", Instant, nullable=False),
    _body(),
    sa.Index("passes_started", "started", "id"),
)

entities = sa.Table(
    "entities",
    metadata,
    sa.Column("side", sa.Text, primary_key=True),
    sa.Column("kind", sa.Text, primary_key=True),
    sa.Column("id", sa.Text, primary_key=True),
    sa.Column("checked_at", Instant, nullable=False),
    _body(),
)

moves = sa.Table(
    "moves",
    metadata,
    sa.Column("place", sa.Text, primary_key=True),
    sa.Column("status", sa.Text, primary_key=True),
    _body(),
)

# What an incident's pair is tied to, and where that stood when it was last dealt with.
relations = sa.Table(
    "relations",
    metadata,
    sa.Column("pair_id", sa.BigInteger, sa.ForeignKey("pairs.id"), primary_key=True),
    sa.Column("relation", sa.Text, primary_key=True),
    sa.Column("target", sa.Text, primary_key=True),
    _body(),
    sa.Index("relations_target", "target"),
)

# Relations that are proposed to people, and what they said: no text of tickets.
proposals = sa.Table(
    "proposals",
    metadata,
    _id(),
    sa.Column("incident", sa.Text, nullable=False),
    sa.Column("relation", sa.Text, nullable=False),
    sa.Column("target", sa.Text, nullable=False),
    sa.Column("state", sa.Text, nullable=False),
    _body(),
    sa.Index("proposals_key", "incident", "relation", "target", unique=True),
    sa.Index("proposals_state", "state", "id"),
    sqlite_autoincrement=True,
)

# What was said on both sides of a pair, as it was last dealt with; no text.
heard = sa.Table(
    "heard",
    metadata,
    sa.Column("pair_id", sa.BigInteger, sa.ForeignKey("pairs.id"), primary_key=True),
    sa.Column("side", sa.Text, primary_key=True),
    sa.Column("id", sa.Text, primary_key=True),
    _body(),
)

# What became of each file of a pair, by the side on which a person put it.
attachments = sa.Table(
    "attachments",
    metadata,
    sa.Column("pair_id", sa.BigInteger, sa.ForeignKey("pairs.id"), primary_key=True),
    sa.Column("side", sa.Text, primary_key=True),
    sa.Column("file_id", sa.Text, primary_key=True),
    sa.Column("due", Instant),
    _body(),
)
_partial("attachments_due", attachments.c.due.is_not(None), attachments.c.due)
