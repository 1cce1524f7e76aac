"""The table of silences, schema `notifier`."""

import datetime as dt

from sqlalchemy import Column, DateTime, Index, Text
from sqlalchemy import text as sql
from sqlalchemy.dialects.postgresql import ARRAY
from sqlmodel import Field

from services.notifier.adapters.tables import NotifierTable


class SilenceRow(NotifierTable, table=True):
    """A silence; it holds from `starts_at` until `ends_at`, or until it is ended. Null stands for all.

    `roots` are the units that were named, `units` these with all below them as the catalog had them then.
    At `began_at`, `starts_at` or a moment later, it took hold of what waited already.
    """

    __tablename__ = "silence"
    __table_args__ = (Index("silence_active", "ends_at", postgresql_where=sql("ended_at IS NULL")),)

    id: str = Field(sa_column=Column(Text(collation="C"), primary_key=True))
    roots: list[str] | None = Field(sa_column=Column(ARRAY(Text), nullable=True))
    units: list[str] | None = Field(sa_column=Column(ARRAY(Text), nullable=True))
    nodes: list[str] | None = Field(sa_column=Column(ARRAY(Text), nullable=True))
    responsible_units: list[str] | None = Field(sa_column=Column(ARRAY(Text), nullable=True))
    author: str = Field(sa_column=Column(Text, nullable=False))
    reason: str = Field(sa_column=Column(Text, nullable=False))
    created_at: dt.datetime = Field(sa_column=Column(DateTime(timezone=True), nullable=False))
    began_at: dt.datetime | None = Field(sa_column=Column(DateTime(timezone=True), nullable=True))
    starts_at: dt.datetime = Field(sa_column=Column(DateTime(timezone=True), nullable=False))
    ends_at: dt.datetime = Field(sa_column=Column(DateTime(timezone=True), nullable=False))
    ended_at: dt.datetime | None = Field(sa_column=Column(DateTime(timezone=True), nullable=True))
    ended_by: str | None = Field(sa_column=Column(Text, nullable=True))
    end_reason: str | None = Field(sa_column=Column(Text, nullable=True))
