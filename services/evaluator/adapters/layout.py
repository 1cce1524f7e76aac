"""The layout: how many partitions there are. It changes only while no message of another one is left."""

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from services.evaluator.domain.partition import Partition
from shared.contracts.streams import INDICATOR_REPORTED, partition_of, partition_stream
from shared.contracts.wire import decode_indicator_reported
from shared.runtime.errors import OtherLayoutError

_OTHER_LAYOUT = text("SELECT max(partitions) FROM evaluator.writer_state WHERE partitions <> :of")
_MESSAGES = text("SELECT stream, payload FROM messaging.mailbox WHERE stream LIKE :stream")


async def refuse_other_layout(connection: AsyncConnection, partition: Partition) -> None:
    """Raise OtherLayoutError when the last writers had another number of partitions and left messages dealt by it."""
    other = await connection.scalar(_OTHER_LAYOUT, {"of": partition.of})
    if other is None:
        return
    for row in await connection.execute(_MESSAGES, {"stream": f"{INDICATOR_REPORTED}.p%"}):
        for report in decode_indicator_reported(row.payload).events:
            if row.stream != partition_stream(INDICATOR_REPORTED, partition_of(report.unit, partition.of)):
                raise OtherLayoutError(
                    f"Messages dealt to {other} partitions are left, DATCHUAN_PARTITIONS is {partition.of}: run all "
                    f"services with {other} until the mailbox is empty, stop them all, then start with {partition.of}."
                )
