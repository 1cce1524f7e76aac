"""The writer's store on PostgreSQL: every step is one transaction on the connection that holds the lease."""

import datetime as dt
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from services.evaluator.adapters import sql_read, sql_write
from services.evaluator.domain.outcome import Outcome
from services.evaluator.domain.ports import Stored
from shared.catalog.catalog import Catalog
from shared.contracts.streams import VERDICT_CHANGED, partition_stream
from shared.contracts.wire import IndicatorReported, VerdictChangedBatch, encode
from shared.runtime import mailbox
from shared.runtime.lease import Lease
from shared.runtime.publisher import Publisher

_MARK = text(
    "INSERT INTO evaluator.writer_state (partition, as_of, catalog, rules, written_at) "
    "VALUES (:partition, :as_of, :catalog, :rules, :now) ON CONFLICT (partition) DO UPDATE SET "
    "as_of = excluded.as_of, catalog = excluded.catalog, rules = excluded.rules, written_at = excluded.written_at"
)


class SqlStep:
    """One open transaction; see `ports.Step`."""

    def __init__(self, connection: AsyncConnection, partition: int) -> None:
        self._connection = connection
        self._partition = partition
        self.outgoing: list[mailbox.Outgoing] = []

    async def load(self, windowed: Iterable[str]) -> Stored:
        """See `ports.Step.load`."""
        return await sql_read.load(self._connection, self._partition, windowed)

    async def claim(self, message_ids: Sequence[str]) -> frozenset[str]:
        """See `ports.Step.claim`."""
        return await mailbox.claim(self._connection, message_ids)

    async def histories(self, wanted: Iterable[tuple[str, str, str]]) -> Sequence[IndicatorReported]:
        """See `ports.Step.histories`."""
        return await sql_read.histories(self._connection, wanted)

    async def save(self, outcome: Outcome) -> None:
        """See `ports.Step.save`."""
        await sql_write.save(self._connection, outcome)

    async def send(self, messages: Sequence[VerdictChangedBatch]) -> None:
        """See `ports.Step.send`."""
        stream = partition_stream(VERDICT_CHANGED, self._partition)
        outgoing = [mailbox.Outgoing(stream, message.message_id, encode(message)) for message in messages]
        await mailbox.put(self._connection, outgoing)
        self.outgoing.extend(outgoing)

    async def mark(self, as_of: dt.date, catalog: Catalog, now: dt.datetime) -> None:
        """See `ports.Step.mark`."""
        digests = {"catalog": catalog.digest, "rules": catalog.rules_digest}
        await self._connection.execute(_MARK, {"partition": self._partition, "as_of": as_of, "now": now} | digests)


class SqlVerdictStore:
    """The store of one partition, fenced by its lease; publishes what a step sent once it is committed."""

    def __init__(self, lease: Lease, publisher: Publisher, partition: int) -> None:
        self._lease = lease
        self._publisher = publisher
        self._partition = partition

    @asynccontextmanager
    async def step(self) -> AsyncIterator[SqlStep]:
        """See `ports.VerdictStore.step`."""
        async with self._lease.begin() as connection:
            step = SqlStep(connection, self._partition)
            yield step
        await self._publisher.publish(step.outgoing)
