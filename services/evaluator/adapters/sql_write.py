"""Set-based writes of the evaluator: one statement a table and batch, sorted by key, never a row at a time."""

import datetime as dt
from collections.abc import Mapping, Sequence

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from services.evaluator.adapters.copying import copy_in
from services.evaluator.adapters.drafting import NULL, TRANSITION_COLUMNS
from services.evaluator.domain.outcome import StoredVerdict
from services.evaluator.domain.ports import Draft
from shared.contracts.vocabulary import VerdictStatus
from shared.runtime import mailbox

_VERDICT_COLUMNS = {
    "unit": "text",
    "node": "text",
    "status": "text",
    "reason": "text",
    "cells": "text",
    "since": "timestamptz",
    "ruleset": "text",
    "transition": "bigint",
}
_ROLLUP_COLUMNS = {"partition": "integer", "unit": "text", "standard": "text", "total": "integer"} | dict.fromkeys(
    VerdictStatus, "integer"
)


# Between the values of a column, which travels as one text: asyncpg takes microseconds for each element of an array.
# No text of ours holds control characters.
_SEPARATOR, _NONE = "\x1f", "\x1e"


def _unnest(table: str, columns: Mapping[str, str]) -> str:
    """Return the arrays of the columns. Each text begins with a separator: so nothing and one empty value differ."""
    split = "(string_to_array(CAST(:{} AS text), E'\\x1f', E'\\x1e'))[2:]"
    return ", ".join(f"CAST({split.format(f'{table}_{name}')} AS {kind}[])" for name, kind in columns.items())


_SAVE_VERDICTS = (
    f"INSERT INTO evaluator.verdict AS known ({', '.join(_VERDICT_COLUMNS)}) "
    f"SELECT * FROM unnest({_unnest('verdict', _VERDICT_COLUMNS)}) ON CONFLICT (unit, node) DO UPDATE SET "
    "status = excluded.status, reason = excluded.reason, cells = excluded.cells, ruleset = excluded.ruleset, "
    "since = CASE WHEN known.status = excluded.status THEN known.since ELSE excluded.since END, "
    "transition = greatest(known.transition, excluded.transition)"
)
_SAVE_ROLLUPS = (
    f"INSERT INTO evaluator.rollup ({', '.join(_ROLLUP_COLUMNS)}) "
    f"SELECT * FROM unnest({_unnest('rollup', _ROLLUP_COLUMNS)}) ON CONFLICT (partition, unit, standard) DO UPDATE SET "
    + ", ".join(f"{name} = excluded.{name}" for name in ("total", *VerdictStatus))
)
# One round trip for everything but the transitions, of which COPY takes many more in a second.
_WRITE = text(
    f"WITH claimed AS ({mailbox.CLAIM_AND_KEEP}), judged AS ({_SAVE_VERDICTS}), counted AS ({_SAVE_ROLLUPS}), "
    f"told AS ({mailbox.PUT}) SELECT message_id FROM claimed"
)


async def write(
    connection: AsyncConnection,
    draft: Draft,
    partition: int,
    outgoing: Sequence[mailbox.Outgoing],
    claiming: Sequence[str],
) -> frozenset[str]:
    """Claim messages and write a draft inside the caller's transaction; return the ids that could be claimed."""
    rows = await connection.execute(
        _WRITE,
        {
            "claimed": sorted(claiming),
            **_of("verdict", _verdict_rows(draft.verdicts)),
            **_of("rollup", _rollup_rows(draft.rollups, partition)),
            **mailbox.put_parameters(outgoing),
        },
    )
    if draft.transitions:
        await copy_in(connection, "transition", TRANSITION_COLUMNS, draft.transitions, schema="evaluator", null=NULL)
    return frozenset(rows.scalars())


def _of(table: str, rows: Mapping[str, list[str]]) -> dict[str, str]:
    """Return the parameters of `_unnest`."""
    return {f"{table}_{name}": _SEPARATOR.join(["", *values]) for name, values in rows.items()}


def _verdict_rows(verdicts: Mapping[tuple[str, str], StoredVerdict]) -> dict[str, list[str]]:
    ordered = sorted(verdicts)
    stored = [verdicts[key] for key in ordered]
    return {
        "unit": [unit for unit, _ in ordered],
        "node": [node for _, node in ordered],
        "status": [v.finding.status for v in stored],
        "reason": [v.finding.reason for v in stored],
        "cells": [",".join(v.finding.cells) if v.finding.cells else _NONE for v in stored],
        "since": _moments([v.since for v in stored]),
        "ruleset": [v.ruleset for v in stored],
        "transition": [str(v.transition) for v in stored],
    }


def _moments(moments: list[dt.datetime]) -> list[str]:
    """Return moments as texts, each said once: nearly all are one object, the moment of the step."""
    one_each = {id(moment): moment for moment in moments}
    said = {key: moment.isoformat() for key, moment in one_each.items()}
    return [said[id(moment)] for moment in moments]


def _rollup_rows(
    rollups: Mapping[tuple[str, str], Mapping[VerdictStatus, int]], partition: int
) -> dict[str, list[str]]:
    ordered = sorted(rollups)
    rows = {
        "partition": [str(partition)] * len(ordered),
        "unit": [unit for unit, _ in ordered],
        "standard": [standard for _, standard in ordered],
        "total": [str(sum(rollups[key].values())) for key in ordered],
    }
    for status in VerdictStatus:
        rows[status.value] = [str(rollups[key][status]) for key in ordered]
    return rows
