"""The audit's tables, schema `notifier`: lines that nobody can change, and the blocks that seal them in a chain."""

import datetime as dt

from sqlalchemy import BigInteger, Column, DateTime, Identity, Index, LargeBinary, Text, func
from sqlalchemy import text as sql
from sqlmodel import Field

from services.notifier.adapters.tables import NotifierTable

_REFUSE = """
CREATE OR REPLACE FUNCTION notifier.refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'notifier.% is append-only: % is refused', TG_TABLE_NAME, TG_OP
        USING HINT = 'What was written down stays. Write a new line instead.';
END $$
"""


def _append_only(table: str) -> dict[str, tuple[str, ...]]:
    """Return what makes a table refuse every change of its rows; `ddl` runs after its creation, `drop` after its end.

    A trigger per statement: it also fires for TRUNCATE, and for statements that find no row.
    """
    trigger = f"""
CREATE TRIGGER {table}_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON notifier.{table}
    FOR EACH STATEMENT EXECUTE FUNCTION notifier.refuse_change()
"""
    return {"ddl": (_REFUSE, trigger), "drop": ("DROP FUNCTION IF EXISTS notifier.refuse_change()",)}


class AuditRow(NotifierTable, table=True):
    """One line of the audit. `xid` is the transaction that wrote it: with it the sealing knows what can still come.

    A number and not an xid8: it is kept through a dump into another server, where transactions count anew.
    """

    __tablename__ = "audit"
    __table_args__ = (
        Index("audit_position", "xid", "id"),
        Index("audit_alert", "alert_id", "id", postgresql_where=sql("alert_id IS NOT NULL")),
        Index("audit_delivery", "delivery_id", "id", postgresql_where=sql("delivery_id IS NOT NULL")),
        # The lines about silences, which are of many alerts: a story looks for those that covered its alert.
        Index("audit_silence", "id", postgresql_where=sql("kind IN ('silenced', 'silence_ended')")),
        {"info": _append_only("audit")},
    )

    id: int = Field(sa_column=Column(BigInteger, Identity(always=True), primary_key=True))
    at: dt.datetime = Field(
        sa_column=Column(DateTime(timezone=True), nullable=False, server_default=func.clock_timestamp())
    )
    xid: int = Field(
        sa_column=Column(
            BigInteger, nullable=False, server_default=sql("CAST(CAST(pg_current_xact_id() AS text) AS bigint)")
        )
    )
    kind: str = Field(sa_column=Column(Text(collation="C"), nullable=False))
    alert_id: str | None = Field(sa_column=Column(Text(collation="C"), nullable=True))
    delivery_id: str | None = Field(sa_column=Column(Text(collation="C"), nullable=True))
    actor: str = Field(sa_column=Column(Text(collation="C"), nullable=False))
    details: str = Field(sa_column=Column(Text, nullable=False))


class AuditBlockRow(NotifierTable, table=True):
    """A sealed run of lines, in the order of (xid, id), of those whose id is greater than `after_id`.

    `digests` holds the SHA-256 of every line, 32 bytes each in that order; `hash` is that of the block's head, which
    names the previous block's hash and the hash of all digests.
    """

    __tablename__ = "audit_block"
    __table_args__ = ({"info": _append_only("audit_block")},)

    number: int = Field(sa_column=Column(BigInteger, primary_key=True, autoincrement=False))
    after_id: int = Field(sa_column=Column(BigInteger, nullable=False))
    first_id: int = Field(sa_column=Column(BigInteger, nullable=False))
    last_id: int = Field(sa_column=Column(BigInteger, nullable=False))
    from_xid: int = Field(sa_column=Column(BigInteger, nullable=False))
    to_xid: int = Field(sa_column=Column(BigInteger, nullable=False))
    rows: int
    sealed_at: dt.datetime = Field(sa_column=Column(DateTime(timezone=True), nullable=False))
    previous: str = Field(sa_column=Column(Text(collation="C"), nullable=False))
    digests: bytes = Field(sa_column=Column(LargeBinary, nullable=False, info={"storage": "external"}))
    hash: str = Field(sa_column=Column(Text(collation="C"), nullable=False))
