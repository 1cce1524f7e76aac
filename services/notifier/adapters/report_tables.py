"""The table of the consolidated reports, schema `notifier`."""

import datetime as dt

from sqlalchemy import Column, Date, DateTime, LargeBinary, Text, UniqueConstraint, func
from sqlmodel import Field

from services.notifier.adapters.tables import NotifierTable


class ReportRow(NotifierTable, table=True):
    """One consolidated report to one responsible unit of a dispatch, with its workbook, as it was made.

    The id is the subject of its ledger entries. `unit` is a responsible unit of the dispatch. `content` is JSON that
    only the notifier reads. `audit_head` is the newest hash of the audit's chain when it was made.
    """

    __tablename__ = "report"
    __table_args__ = (UniqueConstraint("dispatch", "unit", "period", "period_start", name="report_once"),)

    id: str = Field(sa_column=Column(Text(collation="C"), primary_key=True))
    dispatch: str = Field(sa_column=Column(Text(collation="C"), nullable=False))
    unit: str = Field(sa_column=Column(Text(collation="C"), nullable=False))
    period: str = Field(sa_column=Column(Text(collation="C"), nullable=False))
    period_start: dt.date = Field(sa_column=Column(Date, nullable=False))
    period_end: dt.date = Field(sa_column=Column(Date, nullable=False))
    created_at: dt.datetime = Field(
        sa_column=Column(DateTime(timezone=True), nullable=False, server_default=func.clock_timestamp())
    )
    content: str = Field(sa_column=Column(Text, nullable=False))
    file_name: str = Field(sa_column=Column(Text, nullable=False))
    workbook: bytes = Field(sa_column=Column(LargeBinary, nullable=False, info={"storage": "external"}))
    audit_head: str | None = Field(sa_column=Column(Text(collation="C"), nullable=True))
