"""More tables (report) of the schema `notifier`, first version."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the schema and its tables."""
    op.execute("CREATE SCHEMA IF NOT EXISTS notifier")
    _create_report()
    op.execute("ALTER TABLE notifier.report ALTER COLUMN workbook SET STORAGE EXTERNAL")


def downgrade() -> None:
    """Drop the tables."""
    op.drop_table("report", schema="notifier")


def _create_report() -> None:
    op.create_table(
        "report",
        sa.Column("id", sa.Text(collation="C"), nullable=False),
        sa.Column("dispatch", sa.Text(collation="C"), nullable=False),
        sa.Column("unit", sa.Text(collation="C"), nullable=False),
        sa.Column("period", sa.Text(collation="C"), nullable=False),
        sa.Column("period_start", sa.Date(), nullable=False),
        sa.Column("period_end", sa.Date(), nullable=False),
        sa.Column(
            "created_at", sa.DateTime(timezone=True), server_default=sa.text("clock_timestamp()"), nullable=False
        ),
        sa.Column("content", sa.Text(), nullable=False),
        sa.Column("file_name", sa.Text(), nullable=False),
        sa.Column("workbook", sa.LargeBinary(), nullable=False),
        sa.Column("audit_head", sa.Text(collation="C"), nullable=True),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("dispatch", "unit", "period", "period_start", name="report_once"),
        schema="notifier",
    )
