"""Revision 0004: what ties an incident to a problem, a change or another incident, as last dealt with."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the table."""
    op.create_table(
        "relations",
        sa.Column("pair_id", sa.BigInteger, sa.ForeignKey("pairs.id"), primary_key=True),
        sa.Column("relation", sa.Text, primary_key=True),
        sa.Column("target", sa.Text, primary_key=True),
        sa.Column("body", sa.LargeBinary, nullable=False),
    )
    op.create_index("relations_target", "relations", ["target"])
