"""The two messages of the product, as frozen pydantic models: the authority for schema, golden files and AsyncAPI.

Fields are only ever added, optional and with a default; anything else is a new version and a new stream.
`shared/contracts/wire.py` holds the same shapes for the hot path; a contract test keeps the two equal.
"""

import datetime as dt
from typing import Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict

from shared.contracts.vocabulary import (
    Cause,
    ChangeKind,
    NodeKind,
    Part,
    Stage,
    VerdictReason,
    VerdictStatus,
)


class Message(BaseModel):
    """Base of all messages: frozen; unknown fields are ignored so that an older consumer survives a newer producer."""

    model_config = ConfigDict(frozen=True, extra="ignore")


class IndicatorReported(Message):
    """One normalized report of one cell of one indicator of one unit in one period.

    `seq` is the journal id; (`observed_at`, `seq`) orders reports of the same fact. `unit` is the catalog's id of the
    administrative unit, already resolved from code and date. `cell` is a sex, a sector, or "" when there is none.
    `numerator` and `denominator` count people, households or establishments; `value` is a percentage, 0/1, or a count
    of events, as the indicator's definition says. A deleted report voids its part of the fact.
    """

    seq: int
    event_id: str
    source: str
    unit: str
    indicator: str
    cell: str = ""
    period_start: dt.date
    period_end: dt.date
    observed_at: AwareDatetime
    part: Part = Part.MEASURE
    numerator: int | None = None
    denominator: int | None = None
    value: float | None = None
    deleted: bool = False
    stage: Stage | None = None
    valid_until: dt.date | None = None


class IndicatorReportedBatch(Message):
    """Up to 500 normalized reports, in journal order."""

    schema_version: Literal[1] = 1
    message_id: str
    partition: int = 0
    events: tuple[IndicatorReported, ...]


class CellFinding(Message):
    """Measure and verdict of one cell (a sex, a sector, or "" for the whole) of a chỉ tiêu.

    `gap` is how many people, households or establishments are missing to the target (for a ceiling: how many too many);
    None when it cannot be counted. `before` is the percentage before this change, of the cell or, where the rule adds
    the cells up, of their sum: only for cells that the change moved, of indicators with a policy on risk, else None.
    """

    cell: str
    status: VerdictStatus
    reason: VerdictReason
    numerator: int | None = None
    denominator: int | None = None
    value: float | None = None
    gap: int | None = None
    before: float | None = None


class VerdictChanged(Message):
    """One change of one verdict of one unit, or new evidence for a verdict that stays not met, or met near its target.

    `node` is "standard/code" for a chỉ tiêu or tiêu chí and "standard" for the health part of a standard.
    `threshold` is in percent for rates and a count for events. `cells` are those of a chỉ tiêu, empty otherwise.
    `sequence` is the transition's id, 0 for evidence. `catalog` is the digest of the catalog that judged.
    """

    sequence: int
    kind: ChangeKind
    unit: str
    node: str
    node_kind: NodeKind
    from_status: VerdictStatus
    to_status: VerdictStatus
    from_reason: VerdictReason
    to_reason: VerdictReason
    cause: Cause
    ruleset: str
    catalog: str
    occurred_at: AwareDatetime
    as_of: dt.date
    event_ids: tuple[str, ...] = ()
    observed_at: AwareDatetime | None = None
    period_start: dt.date | None = None
    period_end: dt.date | None = None
    operator: str | None = None
    threshold: float | None = None
    cells: tuple[CellFinding, ...] = ()


class VerdictChangedBatch(Message):
    """Up to 500 changes, in the order in which they were decided."""

    schema_version: Literal[1] = 1
    message_id: str
    partition: int = 0
    changes: tuple[VerdictChanged, ...]
