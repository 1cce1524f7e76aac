"""The tables of the schema `messaging`, first version."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the schema and its tables."""
    op.execute("CREATE SCHEMA IF NOT EXISTS messaging")
    _create_dead_letter()
    _create_mailbox()
    op.execute("ALTER TABLE messaging.dead_letter ALTER COLUMN payload SET STORAGE EXTERNAL")
    op.execute("ALTER TABLE messaging.mailbox ALTER COLUMN payload SET STORAGE EXTERNAL")


def downgrade() -> None:
    """Drop the tables."""
    op.drop_table("mailbox", schema="messaging")
    op.drop_table("dead_letter", schema="messaging")


def _create_dead_letter() -> None:
    op.create_table(
        "dead_letter",
        sa.Column("message_id", sa.Text(), nullable=False),
        sa.Column("stream", sa.Text(), nullable=False),
        sa.Column("payload", sa.LargeBinary(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("failed_at", sa.DateTime(timezone=True), server_default=sa.text("clock_timestamp()"), nullable=False),
        sa.PrimaryKeyConstraint("message_id"),
        schema="messaging",
    )


def _create_mailbox() -> None:
    op.create_table(
        "mailbox",
        sa.Column("message_id", sa.Text(), nullable=False),
        sa.Column("stream", sa.Text(), nullable=False),
        sa.Column("payload", sa.LargeBinary(), nullable=False),
        sa.Column(
            "created_at", sa.DateTime(timezone=True), server_default=sa.text("clock_timestamp()"), nullable=False
        ),
        sa.Column("handled_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("message_id"),
        schema="messaging",
    )
    op.create_index(
        "mailbox_handled",
        "mailbox",
        ["stream"],
        unique=False,
        schema="messaging",
        postgresql_where=sa.text("handled_at IS NOT NULL"),
    )
    op.create_index(
        "mailbox_waiting",
        "mailbox",
        ["stream", "created_at"],
        unique=False,
        schema="messaging",
        postgresql_where=sa.text("handled_at IS NULL"),
    )
