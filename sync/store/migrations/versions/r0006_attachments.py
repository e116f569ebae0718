"""Revision 0006: what became of the files of a pair: which went across, which were refused, which wait."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the table."""
    op.create_table(
        "attachments",
        sa.Column("pair_id", sa.BigInteger, sa.ForeignKey("pairs.id"), primary_key=True),
        sa.Column("side", sa.Text, primary_key=True),
        sa.Column("file_id", sa.Text, primary_key=True),
        sa.Column("due", sa.BigInteger),
        sa.Column("body", sa.LargeBinary, nullable=False),
    )
    due = sa.text("due IS NOT NULL")
    op.create_index("attachments_due", "attachments", ["due"], sqlite_where=due, postgresql_where=due)
