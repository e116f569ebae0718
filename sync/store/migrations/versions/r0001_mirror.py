"""Revision 0001: the state of the mirror."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

_LIVE = sa.text("state != 'unlinked'")
_ACTIVE = sa.text("state = 'active'")
_OPEN_ON_SQLITE = sa.text("open IS 1")
_OPEN_ON_POSTGRESQL = sa.text("open IS true")


def upgrade() -> None:
    """Make all tables."""
    _facts()
    _pairs()
    _work()
    _history()


def _facts() -> None:
    for name, key in (("cursors", "name"), ("notes", "key")):
        op.create_table(
            name,
            sa.Column(key, sa.Text, primary_key=True),
            sa.Column("value", sa.Text, nullable=False),
        )
    op.create_table(
        "tallies",
        sa.Column("name", sa.Text, primary_key=True),
        sa.Column("value", sa.BigInteger, nullable=False),
    )
    op.create_table(
        "entities",
        sa.Column("side", sa.Text, primary_key=True),
        sa.Column("kind", sa.Text, primary_key=True),
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("checked_at", sa.BigInteger, nullable=False),
        _body(),
    )
    op.create_table(
        "moves",
        sa.Column("place", sa.Text, primary_key=True),
        sa.Column("status", sa.Text, primary_key=True),
        _body(),
    )


def _pairs() -> None:
    op.create_table(
        "pairs",
        _id(),
        *(sa.Column(name, sa.Text, nullable=False) for name in _PAIR_TEXTS),
        sa.Column("created_at", sa.BigInteger),
        sa.Column("checked_at", sa.BigInteger),
        sa.Column("base", sa.LargeBinary, nullable=False),
        sqlite_autoincrement=True,
    )
    for side in ("servicenow", "jira"):
        op.create_index(
            f"pairs_{side}", "pairs", [f"{side}_id"], unique=True, sqlite_where=_LIVE, postgresql_where=_LIVE
        )
    op.create_index(
        "pairs_sweep", "pairs", ["checked_at", "id"], sqlite_where=_ACTIVE, postgresql_where=_ACTIVE
    )


_PAIR_TEXTS = (
    "route", "servicenow_id", "servicenow_kind", "jira_id", "jira_kind", "origin", "number", "key", "state",
)  # fmt: skip


def _work() -> None:
    op.create_table(
        "inbox",
        sa.Column("key", sa.Text, primary_key=True),
        _pair_id(nullable=True),
        *(sa.Column(name, sa.Text, nullable=False) for name in ("side", "ref_id", "ref_kind", "reasons")),
        *(sa.Column(name, sa.BigInteger, nullable=False) for name in ("since", "due", "stamp")),
    )
    op.create_index("inbox_since", "inbox", ["since", "key", "due"])
    op.create_index("inbox_due", "inbox", ["due"])
    op.create_table(
        "parks",
        sa.Column("key", sa.Text, primary_key=True),
        sa.Column("since", sa.BigInteger, nullable=False),
        sa.Column("retry_at", sa.BigInteger),
        _body(),
    )
    op.create_index("parks_since", "parks", ["since", "key"])
    op.create_index("parks_retry", "parks", ["retry_at", "key"])
    op.create_table(
        "intents",
        _id(),
        _pair_id(nullable=True),
        sa.Column("probe_at", sa.BigInteger, nullable=False),
        sa.Column("unknown", sa.Boolean, nullable=False),
        _body(),
        sqlite_autoincrement=True,
    )


def _history() -> None:
    op.create_table(
        "audit",
        _id(),
        sa.Column("pair_id", sa.BigInteger),
        sa.Column("side", sa.Text),
        sa.Column("ref_id", sa.Text),
        sa.Column("pass_id", sa.Text, nullable=False),
        sa.Column("at", sa.BigInteger, nullable=False),
        _body(),
        sqlite_autoincrement=True,
    )
    op.create_index("audit_at", "audit", ["at", "id"])
    for name in ("pair", "ref", "pass"):
        op.create_index(f"audit_{name}", "audit", [f"{name}_id", "at", "id"])
    op.create_table(
        "conflicts",
        _id(),
        _pair_id(nullable=False),
        sa.Column("at", sa.BigInteger, nullable=False),
        sa.Column("open", sa.Boolean, nullable=False),
        _body(),
        sqlite_autoincrement=True,
    )
    op.create_index("conflicts_at", "conflicts", ["at", "id"])
    op.create_index("conflicts_pair", "conflicts", ["pair_id", "at", "id"])
    for name, columns in (("conflicts_open", ["at", "id"]), ("conflicts_open_pair", ["pair_id", "id"])):
        op.create_index(
            name, "conflicts", columns, sqlite_where=_OPEN_ON_SQLITE, postgresql_where=_OPEN_ON_POSTGRESQL
        )
    op.create_table(
        "passes",
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("started", sa.BigInteger, nullable=False),
        _body(),
    )
    op.create_index("passes_started", "passes", ["started", "id"])


def _id() -> sa.Column[int]:
    return sa.Column(
        "id", sa.BigInteger().with_variant(sa.Integer, "sqlite"), primary_key=True, autoincrement=True
    )


def _pair_id(*, nullable: bool) -> sa.Column[int]:
    return sa.Column("pair_id", sa.BigInteger, sa.ForeignKey("pairs.id"), nullable=nullable)


def _body() -> sa.Column[bytes]:
    return sa.Column("body", sa.LargeBinary, nullable=False)
