"""Lines of the audit into PostgreSQL: by COPY where there are many, by one statement where there are few."""

from collections.abc import Sequence

import asyncpg
import msgspec
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from services.notifier.adapters import copying
from services.notifier.domain.audit import AuditLine
from shared.runtime.copying import pieces

COLUMNS = ("kind", "alert_id", "delivery_id", "actor", "details")

_INSERT = text("""
INSERT INTO notifier.audit (kind, alert_id, delivery_id, actor, details)
SELECT r.kind, r.alert_id, r.delivery_id, r.actor, r.details
  FROM ROWS FROM (jsonb_to_recordset(CAST(:rows AS jsonb)) AS (
       kind text, alert_id text, delivery_id text, actor text, details text)) WITH ORDINALITY
       AS r (kind, alert_id, delivery_id, actor, details, place)
 WHERE NOT CAST(:unless_there AS boolean) OR r.alert_id IS NULL OR NOT EXISTS (
       SELECT FROM notifier.audit AS a
        WHERE a.alert_id = r.alert_id AND a.kind = r.kind
          AND CAST(a.details AS jsonb) -> 'subject' IS NOT DISTINCT FROM CAST(r.details AS jsonb) -> 'subject'
          AND CAST(a.details AS jsonb) -> 'notice' IS NOT DISTINCT FROM CAST(r.details AS jsonb) -> 'notice')
 ORDER BY r.place
""")
# In what people type; a line break would end the line, the others are not shown by anything.
_CONTROLS = dict.fromkeys((*range(0x20), *range(0x7F, 0xA0)), " ")
_encode = msgspec.json.Encoder().encode


async def insert_lines(connection: AsyncConnection, lines: Sequence[AuditLine], *, unless_there: bool = False) -> None:
    """Write a few lines in the running transaction, in their order.

    With `unless_there` a routing that was written down before is not written again: same alert, subject and notice.
    """
    if lines:
        rows = [
            {
                "kind": line.kind,
                "alert_id": line.alert_id,
                "delivery_id": line.delivery_id,
                "actor": line.actor.translate(_CONTROLS),
                "details": line.details,
            }
            for line in lines
        ]
        await connection.execute(_INSERT, {"rows": _encode(rows).decode(), "unless_there": unless_there})


async def copy_lines(driver: "asyncpg.Connection[asyncpg.Record]", lines: Sequence[AuditLine]) -> None:
    """Write any number of lines in the running transaction, in their order."""
    if lines:
        await driver.copy_to_table(
            "audit",
            schema_name="notifier",
            columns=COLUMNS,
            source=pieces([copying.escaped(map(_copied, lines))]),
            delimiter=copying.DELIMITER,
            null=copying.NULL,
        )


def _copied(line: AuditLine) -> str:
    return copying.DELIMITER.join(
        (
            line.kind,
            line.alert_id or copying.NULL,
            line.delivery_id or copying.NULL,
            line.actor if line.actor == "datchuan" else line.actor.translate(_CONTROLS),
            line.details,
        )
    )
