"""Revision 0002: a pair is found by its number or key, as people name it."""

from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add both indexes."""
    for label in ("number", "key"):
        op.create_index(f"pairs_{label}", "pairs", [label])
