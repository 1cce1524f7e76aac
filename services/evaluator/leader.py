"""The life of a writer: stand by until the lease is free, restore, consume and tick while it is held, step down."""

import asyncio
import gc

import structlog

from services.evaluator.handlers import Writer
from services.evaluator.metrics import EvaluatorMetrics
from shared.contracts.wire import IndicatorReportedBatch
from shared.runtime.consumer import StreamConsumer
from shared.runtime.database import is_outage
from shared.runtime.lease import Lease

_log = structlog.get_logger(__name__)


class Share:
    """How many partitions this process leads. The more it has, the longer it leaves a free one to others."""

    def __init__(self, standby_seconds: float, partitions: int, most: int | None = None) -> None:
        # Of many partitions each is waited for less, so that one process alone has them all in good time.
        self._patience = standby_seconds * min(1.0, 4 / partitions)
        self._most = most
        self._turn = asyncio.Lock()
        self.led = 0

    async def try_acquire(self, lease: Lease, stop: asyncio.Event) -> bool:
        """Try to take a lease when it is this process's turn to; one of its partitions at a time."""
        async with self._turn:
            if self._most is not None and self.led >= self._most:
                return False
            await wait(stop, self._patience * self.led)
            if stop.is_set() or not await lease.try_acquire():
                return False
            self.led += 1
            return True


class Leader:
    """Makes this process the writer of a partition whenever no other is."""

    def __init__(
        self,
        lease: Lease,
        share: Share,
        writer: Writer,
        consumer: StreamConsumer[IndicatorReportedBatch],
        metrics: EvaluatorMetrics,
        tick_seconds: float,
        standby_seconds: float,
    ) -> None:
        self._lease = lease
        self._share = share
        self._writer = writer
        self._consumer = consumer
        self._is_leader = metrics.is_leader.labels(str(writer.partition.number))
        self._tick_seconds = tick_seconds
        self._standby_seconds = standby_seconds
        self.state = "starting"

    async def run(self, stop: asyncio.Event) -> None:
        """Lead whenever possible until `stop` is set."""
        while not stop.is_set():
            try:
                if await self._share.try_acquire(self._lease, stop):
                    try:
                        await self._lead(stop)
                    finally:
                        self._share.led -= 1
                self.state = "standby: another process is the writer"
            except Exception as error:
                if not is_outage(error):
                    raise
                self.state = f"waiting: {error}"
                _log.warning(
                    "not the writer", partition=self._writer.partition.number, reason=str(error) or repr(error)
                )
            await wait(stop, self._standby_seconds)

    async def _lead(self, stop: asyncio.Event) -> None:
        self.state = "restoring"
        try:
            await self._writer.restore()
            gc.collect()
            gc.freeze()  # the engine stays: looking for cycles in it again and again finds none
            await self._consumer.start()
            self._is_leader.set(1)
            self.state = "leading"
            _log.info("this process is the writer", partition=self._writer.partition.number)
            while not stop.is_set():
                await self._lease.check()
                await self._writer.on_tick()
                await self._writer.catch_up()
                await wait(stop, self._tick_seconds)
        finally:
            self._is_leader.set(0)
            await self._consumer.stop()
            await self._settle()
            self._writer.retire()
            await self._lease.release()

    async def _settle(self) -> None:
        """Leave no facts behind; should PostgreSQL be away, the kept messages still hold them."""
        try:
            await self._writer.settle()
        except Exception as error:
            if not is_outage(error):
                raise
            _log.warning("facts are left to the next writer", reason=str(error) or repr(error))


async def wait(stop: asyncio.Event, seconds: float) -> None:
    """Return after a time, or as soon as `stop` is set."""
    try:
        async with asyncio.timeout(seconds):
            await stop.wait()
    except TimeoutError:
        pass
