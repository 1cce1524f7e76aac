"""The tables of the schema `evaluator`, first version."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the schema and its tables."""
    op.execute("CREATE SCHEMA IF NOT EXISTS evaluator")
    _create_fact_page()
    _create_rollup()
    _create_transition()
    _create_verdict()
    _create_writer_state()
    op.execute("ALTER TABLE evaluator.fact_page ALTER COLUMN reports SET STORAGE EXTERNAL")


def downgrade() -> None:
    """Drop the tables."""
    op.drop_table("writer_state", schema="evaluator")
    op.drop_table("verdict", schema="evaluator")
    op.drop_table("transition", schema="evaluator")
    op.drop_table("rollup", schema="evaluator")
    op.drop_table("fact_page", schema="evaluator")


def _create_fact_page() -> None:
    op.create_table(
        "fact_page",
        sa.Column("unit", sa.Text(), nullable=False),
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("reports", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("unit", "id"),
        schema="evaluator",
    )


def _create_rollup() -> None:
    op.create_table(
        "rollup",
        sa.Column("partition", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("unit", sa.Text(), nullable=False),
        sa.Column("standard", sa.Text(), nullable=False),
        sa.Column("total", sa.Integer(), nullable=False),
        sa.Column("met", sa.Integer(), nullable=False),
        sa.Column("not_met", sa.Integer(), nullable=False),
        sa.Column("not_evaluable", sa.Integer(), nullable=False),
        sa.Column("not_applicable", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("partition", "unit", "standard"),
        schema="evaluator",
    )


def _create_transition() -> None:
    op.create_table(
        "transition",
        sa.Column("partition", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("unit", sa.Text(), nullable=False),
        sa.Column("node", sa.Text(), nullable=False),
        sa.Column("node_kind", sa.Text(), nullable=False),
        sa.Column("from_status", sa.Text(), nullable=False),
        sa.Column("to_status", sa.Text(), nullable=False),
        sa.Column("from_reason", sa.Text(), nullable=False),
        sa.Column("to_reason", sa.Text(), nullable=False),
        sa.Column("cause", sa.Text(), nullable=False),
        sa.Column("event_ids", postgresql.ARRAY(sa.Text()), nullable=False),
        sa.Column("ruleset", sa.Text(), nullable=False),
        sa.Column("catalog", sa.Text(), nullable=False),
        sa.Column("occurred_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("as_of", sa.Date(), nullable=False),
        sa.Column("observed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("before", sa.Text(), nullable=True),
        sa.Column("after", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("partition", "id"),
        schema="evaluator",
    )
    op.create_index("transition_unit_node", "transition", ["unit", "node", "id"], unique=False, schema="evaluator")


def _create_verdict() -> None:
    op.create_table(
        "verdict",
        sa.Column("unit", sa.Text(), nullable=False),
        sa.Column("node", sa.Text(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("cells", sa.Text(), nullable=True),
        sa.Column("since", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ruleset", sa.Text(), nullable=False),
        sa.Column("transition", sa.BigInteger(), server_default="0", nullable=False),
        sa.PrimaryKeyConstraint("unit", "node"),
        schema="evaluator",
    )


def _create_writer_state() -> None:
    op.create_table(
        "writer_state",
        sa.Column("partition", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("partitions", sa.Integer(), nullable=False),
        sa.Column("as_of", sa.Date(), nullable=False),
        sa.Column("catalog", sa.Text(), nullable=False),
        sa.Column("rules", sa.Text(), nullable=False),
        sa.Column("written_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("partition"),
        schema="evaluator",
    )
