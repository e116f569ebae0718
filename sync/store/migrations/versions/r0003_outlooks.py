"""Revision 0003: when the policy may say something else about an incident, and what it leaves out."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

_LEFT_OUT = sa.text("left_out != ''")


def upgrade() -> None:
    """Add the table."""
    op.create_table(
        "outlooks",
        sa.Column("key", sa.Text, primary_key=True),
        sa.Column("due", sa.BigInteger),
        sa.Column("left_out", sa.Text, nullable=False),
        sa.Column("label", sa.Text, nullable=False),
    )
    op.create_index("outlooks_due", "outlooks", ["due", "key"])
    op.create_index("outlooks_out", "outlooks", ["key"], sqlite_where=_LEFT_OUT, postgresql_where=_LEFT_OUT)
