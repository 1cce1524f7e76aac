"""The tables of the schema `notifier`, first version."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the schema and its tables."""
    op.execute("CREATE SCHEMA IF NOT EXISTS notifier")
    _create_alert()
    _create_delivery()
    _create_ledger()
    _create_node_mark()
    _create_rollup_change()
    _create_turn()


def downgrade() -> None:
    """Drop the tables."""
    op.drop_table("turn", schema="notifier")
    op.drop_table("rollup_change", schema="notifier")
    op.drop_table("node_mark", schema="notifier")
    op.drop_table("ledger", schema="notifier")
    op.drop_table("delivery", schema="notifier")
    op.drop_table("alert", schema="notifier")


def _create_alert() -> None:
    op.create_table(
        "alert",
        sa.Column("id", sa.Text(collation="C"), nullable=False),
        sa.Column("unit", sa.Text(collation="C"), nullable=False),
        sa.Column("node", sa.Text(collation="C"), nullable=False),
        sa.Column("cell", sa.Text(collation="C"), nullable=False),
        sa.Column("occurrence", sa.Integer(), nullable=False),
        sa.Column("opened_as", sa.Text(collation="C"), nullable=False),
        sa.Column("kind", sa.Text(collation="C"), nullable=False),
        sa.Column("opened_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("opened_cause", sa.Text(collation="C"), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("breaches", sa.Integer(), nullable=False),
        sa.Column("evidence", sa.Text(), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("end_reason", sa.Text(collation="C"), nullable=True),
        sa.Column("end_cause", sa.Text(collation="C"), nullable=True),
        sa.Column(
            "openings", postgresql.ARRAY(sa.DateTime(timezone=True)), server_default=sa.text("'{}'"), nullable=False
        ),
        sa.Column("flapping", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.PrimaryKeyConstraint("id"),
        schema="notifier",
        postgresql_with={"fillfactor": "60"},
    )
    op.create_index(
        "alert_open",
        "alert",
        ["kind", "opened_at"],
        unique=False,
        schema="notifier",
        postgresql_where=sa.text("ended_at IS NULL"),
    )


def _create_delivery() -> None:
    op.create_table(
        "delivery",
        sa.Column("id", sa.Text(collation="C"), nullable=False),
        sa.Column("channel", sa.Text(collation="C"), nullable=False),
        sa.Column("address", sa.Text(collation="C"), nullable=False),
        sa.Column(
            "lane",
            sa.Text(),
            sa.Computed(
                "left(CASE channel WHEN 'mail' THEN lower(split_part(address, '@', 2)) ELSE address END, 255)",
                persisted=True,
            ),
            nullable=False,
        ),
        sa.Column("message_id", sa.Text(collation="C"), nullable=False),
        sa.Column("thread", postgresql.ARRAY(sa.Text()), nullable=False),
        sa.Column("subject", sa.Text(collation="C"), nullable=False),
        sa.Column("body", sa.Text(collation="C"), nullable=False),
        sa.Column("payload", sa.Text(collation="C"), nullable=False),
        sa.Column("html", sa.Text(), server_default=sa.text("''"), nullable=False),
        sa.Column("report_id", sa.Text(collation="C"), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("status", sa.Text(collation="C"), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column(
            "next_attempt_at", sa.DateTime(timezone=True), server_default=sa.text("clock_timestamp()"), nullable=False
        ),
        sa.Column("stored_at", sa.DateTime(timezone=True), server_default=sa.text("clock_timestamp()"), nullable=False),
        sa.Column("sender", sa.Text(collation="C"), nullable=True),
        sa.Column("server_reply", sa.Text(collation="C"), nullable=True),
        sa.Column("settled_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("acknowledged_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("acknowledged_by", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("message_id", name="delivery_message_id"),
        schema="notifier",
    )
    op.create_index(
        "delivery_dead",
        "delivery",
        ["settled_at"],
        unique=False,
        schema="notifier",
        postgresql_where=sa.text("status = 'dead'"),
    )
    op.create_index("delivery_newest", "delivery", ["address", "stored_at"], unique=False, schema="notifier")
    op.create_index(
        "delivery_unfinished",
        "delivery",
        ["channel", "lane", "next_attempt_at"],
        unique=False,
        schema="notifier",
        postgresql_where=sa.text("status IN ('pending', 'retry', 'sending')"),
    )


def _create_ledger() -> None:
    op.create_table(
        "ledger",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("subject", sa.Text(collation="C"), nullable=False),
        sa.Column("kind", sa.Text(collation="C"), nullable=False),
        sa.Column("alert_id", sa.Text(collation="C"), nullable=True),
        sa.Column("unit", sa.Text(collation="C"), nullable=False),
        sa.Column("node", sa.Text(collation="C"), nullable=False),
        sa.Column("cell", sa.Text(collation="C"), nullable=False),
        sa.Column("as_of", sa.Date(), nullable=False),
        sa.Column("cause", sa.Text(collation="C"), nullable=False),
        sa.Column("sequence", sa.BigInteger(), nullable=False),
        sa.Column("responsible_unit", sa.Text(collation="C"), nullable=False),
        sa.Column("role", sa.Text(collation="C"), nullable=False),
        sa.Column("channel", sa.Text(collation="C"), nullable=False),
        sa.Column("address", sa.Text(collation="C"), nullable=False),
        sa.Column("dispatch", sa.Text(collation="C"), nullable=True),
        sa.Column("clauses", postgresql.ARRAY(sa.Text()), nullable=False),
        sa.Column("gap_vi", sa.Text(collation="C"), nullable=True),
        sa.Column("no_address_units", postgresql.ARRAY(sa.Text()), nullable=False),
        sa.Column("status", sa.Text(collation="C"), nullable=False),
        sa.Column("reason", sa.Text(collation="C"), nullable=True),
        sa.Column("held_for", sa.Text(collation="C"), nullable=True),
        sa.Column(
            "created_at", sa.DateTime(timezone=True), server_default=sa.text("clock_timestamp()"), nullable=False
        ),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("own_due_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("delivery_id", sa.Text(collation="C"), nullable=True),
        sa.Column("settled_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint(
            "alert_id",
            "subject",
            "kind",
            "responsible_unit",
            "role",
            "channel",
            "address",
            name="ledger_once",
            postgresql_nulls_not_distinct=True,
        ),
        schema="notifier",
    )
    op.create_index(
        "ledger_delivery_id",
        "ledger",
        ["delivery_id"],
        unique=False,
        schema="notifier",
        postgresql_where=sa.text("delivery_id IS NOT NULL"),
    )
    op.create_index(
        "ledger_waiting",
        "ledger",
        ["due_at"],
        unique=False,
        schema="notifier",
        postgresql_where=sa.text("status = 'waiting'"),
    )
    op.create_index(
        "ledger_waiting_place",
        "ledger",
        ["address", "due_at"],
        unique=False,
        schema="notifier",
        postgresql_where=sa.text("status = 'waiting'"),
    )


def _create_node_mark() -> None:
    op.create_table(
        "node_mark",
        sa.Column("unit", sa.Text(collation="C"), nullable=False),
        sa.Column("node", sa.Text(collation="C"), nullable=False),
        sa.Column("status", sa.Text(collation="C"), nullable=False),
        sa.Column("reason", sa.Text(collation="C"), nullable=False),
        sa.Column("sequence", sa.BigInteger(), nullable=False),
        sa.Column("occurred_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("unit", "node"),
        schema="notifier",
        postgresql_with={"fillfactor": "80"},
    )


def _create_rollup_change() -> None:
    op.create_table(
        "rollup_change",
        sa.Column("unit", sa.Text(collation="C"), nullable=False),
        sa.Column("occurred_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("node", sa.Text(collation="C"), nullable=False),
        sa.Column("sequence", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("node_kind", sa.Text(collation="C"), nullable=False),
        sa.Column("from_status", sa.Text(collation="C"), nullable=False),
        sa.Column("to_status", sa.Text(collation="C"), nullable=False),
        sa.Column("to_reason", sa.Text(collation="C"), nullable=False),
        sa.Column("cause", sa.Text(collation="C"), nullable=False),
        sa.PrimaryKeyConstraint("unit", "occurred_at", "node", "sequence"),
        schema="notifier",
    )


def _create_turn() -> None:
    op.create_table(
        "turn",
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("token", sa.Text(collation="C"), nullable=False),
        sa.Column("previous", sa.Text(collation="C"), nullable=True),
        sa.Column("silence_changes", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.PrimaryKeyConstraint("id"),
        schema="notifier",
    )
