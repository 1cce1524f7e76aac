"""The notifier's tables, schema `notifier`: alerts, what was last seen of each node, the ledger and the deliveries."""

import datetime as dt

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Computed,
    Date,
    DateTime,
    Identity,
    Index,
    Integer,
    MetaData,
    Text,
    UniqueConstraint,
    func,
)
from sqlalchemy import text as sql
from sqlalchemy.dialects.postgresql import ARRAY
from sqlmodel import Field, SQLModel

metadata = MetaData(schema="notifier")


class NotifierTable(SQLModel):
    """Base of the tables of the schema `notifier`."""

    metadata = metadata


def _text(*, primary_key: bool = False, nullable: bool = False) -> "Column[str]":
    # Compared byte by byte, whatever the database's language: most of them are keys.
    return Column(Text(collation="C"), primary_key=primary_key, nullable=nullable)


def _moment(*, primary_key: bool = False, nullable: bool = False) -> "Column[dt.datetime]":
    return Column(DateTime(timezone=True), primary_key=primary_key, nullable=nullable)


def _written_at() -> "Column[dt.datetime]":
    return Column(DateTime(timezone=True), nullable=False, server_default=func.clock_timestamp())


class AlertRow(NotifierTable, table=True):
    """One occurrence of a condition of a cell of a chỉ tiêu of a unit; open while `ended_at` is null.

    Its id begins with the unit and the node, so that the primary key finds all alerts of a chỉ tiêu. The evidence is
    JSON that only the notifier reads: PostgreSQL does not have to check it at every change.
    """

    __tablename__ = "alert"
    __table_args__ = (
        Index("alert_open", "kind", "opened_at", postgresql_where=sql("ended_at IS NULL")),
        # Room on every page for newer evidence, which then costs no new entry in any index.
        {"postgresql_with": {"fillfactor": "60"}},
    )

    id: str = Field(sa_column=_text(primary_key=True))
    unit: str = Field(sa_column=_text())
    node: str = Field(sa_column=_text())
    cell: str = Field(sa_column=_text())
    occurrence: int
    opened_as: str = Field(sa_column=_text())
    kind: str = Field(sa_column=_text())
    opened_at: dt.datetime = Field(sa_column=_moment())
    opened_cause: str = Field(sa_column=_text())
    revision: int
    breaches: int
    evidence: str = Field(sa_column=Column(Text, nullable=False))
    ended_at: dt.datetime | None = Field(sa_column=_moment(nullable=True))
    end_reason: str | None = Field(sa_column=_text(nullable=True))
    end_cause: str | None = Field(sa_column=_text(nullable=True))
    openings: list[dt.datetime] = Field(
        sa_column=Column(ARRAY(DateTime(timezone=True)), nullable=False, server_default=sql("'{}'"))
    )
    flapping: bool = Field(sa_column=Column(Boolean, nullable=False, server_default=sql("false")))


class TurnRow(NotifierTable, table=True):
    """The one row that whoever decides about alerts holds, with the token of this turn and of the one before.

    `silence_changes` counts how often silences were added or ended: whoever remembers them reads them anew then.
    """

    __tablename__ = "turn"

    id: int = Field(sa_column=Column(Integer, primary_key=True, autoincrement=False))
    token: str = Field(sa_column=_text())
    previous: str | None = Field(sa_column=_text(nullable=True))
    silence_changes: int = Field(sa_column=Column(BigInteger, nullable=False, server_default=sql("0")))


class NodeMarkRow(NotifierTable, table=True):
    """The newest change applied to a chỉ tiêu of a unit: older ones that come late are recognised by it."""

    __tablename__ = "node_mark"
    __table_args__ = ({"postgresql_with": {"fillfactor": "80"}},)

    unit: str = Field(sa_column=_text(primary_key=True))
    node: str = Field(sa_column=_text(primary_key=True))
    status: str = Field(sa_column=_text())
    reason: str = Field(sa_column=_text())
    sequence: int = Field(sa_column=Column(BigInteger, nullable=False))
    occurred_at: dt.datetime = Field(sa_column=_moment())


class RollupChangeRow(NotifierTable, table=True):
    """A change of a tiêu chí or of the health part of a standard, kept for the messages about what caused it."""

    __tablename__ = "rollup_change"

    unit: str = Field(sa_column=_text(primary_key=True))
    occurred_at: dt.datetime = Field(sa_column=_moment(primary_key=True))
    node: str = Field(sa_column=_text(primary_key=True))
    sequence: int = Field(sa_column=Column(BigInteger, primary_key=True, autoincrement=False))
    node_kind: str = Field(sa_column=_text())
    from_status: str = Field(sa_column=_text())
    to_status: str = Field(sa_column=_text())
    to_reason: str = Field(sa_column=_text())
    cause: str = Field(sa_column=_text())


