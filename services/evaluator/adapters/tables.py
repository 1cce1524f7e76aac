"""The tables of the evaluator (schema `evaluator`): facts, verdicts, transitions, roll-ups and the writer's state."""

import datetime as dt
from typing import Any

from sqlalchemy import BigInteger, Column, Date, DateTime, Identity, Index, Integer, MetaData, Text
from sqlalchemy.dialects.postgresql import ARRAY
from sqlmodel import Field, SQLModel

metadata = MetaData(schema="evaluator")


class EvaluatorTable(SQLModel):
    """Base of the evaluator's tables, with a MetaData of their own."""

    metadata = metadata


def _text(*, key: bool = False, nullable: bool = False) -> Any:
    return Field(sa_column=Column(Text, primary_key=key, nullable=nullable))


def _moment(*, nullable: bool = False) -> Any:
    return Field(sa_column=Column(DateTime(timezone=True), nullable=nullable))


class FactPage(EvaluatorTable, table=True):
    """Reports of one unit, each the newest of its fact when the page was written: a JSON array of what messages carry.

    Pages are only appended, and now and then merged. A fact may stand in several; its newest report counts.
    """

    __tablename__ = "fact_page"

    unit: str = _text(key=True)
    id: int = Field(sa_column=Column(BigInteger, Identity(always=True), primary_key=True))
    # Written once and read back rarely: neither parsed nor compressed.
    reports: str = Field(sa_column=Column(Text, nullable=False, info={"storage": "external"}))


class Verdict(EvaluatorTable, table=True):
    """The verdict of one node of one unit as of now.

    `cells` are the cells at fault, joined by commas; NULL is none, and '' is the chỉ tiêu as a whole. `since` is when
    the status began. `transition` is 0 while there never was one.
    """

    unit: str = _text(key=True)
    node: str = _text(key=True)
    status: str = _text()
    reason: str = _text()
    cells: str | None = _text(nullable=True)
    since: dt.datetime = _moment()
    ruleset: str = _text()
    transition: int = Field(default=0, sa_column=Column(BigInteger, nullable=False, server_default="0"))


class Transition(EvaluatorTable, table=True):
    """One change of one verdict, for ever: the audit trail. `before` and `after` are the cells of a chỉ tiêu.

    Ids rise within a unit, whatever partition it belongs to; two partitions may use the same one.
    """

    __table_args__ = (Index("transition_unit_node", "unit", "node", "id"),)

    partition: int = Field(sa_column=Column(Integer, primary_key=True, autoincrement=False))
    id: int = Field(sa_column=Column(BigInteger, primary_key=True, autoincrement=False))
    unit: str = _text()
    node: str = _text()
    node_kind: str = _text()
    from_status: str = _text()
    to_status: str = _text()
    from_reason: str = _text()
    to_reason: str = _text()
    cause: str = _text()
    event_ids: list[str] = Field(sa_column=Column(ARRAY(Text), nullable=False))
    ruleset: str = _text()
    catalog: str = _text()
    occurred_at: dt.datetime = _moment()
    as_of: dt.date = Field(sa_column=Column(Date, nullable=False))
    observed_at: dt.datetime | None = _moment(nullable=True)
    # JSON as it stands in the message: parsing it would cost more than the rest of the row.
    before: str | None = _text(nullable=True)
    after: str | None = _text(nullable=True)


class Rollup(EvaluatorTable, table=True):
    """How many communes of one partition below a unit stand where, for one standard; readers add up the partitions."""

    partition: int = Field(sa_column=Column(Integer, primary_key=True, autoincrement=False))
    unit: str = _text(key=True)
    standard: str = _text(key=True)
    total: int
    met: int
    not_met: int
    not_evaluable: int
    not_applicable: int


class WriterState(EvaluatorTable, table=True):
    """The day and the catalog that the stored verdicts of a partition belong to; `rules` is the part that judges.

    `partitions` is how many there were when it was written.
    """

    __tablename__ = "writer_state"

    partition: int = Field(sa_column=Column(Integer, primary_key=True, autoincrement=False))
    partitions: int
    as_of: dt.date = Field(sa_column=Column(Date, nullable=False))
    catalog: str = _text()
    rules: str = _text()
    written_at: dt.datetime = _moment()
