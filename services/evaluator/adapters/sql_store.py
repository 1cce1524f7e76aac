"""The writer's store on PostgreSQL: every step is one transaction on the connection that holds the lease."""

import datetime as dt
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from services.evaluator.adapters import drafting, sql_facts, sql_read, sql_write
from services.evaluator.adapters.layout import refuse_other_layout
from services.evaluator.domain.behind import Chunk
from services.evaluator.domain.outcome import Outcome
from services.evaluator.domain.partition import Partition
from services.evaluator.domain.ports import Draft, Stored
from shared.catalog.catalog import Catalog
from shared.contracts.streams import VERDICT_CHANGED, partition_stream
from shared.contracts.wire import IndicatorReported
from shared.runtime import mailbox
from shared.runtime.faults import fault_point
from shared.runtime.lease import Lease
from shared.runtime.publisher import Publisher

_MARK = text(
    "INSERT INTO evaluator.writer_state (partition, partitions, as_of, catalog, rules, written_at) "
    "VALUES (:partition, :partitions, :as_of, :catalog, :rules, :now) ON CONFLICT (partition) DO UPDATE SET "
    "partitions = excluded.partitions, as_of = excluded.as_of, catalog = excluded.catalog, rules = excluded.rules, "
    "written_at = excluded.written_at"
)
# What is left of a larger number of partitions: their units have moved, nobody counts there any more.
_DROP_ROLLUPS = text("DELETE FROM evaluator.rollup WHERE partition >= :partitions")
_DROP_STATES = text("DELETE FROM evaluator.writer_state WHERE partition >= :partitions")


class SqlStep:
    """One open transaction; see `ports.Step`."""

    def __init__(self, connection: AsyncConnection, partition: Partition) -> None:
        self._connection = connection
        self._partition = partition
        self.outgoing: list[mailbox.Outgoing] = []

    async def load(self, units: Sequence[str], windowed: Iterable[str]) -> Stored:
        """See `ports.Step.load`."""
        await refuse_other_layout(self._connection, self._partition)
        return await sql_read.load(self._connection, self._partition, units, windowed)

    async def claim(self, message_ids: Sequence[str]) -> frozenset[str]:
        """See `ports.Step.claim`."""
        return await mailbox.claim_and_keep(self._connection, message_ids)

    async def histories(self, wanted: Iterable[tuple[str, str, str]]) -> Sequence[IndicatorReported]:
        """See `ports.Step.histories`."""
        return await sql_read.histories(self._connection, wanted)

    async def write(self, draft: Draft, claiming: Sequence[str] = ()) -> frozenset[str]:
        """See `ports.Step.write`."""
        stream = partition_stream(VERDICT_CHANGED, self._partition.number)
        outgoing = [mailbox.Outgoing(stream, message_id, payload) for message_id, payload in draft.messages]
        self.outgoing.extend(outgoing)
        return await sql_write.write(self._connection, draft, self._partition.number, outgoing, claiming)

    async def write_behind(self, chunk: Chunk) -> None:
        """See `ports.Step.write_behind`."""
        await sql_facts.write(self._connection, chunk.pages)
        await mailbox.forget(self._connection, chunk.messages)

    async def merge_pages(self, units: Sequence[str]) -> None:
        """See `ports.Step.merge_pages`."""
        await sql_facts.merge(self._connection, units)

    async def mark(self, as_of: dt.date, catalog: Catalog, now: dt.datetime) -> None:
        """See `ports.Step.mark`."""
        layout = {"partition": self._partition.number, "partitions": self._partition.of}
        digests = {"catalog": catalog.digest, "rules": catalog.rules_digest}
        await self._connection.execute(_MARK, layout | digests | {"as_of": as_of, "now": now})
        for drop in (_DROP_ROLLUPS, _DROP_STATES):
            await self._connection.execute(drop, {"partitions": self._partition.of})


class SqlVerdictStore:
    """The store of one partition, fenced by its lease; publishes what a step sent once it is committed."""

    def __init__(self, lease: Lease, publisher: Publisher, partition: Partition) -> None:
        self._lease = lease
        self._publisher = publisher
        self._partition = partition

    def draft(self, outcome: Outcome) -> Draft:
        """See `ports.VerdictStore.draft`."""
        return drafting.draft_of(outcome, self._partition.number)

    @asynccontextmanager
    async def step(self) -> AsyncIterator[SqlStep]:
        """See `ports.VerdictStore.step`."""
        async with self._lease.begin() as connection:
            step = SqlStep(connection, self._partition)
            yield step
        if not step.outgoing:
            return
        fault_point("evaluator.after_commit")
        await self._publisher.publish(step.outgoing)