class LedgerRow(NotifierTable, table=True):
    """One notification: who is told what, in which role, by which clauses, where, and what became of it.

    `own_due_at` is when it would have been due, had no silence begun while it waited.
    """

    __tablename__ = "ledger"
    __table_args__ = (
        # Begins with the alert, so that it also finds what was told of one.
        UniqueConstraint(
            *("alert_id", "subject", "kind", "responsible_unit", "role", "channel", "address"),
            name="ledger_once",
            postgresql_nulls_not_distinct=True,
        ),
        Index("ledger_waiting", "due_at", postgresql_where=sql("status = 'waiting'")),
        Index("ledger_waiting_place", "address", "due_at", postgresql_where=sql("status = 'waiting'")),
        Index("ledger_delivery_id", "delivery_id", postgresql_where=sql("delivery_id IS NOT NULL")),
    )

    id: int = Field(sa_column=Column(BigInteger, Identity(always=True), primary_key=True))
    subject: str = Field(sa_column=_text())
    kind: str = Field(sa_column=_text())
    alert_id: str | None = Field(sa_column=_text(nullable=True))
    unit: str = Field(sa_column=_text())
    node: str = Field(sa_column=_text())
    cell: str = Field(sa_column=_text())
    as_of: dt.date = Field(sa_column=Column(Date, nullable=False))
    cause: str = Field(sa_column=_text())
    sequence: int = Field(sa_column=Column(BigInteger, nullable=False))
    responsible_unit: str = Field(sa_column=_text())
    role: str = Field(sa_column=_text())
    channel: str = Field(sa_column=_text())
    address: str = Field(sa_column=_text())
    dispatch: str | None = Field(sa_column=_text(nullable=True))
    clauses: list[str] = Field(sa_column=Column(ARRAY(Text), nullable=False))
    gap_vi: str | None = Field(sa_column=_text(nullable=True))
    no_address_units: list[str] = Field(sa_column=Column(ARRAY(Text), nullable=False))
    status: str = Field(sa_column=_text())
    reason: str | None = Field(sa_column=_text(nullable=True))
    held_for: str | None = Field(sa_column=_text(nullable=True))
    created_at: dt.datetime = Field(sa_column=_written_at())
    due_at: dt.datetime = Field(sa_column=_moment())
    own_due_at: dt.datetime | None = Field(sa_column=_moment(nullable=True))
    delivery_id: str | None = Field(sa_column=_text(nullable=True))
    settled_at: dt.datetime | None = Field(sa_column=_moment(nullable=True))


# Cut to what an index takes.
_LANE = "left(CASE channel WHEN 'mail' THEN lower(split_part(address, '@', 2)) ELSE address END, 255)"


class DeliveryRow(NotifierTable, table=True):
    """One message to one address, as rendered; committed before it is sent.

    `next_attempt_at` is when it may next be claimed: while it is being sent, when its sender counts as dead. `lane` is
    what it shares with others of its channel, of which only some are sent at once: a mail's domain, else the address.
    """

    __tablename__ = "delivery"
    __table_args__ = (
        UniqueConstraint("message_id", name="delivery_message_id"),
        Index(
            "delivery_unfinished",
            "channel",
            "lane",
            "next_attempt_at",
            postgresql_where=sql("status IN ('pending', 'retry', 'sending')"),
        ),
        Index("delivery_newest", "address", "stored_at"),
        Index("delivery_dead", "settled_at", postgresql_where=sql("status = 'dead'")),
    )

    id: str = Field(sa_column=_text(primary_key=True))
    channel: str = Field(sa_column=_text())
    address: str = Field(sa_column=_text())
    lane: str = Field(sa_column=Column(Text, Computed(_LANE, persisted=True), nullable=False))
    message_id: str = Field(sa_column=_text())
    thread: list[str] = Field(sa_column=Column(ARRAY(Text), nullable=False))
    subject: str = Field(sa_column=_text())
    body: str = Field(sa_column=_text())
    payload: str = Field(sa_column=_text())
    html: str = Field(sa_column=Column(Text, nullable=False, server_default=sql("''")))
    report_id: str | None = Field(sa_column=_text(nullable=True))
    created_at: dt.datetime = Field(sa_column=_moment())
    status: str = Field(sa_column=_text())
    attempts: int
    next_attempt_at: dt.datetime = Field(sa_column=_written_at())
    stored_at: dt.datetime = Field(sa_column=_written_at())
    sender: str | None = Field(sa_column=_text(nullable=True))
    server_reply: str | None = Field(sa_column=_text(nullable=True))
    settled_at: dt.datetime | None = Field(sa_column=_moment(nullable=True))
    acknowledged_at: dt.datetime | None = Field(sa_column=_moment(nullable=True))
    acknowledged_by: str | None = Field(sa_column=Column(Text, nullable=True))
