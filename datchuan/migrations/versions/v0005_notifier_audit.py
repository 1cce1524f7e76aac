"""More tables (audit) of the schema `notifier`, first version."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the schema and its tables."""
    op.execute("CREATE SCHEMA IF NOT EXISTS notifier")
    _create_audit()
    _create_audit_block()
    op.execute("ALTER TABLE notifier.audit_block ALTER COLUMN digests SET STORAGE EXTERNAL")
    op.execute("""
CREATE OR REPLACE FUNCTION notifier.refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'notifier.% is append-only: % is refused', TG_TABLE_NAME, TG_OP
        USING HINT = 'What was written down stays. Write a new line instead.';
END $$
""")
    op.execute("""
CREATE TRIGGER audit_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON notifier.audit
    FOR EACH STATEMENT EXECUTE FUNCTION notifier.refuse_change()
""")
    op.execute("""
CREATE TRIGGER audit_block_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON notifier.audit_block
    FOR EACH STATEMENT EXECUTE FUNCTION notifier.refuse_change()
""")


def downgrade() -> None:
    """Drop the tables."""
    op.drop_table("audit_block", schema="notifier")
    op.drop_table("audit", schema="notifier")
    op.execute("DROP FUNCTION IF EXISTS notifier.refuse_change()")


def _create_audit() -> None:
    op.create_table(
        "audit",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), server_default=sa.text("clock_timestamp()"), nullable=False),
        sa.Column(
            "xid",
            sa.BigInteger(),
            server_default=sa.text("CAST(CAST(pg_current_xact_id() AS text) AS bigint)"),
            nullable=False,
        ),
        sa.Column("kind", sa.Text(collation="C"), nullable=False),
        sa.Column("alert_id", sa.Text(collation="C"), nullable=True),
        sa.Column("delivery_id", sa.Text(collation="C"), nullable=True),
        sa.Column("actor", sa.Text(collation="C"), nullable=False),
        sa.Column("details", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
        schema="notifier",
    )
    op.create_index(
        "audit_alert",
        "audit",
        ["alert_id", "id"],
        unique=False,
        schema="notifier",
        postgresql_where=sa.text("alert_id IS NOT NULL"),
    )
    op.create_index(
        "audit_delivery",
        "audit",
        ["delivery_id", "id"],
        unique=False,
        schema="notifier",
        postgresql_where=sa.text("delivery_id IS NOT NULL"),
    )
    op.create_index("audit_position", "audit", ["xid", "id"], unique=False, schema="notifier")
    op.create_index(
        "audit_silence",
        "audit",
        ["id"],
        unique=False,
        schema="notifier",
        postgresql_where=sa.text("kind IN ('silenced', 'silence_ended')"),
    )


def _create_audit_block() -> None:
    op.create_table(
        "audit_block",
        sa.Column("number", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("after_id", sa.BigInteger(), nullable=False),
        sa.Column("first_id", sa.BigInteger(), nullable=False),
        sa.Column("last_id", sa.BigInteger(), nullable=False),
        sa.Column("from_xid", sa.BigInteger(), nullable=False),
        sa.Column("to_xid", sa.BigInteger(), nullable=False),
        sa.Column("rows", sa.Integer(), nullable=False),
        sa.Column("sealed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("previous", sa.Text(collation="C"), nullable=False),
        sa.Column("digests", sa.LargeBinary(), nullable=False),
        sa.Column("hash", sa.Text(collation="C"), nullable=False),
        sa.PrimaryKeyConstraint("number"),
        schema="notifier",
    )
