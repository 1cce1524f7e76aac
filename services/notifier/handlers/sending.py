"""Stored messages are sent, each by its channel, a bounded number at a time."""

import asyncio
from collections import Counter

import structlog

from services.notifier.domain.delivery import Delivery, DeliveryStatus, Failed, Lanes, Result
from services.notifier.domain.ports import MessageChannel, Outbox
from services.notifier.metrics import NotifierMetrics, SendOutcome
from shared.contracts.vocabulary import Channel
from shared.runtime.faults import fault_point
from shared.runtime.loops import Bell, Trouble

_log = structlog.get_logger(__name__)


class Sender:
    """Sends the deliveries of one channel, at most `at_once` at a time and `per_lane` of those of one lane.

    `blocked_by` is why nothing leaves by the channel, as its last try has shown; None when it works.
    """

    def __init__(
        self,
        outbox: Outbox,
        channel: Channel,
        carrier: MessageChannel,
        metrics: NotifierMetrics,
        *,
        at_once: int,
        per_lane: int,
        poll_seconds: float,
    ) -> None:
        self._outbox = outbox
        self.channel = channel
        self._carrier = carrier
        self._metrics = metrics
        self._at_once = at_once
        self._per_lane = per_lane
        self._busy: Counter[str] = Counter()
        self._after = ""
        self.blocked_by: str | None = None
        self._poll_seconds = poll_seconds
        self._trouble = Trouble(f"sending by {channel}")
        self.bell = Bell()

    async def run(self, stop: asyncio.Event) -> None:
        """Send until `stop` is set; then finish what is being sent and close the connections."""
        running: set[asyncio.Task[None]] = set()
        stopping = asyncio.create_task(stop.wait())
        rung = asyncio.create_task(self.bell.wait())
        try:
            while not stop.is_set():
                free = self._at_once - len(running)
                taken, pause = await self._take(free)
                running |= {self._begin(delivery) for delivery in taken}
                # With every place taken there is nothing to do until one is free.
                timeout = None if len(taken) == free else pause
                waking = {*running, stopping} if timeout is None else {*running, stopping, rung}
                await asyncio.wait(waking, timeout=timeout, return_when=asyncio.FIRST_COMPLETED)
                running = {task for task in running if not task.done()}
                if rung.done():
                    rung = asyncio.create_task(self.bell.wait())
        finally:
            stopping.cancel()
            rung.cancel()
            if running:
                await asyncio.wait(running)
            await self._carrier.close()

    async def _take(self, free: int) -> tuple[list[Delivery], float]:
        try:
            taken = await self._outbox.take(self.channel, free, Lanes(self._per_lane, dict(self._busy), self._after))
        except Exception as error:  # noqa: BLE001 - logged; the loop must outlive whatever the database does
            return [], self._trouble.met(error)
        self._trouble.passed()
        if taken:
            self._after = taken[-1].lane
        return taken, self._poll_seconds

    def _begin(self, delivery: Delivery) -> asyncio.Task[None]:
        def end(_: asyncio.Task[None]) -> None:
            self._busy[delivery.lane] -= 1
            self._busy += Counter()  # forgets the lanes in which nothing is under way

        self._busy[delivery.lane] += 1
        task = asyncio.create_task(self._deliver(delivery))
        task.add_done_callback(end)
        return task

    async def _deliver(self, delivery: Delivery) -> None:
        with self._metrics.send_seconds.labels(self.channel).time():
            fault_point("notifier.before_send")
            result = await self._carrier.send(delivery)
            fault_point("notifier.after_send")
        self._note(result)
        status = await self._settle(delivery, result)
        outcome = _OUTCOMES.get(status, SendOutcome.RETRIED)
        self._metrics.notifications.labels(self.channel, outcome).inc()
        if status is not DeliveryStatus.SENT:
            _log.warning(
                "delivery failed",
                delivery_id=delivery.id,
                channel=self.channel,
                outcome=outcome,
                attempts=delivery.attempts,
                reply=result.reply,
            )

    def _note(self, result: Result) -> None:
        self.blocked_by = result.reply if isinstance(result, Failed) and result.concerns_all else None
        self._metrics.channel_blocked.labels(self.channel).set(self.blocked_by is not None)

    async def _settle(self, delivery: Delivery, result: Result) -> DeliveryStatus:
        """Record the result, for as long as it takes: a mail that was sent and not recorded would be sent again."""
        trouble = Trouble(f"recording deliveries by {self.channel}")
        while True:
            try:
                return await self._outbox.settle(delivery, result)
            except Exception as error:  # noqa: BLE001 - logged; see above
                await asyncio.sleep(trouble.met(error))


_OUTCOMES = {DeliveryStatus.SENT: SendOutcome.SENT, DeliveryStatus.DEAD: SendOutcome.DEAD}
