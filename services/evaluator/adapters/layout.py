"""The layout: how many partitions there are. It changes only while no message of another one is left."""

from collections.abc import Iterable

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from services.evaluator.domain.partition import Partition
from shared.contracts.streams import INDICATOR_REPORTED, VERDICT_CHANGED, partition_of, partition_stream
from shared.contracts.wire import decode_indicator_reported, decode_verdict_changed
from shared.runtime.errors import OtherLayoutError

_OTHER_LAYOUT = text("SELECT max(partitions) FROM evaluator.writer_state WHERE partitions <> :of")
_MESSAGES = text("SELECT stream, payload FROM messaging.mailbox WHERE stream LIKE :stream")


async def refuse_other_layout(connection: AsyncConnection, partition: Partition) -> None:
    """Raise OtherLayoutError when the last writers had another number of partitions and left messages dealt by it.

    Those for the notifier count as well: nobody would read a stream that is no more, and on another one a unit's news
    could overtake each other.
    """
    other = await connection.scalar(_OTHER_LAYOUT, {"of": partition.of})
    if other is None:
        return
    for row in await connection.execute(_MESSAGES, {"stream": f"{INDICATOR_REPORTED}.p%"}):
        reports = decode_indicator_reported(row.payload).events
        _refuse_misplaced(INDICATOR_REPORTED, row.stream, (report.unit for report in reports), partition.of, other)
    for row in await connection.execute(_MESSAGES, {"stream": f"{VERDICT_CHANGED}.p%"}):
        changes = decode_verdict_changed(row.payload).changes
        _refuse_misplaced(VERDICT_CHANGED, row.stream, (change.unit for change in changes), partition.of, other)


def _refuse_misplaced(name: str, stream: str, units: Iterable[str], of: int, other: int) -> None:
    if any(stream != partition_stream(name, partition_of(unit, of)) for unit in units):
        raise OtherLayoutError(
            f"Messages dealt to {other} partitions are left, DATCHUAN_PARTITIONS is {of}: run all services with "
            f"{other} until the mailbox is empty, stop them all, then start with {of}."
        )
