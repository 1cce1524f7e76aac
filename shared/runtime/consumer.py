"""The consumer: reads a stream through FastStream and mends what its defaults lose or stall."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Generic

import structlog
from faststream import AckPolicy
from faststream.redis import RedisBroker, StreamSub
from faststream.redis.subscriber.usecases import StreamBatchSubscriber
from redis.asyncio import Redis
from sqlalchemy.ext.asyncio import AsyncEngine

from shared.runtime import pending
from shared.runtime.broker import REDIS_ERRORS, client_of
from shared.runtime.delivery import Delivery, MessageType
from shared.runtime.entries import Entry, decode_batch, parse_batch
from shared.runtime.faults import fault_point
from shared.runtime.metrics import RuntimeMetrics
from shared.runtime.observer import StreamObserver
from shared.runtime.tasks import end
from shared.runtime.turns import StoppingError, Turn, Turns

_log = structlog.get_logger(__name__)

_BLOCK_MILLISECONDS = 1_000
_TEND_SECONDS = 0.5
_OBSERVE_SECONDS = 1.0
_FORGET_IDLE_MS = 86_400_000  # names of past processes: each start of a container leaves one behind
_STALLED_OBSERVATIONS = 10


class StreamConsumer(Generic[MessageType]):
    """Gives all good messages of one read to `handle`, in the order of the stream.

    `handle` returns after its commit (and may return how many of its messages were already done). Up to `in_flight`
    reads are in it at once, begun in order, and a read that failed is tried again alone (see `Turn`); the one after
    them is already read and decoded. Delivery is at least once: `mailbox.claim` inside `handle` makes it once.
    An `exclusive` consumer, whose process holds a lease, takes over everything pending as soon as it starts.
    A read that found less than `max_records` is followed by a pause of `pause_seconds`: the next one finds more.
    """

    def __init__(
        self,
        broker: RedisBroker,
        stream: str,
        group: str,
        consumer_name: str,
        decode: Callable[[bytes], MessageType],
        handle: Callable[[Sequence[MessageType]], Awaitable[int | None]],
        engine: AsyncEngine,
        metrics: RuntimeMetrics,
        *,
        max_records: int = 16,
        pause_seconds: float = 0.0,
        in_flight: int = 1,
        reclaim_idle_ms: int = 5_000,
        exclusive: bool = False,
        drain_seconds: float = 15.0,
        trim_seconds: float = 1.0,
    ) -> None:
        self._broker = broker
        self._place = pending.Place(stream, group, consumer_name)
        self._metrics = metrics
        self._max_records = max_records
        self._pause_seconds = pause_seconds
        self._reclaim_idle_ms = reclaim_idle_ms
        self._exclusive = exclusive
        self._drain_seconds = drain_seconds
        self._stopping = asyncio.Event()
        self._in_flight = in_flight
        self._turns = Turns(in_flight, self._stopping)
        self._in_hand: set[bytes] = set()
        self._lost: set[bytes] = set()
        self._deliveries: set[asyncio.Task[None]] = set()
        self._tasks: list[asyncio.Task[None]] = []
        self._server: str | None = None
        self._received = 0
        self._observer = StreamObserver(broker, self._place, metrics, trim_seconds)
        self._delivery = Delivery(
            broker=broker,
            stream=stream,
            group=group,
            decode=decode,
            handle=handle,
            engine=engine,
            metrics=metrics,
            stopping=self._stopping,
        )
        metrics.declare_stream(stream)
        self._subscriber = _subscriber(broker, self._place, max_records)
        self._subscriber(self._read)

    @property
    def running(self) -> bool:
        """Tell whether the stream is being read."""
        return bool(self._tasks) and self._subscriber.running

    @property
    def lag(self) -> int:
        """How many entries of the stream the group had not been given when last asked."""
        return self._observer.lag

    @property
    def caught_up(self) -> bool:
        """Whether everything is handled that stood in the stream when it was first looked at."""
        return self._observer.caught_up

    async def run(self, stop: asyncio.Event) -> None:
        """Consume until `stop` is set or the task is cancelled, then drain."""
        await self.start()
        try:
            await stop.wait()
        finally:
            await self.stop()

    async def start(self) -> None:
        """Begin to consume from the stream's first entry on; Redis is waited for as long as it takes."""
        if self._tasks:
            return
        await client_of(self._broker)
        self._stopping.clear()
        self._turns = Turns(self._in_flight, self._stopping)
        self._in_hand.clear()
        self._lost.clear()
        self._server = None
        self._tasks = [
            asyncio.create_task(loop(), name=f"{self._place.stream}-{name}")
            for name, loop in (("keeper", self._keep), ("observer", self._observe))
        ]

    async def stop(self) -> None:
        """Finish and acknowledge what the handler has in hand, and give back what it has not begun."""
        if not self._tasks:
            return
        self._stopping.set()
        self._turns.stop()
        await end(self._tasks)
        await self._stop_reading()
        if self._deliveries:
            _, late = await asyncio.wait(self._deliveries, timeout=self._drain_seconds)
            if late:
                _log.warning("handler did not finish in time", stream=self._place.stream, seconds=self._drain_seconds)
            await end(late)
        self._tasks = []
        self._metrics.consumer_running.labels(self._place.stream).set(0)
        try:
            await pending.release(await client_of(self._broker), self._place)
        except REDIS_ERRORS:
            pass  # the next consumer takes them over when they have been idle for a while

    async def _read(self, entries: list[Entry]) -> None:
        """Be FastStream's handler: hand over and return, so that the next read begins while this one is handled."""
        await self._hand_over(entries)
        if len(entries) < self._max_records and self._pause_seconds:
            await asyncio.sleep(self._pause_seconds)

    async def _hand_over(self, entries: list[Entry]) -> None:
        fresh = [entry for entry in entries if entry.entry_id not in self._in_hand]
        if not fresh:
            return
        fault_point(f"{self._place.group}.after_read")
        self._received += 1
        ids = {entry.entry_id for entry in fresh}
        self._in_hand |= ids
        try:
            turn = await self._turns.open()
        except BaseException as error:
            self._in_hand -= ids
            if not isinstance(error, StoppingError):
                raise
            return
        delivery = asyncio.create_task(self._deliver(fresh, turn), name=f"{self._place.stream}-delivery")
        self._deliveries.add(delivery)
        delivery.add_done_callback(self._deliveries.discard)

    async def _deliver(self, entries: Sequence[Entry], turn: Turn) -> None:
        try:
            await self._delivery.deliver(entries, turn)
        except StoppingError:
            pass
        except Exception:  # noqa: BLE001 - logged; the consumer must outlive a fault of the runtime itself
            # Not acknowledged: the entries come back through the pending list.
            _log.exception("delivery failed", stream=self._place.stream)
        finally:
            turn.close()
            self._in_hand -= {entry.entry_id for entry in entries}

    async def _keep(self) -> None:
        """Keep the subscriber running and take over what dead consumers left behind."""
        away = False
        while True:
            try:
                await self._tend(was_away=away)
                away = False
            except Exception as error:  # noqa: BLE001 - the watchdog itself must not die
                if not away:
                    is_redis = isinstance(error, REDIS_ERRORS)
                    _log.warning(
                        "consumer waits for redis", stream=self._place.stream, exc_info=not is_redis, error=repr(error)
                    )
                    # FastStream would write a traceback every five seconds, and sit out such a pause in the end.
                    await self._stop_reading()
                away = True
            await asyncio.sleep(_TEND_SECONDS)

    async def _tend(self, *, was_away: bool) -> None:
        client = await client_of(self._broker)
        server = await pending.server_of(client, self._place)
        restarted = was_away or (self._server is not None and server != self._server)
        if self._subscriber.running and (restarted or await self._has_lost_a_read(client)):
            await self._stop_reading()
        if not self._subscriber.running:
            await self._start_reading(is_first=self._server is None)
        self._server = server
        taken = await pending.reclaim(client, self._place, self._reclaim_idle_ms)
        if self._lost.intersection(entry.entry_id for entry in taken):
            await self._stop_reading()  # they are our own: FastStream pauses, and would go on behind them
            await self._start_reading(is_first=False)
        else:
            await self._take_over(taken)

    async def _has_lost_a_read(self, client: Redis) -> bool:
        """Tell whether entries given to this consumer have not come to hand for a while: a read's answer was lost.

        FastStream pauses after a failed read and then goes on behind those entries; before that they are to be read.
        """
        ids = await pending.given(client, self._place, len(self._in_hand) + self._max_records)
        lost = set(ids) - self._in_hand
        lost_for_long, self._lost = lost & self._lost, lost
        return bool(lost_for_long)

    async def _start_reading(self, *, is_first: bool) -> None:
        client = await client_of(self._broker)
        await pending.ensure_group(client, self._place)
        if is_first:
            await pending.forget_idle_consumers(client, self._place, _FORGET_IDLE_MS)
        if is_first and self._exclusive:
            await pending.claim_all(client, self._place)
        async for entries in pending.own(client, self._place, self._max_records):
            await self._take_over(entries)
        # Were the group to vanish at this very moment, FastStream would create it again at this id.
        self._subscriber.last_id = "0"
        await self._subscriber.start()
        if not is_first:
            self._metrics.consumer_restarts.inc()
            _log.info("consumer reads again", stream=self._place.stream)

    async def _stop_reading(self) -> None:
        reading = [task for task in self._subscriber.tasks if not task.done()]
        await self._subscriber.stop()
        if reading:  # FastStream cancels its reader without waiting for it to let go of the connection
            await asyncio.wait(reading, timeout=5)

    async def _take_over(self, entries: Sequence[Entry]) -> None:
        lost = [entry for entry in entries if entry.entry_id not in self._in_hand]
        for start in range(0, len(lost), self._max_records):
            part = lost[start : start + self._max_records]
            self._metrics.reclaimed.inc(len(part))
            await self._hand_over(part)

    async def _observe(self) -> None:
        """Export the stream's state, trim it behind its groups, and find a reader that has silently stalled."""
        stream, idle = self._place.stream, 0
        while True:
            received = self._received
            await asyncio.sleep(_OBSERVE_SECONDS)
            try:
                await self._observer.observe()
            except REDIS_ERRORS:
                pass  # the keeper says so
            self._metrics.consumer_running.labels(stream).set(self.running)
            is_idle = self.lag > 0 and not self._in_hand and self._received == received and self.running
            idle = idle + 1 if is_idle else 0
            if idle >= _STALLED_OBSERVATIONS:
                idle = 0
                _log.warning("reader has stalled, starting it again", stream=stream, lag=self.lag)
                await self._stop_reading()


def _subscriber(broker: RedisBroker, place: pending.Place, max_records: int) -> StreamBatchSubscriber:
    return broker.subscriber(
        stream=StreamSub(
            place.stream,
            group=place.group,
            consumer=place.consumer,
            batch=True,
            max_records=max_records,
            polling_interval=_BLOCK_MILLISECONDS,
        ),
        parser=parse_batch,
        decoder=decode_batch,
        ack_policy=AckPolicy.MANUAL,
        no_reply=True,
    )
