"""Alerts as they stand at this moment, page by page: open, acknowledged, silenced or ended, flapping or not."""

import datetime as dt
from collections.abc import Collection
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import msgspec
from sqlalchemy import RowMapping, text
from sqlalchemy.ext.asyncio import AsyncEngine

from services.notifier.adapters.alert_rows import alert_of
from services.notifier.adapters.copying import ALERT_COLUMNS
from services.notifier.domain.alerts import Alert
from shared.contracts.vocabulary import AlertKind


class AlertState(StrEnum):
    """How an alert stands: what is silenced shows that first, whether it is acknowledged or not."""

    OPEN = "open"
    ACKNOWLEDGED = "acknowledged"
    SILENCED = "silenced"
    ENDED = "ended"


STANDING = (AlertState.OPEN, AlertState.ACKNOWLEDGED, AlertState.SILENCED)


class Hush(msgspec.Struct, frozen=True):
    """A silence that covers an alert now; `responsible_units` are those to whom alone it holds news back, None: all."""

    id: str
    author: str
    reason: str
    ends_at: dt.datetime
    responsible_units: tuple[str, ...] | None = None


@dataclass(frozen=True, slots=True)
class AlertView:
    """An alert with its state, the silences that cover it, and its acknowledgement, if it has one that lasts."""

    alert: Alert
    state: AlertState
    silences: tuple[Hush, ...]
    acknowledged_at: dt.datetime | None
    acknowledged_by: str | None
    acknowledged_until: dt.datetime | None


@dataclass(frozen=True, slots=True)
class AlertFilter:
    """Which alerts are asked for; None stands for any. `responsible_units` are told of the alert, or would be."""

    states: Collection[AlertState] = STANDING
    units: Collection[str] | None = None
    nodes: Collection[str] | None = None
    kinds: Collection[AlertKind] | None = None
    responsible_units: Collection[str] | None = None


_COLUMNS = ", ".join(f"a.{name}" for name in ALERT_COLUMNS)

_TOLD_TO = """EXISTS (SELECT FROM notifier.ledger AS l
                       WHERE l.alert_id = a.id AND l.responsible_unit = ANY ({units}))"""

_PAGE = f"""
SELECT v.* FROM (
    SELECT {_COLUMNS}, c.acknowledged_at, c.acknowledged_by, c.acknowledged_until, s.silences,
           CASE WHEN a.ended_at IS NOT NULL THEN 'ended' WHEN s.silences IS NOT NULL THEN 'silenced'
                WHEN c.alert_id IS NOT NULL THEN 'acknowledged' ELSE 'open' END AS state
      FROM notifier.alert AS a
      LEFT JOIN notifier.course AS c ON c.alert_id = a.id AND c.state = 'acknowledged'
      LEFT JOIN LATERAL (
           SELECT CAST(json_agg(json_build_object(
                       'id', s.id, 'author', s.author, 'reason', s.reason, 'ends_at', s.ends_at,
                       'responsible_units', s.responsible_units) ORDER BY s.ends_at) AS text)
             FROM notifier.silence AS s
            WHERE s.ended_at IS NULL AND s.starts_at <= :now AND s.ends_at > :now AND a.ended_at IS NULL
              AND (s.units IS NULL OR a.unit = ANY (s.units)) AND (s.nodes IS NULL OR a.node = ANY (s.nodes))
              AND (s.responsible_units IS NULL OR {_TOLD_TO.format(units="s.responsible_units")})
           ) AS s (silences) ON true
     WHERE (CAST(:after AS text) IS NULL OR a.id > :after) AND (CAST(:id AS text) IS NULL OR a.id = :id)
       AND (:with_ended OR a.ended_at IS NULL)
       AND (CAST(:units AS text[]) IS NULL OR a.unit = ANY (CAST(:units AS text[])))
       AND (CAST(:nodes AS text[]) IS NULL OR a.node = ANY (CAST(:nodes AS text[])))
       AND (CAST(:kinds AS text[]) IS NULL OR a.kind = ANY (CAST(:kinds AS text[])))
       AND (CAST(:responsible AS text[]) IS NULL OR {_TOLD_TO.format(units="CAST(:responsible AS text[])")})
     ) AS v
 WHERE v.state = ANY (CAST(:states AS text[]))
 ORDER BY v.id LIMIT :limit
"""


_decode_hushes = msgspec.json.Decoder(tuple[Hush, ...]).decode


async def alert_page(
    engine: AsyncEngine, asked: AlertFilter, now: dt.datetime, *, after: str | None = None, limit: int = 100
) -> list[AlertView]:
    """Return up to `limit` alerts in the order of their ids, those behind the id `after`, as they stand at `now`."""
    return await _views(
        engine,
        now,
        after=after,
        id=None,
        states=sorted(asked.states),
        with_ended=AlertState.ENDED in asked.states,
        units=_sorted(asked.units),
        nodes=_sorted(asked.nodes),
        kinds=_sorted(asked.kinds),
        responsible=_sorted(asked.responsible_units),
        limit=limit,
    )


async def alert_with(engine: AsyncEngine, alert_id: str, now: dt.datetime) -> AlertView | None:
    """Return one alert as it stands at `now`, or None when there is none with this id."""
    nothing: dict[str, Any] = dict.fromkeys(("after", "units", "nodes", "kinds", "responsible"))
    found = await _views(engine, now, id=alert_id, states=sorted(AlertState), with_ended=True, limit=1, **nothing)
    return found[0] if found else None


async def _views(engine: AsyncEngine, now: dt.datetime, **asked: Any) -> list[AlertView]:
    async with engine.connect() as connection:
        rows = (await connection.execute(text(_PAGE), {"now": now, **asked})).mappings().all()
    return [_view(row) for row in rows]


def _view(row: RowMapping) -> AlertView:
    return AlertView(
        alert=alert_of(row),
        state=AlertState(row["state"]),
        silences=_decode_hushes(row["silences"] or "[]"),
        acknowledged_at=row["acknowledged_at"],
        acknowledged_by=row["acknowledged_by"],
        acknowledged_until=row["acknowledged_until"],
    )


def _sorted(values: Collection[str] | None) -> list[str] | None:
    return None if values is None else sorted(values)
