"""More tables (course) of the schema `notifier`, first version."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the schema and its tables."""
    op.execute("CREATE SCHEMA IF NOT EXISTS notifier")
    _create_course()
    _create_course_plan()


def downgrade() -> None:
    """Drop the tables."""
    op.drop_table("course_plan", schema="notifier")
    op.drop_table("course", schema="notifier")


def _create_course() -> None:
    op.create_table(
        "course",
        sa.Column("alert_id", sa.Text(collation="C"), nullable=False),
        sa.Column("plan", sa.Text(collation="C"), nullable=False),
        sa.Column("opened_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("next_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("state", sa.Text(collation="C"), nullable=False),
        sa.Column("acknowledged_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("acknowledged_by", sa.Text(), nullable=True),
        sa.Column("acknowledged_until", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("alert_id"),
        schema="notifier",
        postgresql_with={"fillfactor": "80"},
    )
    op.create_index(
        "course_due",
        "course",
        ["next_at"],
        unique=False,
        schema="notifier",
        postgresql_where=sa.text("next_at IS NOT NULL"),
    )


def _create_course_plan() -> None:
    op.create_table(
        "course_plan",
        sa.Column("id", sa.Text(collation="C"), nullable=False),
        sa.Column("policy", sa.Text(collation="C"), nullable=False),
        sa.Column("steps", sa.Text(), nullable=False),
        sa.Column("acknowledge_by", sa.DateTime(timezone=True), nullable=True),
        sa.Column("acknowledged_for", sa.Integer(), nullable=True),
        sa.PrimaryKeyConstraint("id"),
        schema="notifier",
    )
