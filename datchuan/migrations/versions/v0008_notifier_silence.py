"""More tables (silence) of the schema `notifier`, first version."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the schema and its tables."""
    op.execute("CREATE SCHEMA IF NOT EXISTS notifier")
    _create_silence()


def downgrade() -> None:
    """Drop the tables."""
    op.drop_table("silence", schema="notifier")


def _create_silence() -> None:
    op.create_table(
        "silence",
        sa.Column("id", sa.Text(collation="C"), nullable=False),
        sa.Column("roots", postgresql.ARRAY(sa.Text()), nullable=True),
        sa.Column("units", postgresql.ARRAY(sa.Text()), nullable=True),
        sa.Column("nodes", postgresql.ARRAY(sa.Text()), nullable=True),
        sa.Column("responsible_units", postgresql.ARRAY(sa.Text()), nullable=True),
        sa.Column("author", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("began_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("starts_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ends_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("ended_by", sa.Text(), nullable=True),
        sa.Column("end_reason", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("id"),
        schema="notifier",
    )
    op.create_index(
        "silence_active",
        "silence",
        ["ends_at"],
        unique=False,
        schema="notifier",
        postgresql_where=sa.text("ended_at IS NULL"),
    )
