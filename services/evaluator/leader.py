"""The life of a writer: stand by until the lease is free, restore, consume and tick while it is held, step down."""

import asyncio

import structlog

from services.evaluator.handlers import Writer
from services.evaluator.metrics import EvaluatorMetrics
from shared.contracts.wire import IndicatorReportedBatch
from shared.runtime.consumer import StreamConsumer
from shared.runtime.database import is_outage
from shared.runtime.lease import Lease

_log = structlog.get_logger(__name__)


class Leader:
    """Makes this process the writer of its partition whenever no other is."""

    def __init__(
        self,
        lease: Lease,
        writer: Writer,
        consumer: StreamConsumer[IndicatorReportedBatch],
        metrics: EvaluatorMetrics,
        tick_seconds: float,
        standby_seconds: float,
    ) -> None:
        self._lease = lease
        self._writer = writer
        self._consumer = consumer
        self._metrics = metrics
        self._tick_seconds = tick_seconds
        self._standby_seconds = standby_seconds
        self.state = "starting"

    async def run(self, stop: asyncio.Event) -> None:
        """Lead whenever possible until `stop` is set."""
        while not stop.is_set():
            try:
                if await self._lease.try_acquire():
                    await self._lead(stop)
                self.state = "standby: another process is the writer"
            except Exception as error:
                if not is_outage(error):
                    raise
                self.state = f"waiting for PostgreSQL: {error}"
                _log.warning("not the writer", reason=str(error) or repr(error))
            await _wait(stop, self._standby_seconds)

    async def _lead(self, stop: asyncio.Event) -> None:
        self.state = "restoring"
        try:
            await self._writer.restore()
            await self._consumer.start()
            self._metrics.is_leader.set(1)
            self.state = "leading"
            _log.info("this process is the writer")
            while not stop.is_set():
                await self._lease.check()
                await self._writer.on_tick()
                await _wait(stop, self._tick_seconds)
        finally:
            self._metrics.is_leader.set(0)
            await self._consumer.stop()
            self._writer.retire()
            await self._lease.release()


async def _wait(stop: asyncio.Event, seconds: float) -> None:
    try:
        async with asyncio.timeout(seconds):
            await stop.wait()
    except TimeoutError:
        pass
