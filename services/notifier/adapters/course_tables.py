"""The tables of courses (deadlines, reminders, escalation, acknowledgement), schema `notifier`."""

import datetime as dt

from sqlalchemy import Column, DateTime, Index, Text
from sqlalchemy import text as sql
from sqlmodel import Field

from services.notifier.adapters.tables import NotifierTable


def _key(*, primary_key: bool = False) -> "Column[str]":
    return Column(Text(collation="C"), primary_key=primary_key, nullable=False)


def _moment(*, nullable: bool = True) -> "Column[dt.datetime]":
    return Column(DateTime(timezone=True), nullable=nullable)


class CoursePlanRow(NotifierTable, table=True):
    """The deadlines that alerts of one day share: reminders and escalations as JSON, under the hash of all of it.

    A plan is never changed: whatever becomes of policies.yaml, an alert keeps what was fixed when it opened.
    """

    __tablename__ = "course_plan"

    id: str = Field(sa_column=_key(primary_key=True))
    policy: str = Field(sa_column=_key())
    steps: str = Field(sa_column=Column(Text, nullable=False))
    acknowledge_by: dt.datetime | None = Field(sa_column=_moment())
    acknowledged_for: int | None


class CourseRow(NotifierTable, table=True):
    """How far the reminders, the escalation and the acknowledgement of an alert have come, by its plan."""

    __tablename__ = "course"
    __table_args__ = (
        Index("course_due", "next_at", postgresql_where=sql("next_at IS NOT NULL")),
        {"postgresql_with": {"fillfactor": "80"}},
    )

    alert_id: str = Field(sa_column=_key(primary_key=True))
    plan: str = Field(sa_column=_key())
    opened_at: dt.datetime = Field(sa_column=_moment(nullable=False))
    position: int
    next_at: dt.datetime | None = Field(sa_column=_moment())
    state: str = Field(sa_column=_key())
    acknowledged_at: dt.datetime | None = Field(sa_column=_moment())
    acknowledged_by: str | None = Field(sa_column=Column(Text, nullable=True))
    acknowledged_until: dt.datetime | None = Field(sa_column=_moment())
