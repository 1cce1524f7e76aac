"""The notifier's handlers: changes become alerts and ledger entries, entries become messages, messages are sent."""

import asyncio
import uuid
from collections import Counter
from collections.abc import Callable, Collection, Sequence

import msgspec
import structlog

from services.notifier.domain.book import Book, Outcome
from services.notifier.domain.delivery import Delivery, DeliveryStatus, Draft, Result
from services.notifier.domain.grouping import Group, group
from services.notifier.domain.ledger import LedgerStatus, UnroutableReason
from services.notifier.domain.material import Material
from services.notifier.domain.message import compose, views_of
from services.notifier.domain.momentary import without_momentary_gaps
from services.notifier.domain.payload import payload_of
from services.notifier.domain.planning import Plan, Planner
from services.notifier.domain.ports import AlertStore, MessageChannel, Outbox, Renderer, ToldBeforeError
from services.notifier.metrics import NotifierMetrics, SendOutcome
from shared.catalog.catalog import Catalog
from shared.contracts.vocabulary import Channel
from shared.contracts.wire import VerdictChangedBatch
from shared.runtime.clock import Clock
from shared.runtime.faults import fault_point
from shared.runtime.loops import Bell, Trouble

_log = structlog.get_logger(__name__)

_ADDRESSES_PER_ROUND = 50


class AlertKeeper:
    """Turns verdict changes into alerts and ledger entries, in one transaction per read.

    What it has read or decided about a chỉ tiêu it remembers for as long as nobody else decides. Reads of several
    partitions take turns. `tell_due` is told in how many seconds entries will be due.
    """

    def __init__(
        self,
        store: AlertStore,
        planner: Planner,
        metrics: NotifierMetrics,
        *,
        tell_due: Callable[[float], None] = lambda _seconds: None,
    ) -> None:
        self._store = store
        self._planner = planner
        self._metrics = metrics
        self._tell_due = tell_due
        self._book = Book()
        self._deciding = asyncio.Lock()

    async def on_verdict_changed(self, batches: Sequence[VerdictChangedBatch]) -> int:
        """Handle the batches that were not handled before; return how many had been."""
        async with self._deciding:
            try:
                fresh, outcome, plan = await self._decide(batches, told_before=False)
            except ToldBeforeError:
                fresh, outcome, plan = await self._decide(batches, told_before=True)
        fault_point("notifier.after_commit")
        for seconds in {entry.wait_seconds for entry in plan.entries if entry.status is LedgerStatus.WAITING}:
            self._tell_due(seconds)
        self._count(outcome, plan)
        return len(batches) - fresh

    async def _decide(self, batches: Sequence[VerdictChangedBatch], *, told_before: bool) -> tuple[int, Outcome, Plan]:
        try:
            async with self._store.transaction() as transaction:
                if not transaction.follows_own:
                    self._book.forget()
                fresh = await transaction.claim([batch.message_id for batch in batches])
                unique = {batch.message_id: batch for batch in batches if batch.message_id in fresh}
                changes = without_momentary_gaps(change for batch in unique.values() for change in batch.changes)
                unknown = self._book.unknown(changes)
                self._book.learn(unknown, *await transaction.standing(unknown))
                outcome = self._book.apply(changes)
                plan = self._planner.plan(outcome.steps, outcome.rollups)
                await (transaction.save_again if told_before else transaction.save)(outcome, plan.entries)
                fault_point("notifier.before_commit")
        except BaseException:
            self._book.forget()  # what it remembers of this was not stored
            raise
        self._book.shrink()
        return len(unique), outcome, plan

    def _count(self, outcome: Outcome, plan: Plan) -> None:
        self._metrics.count_steps(outcome.steps)
        for node_kind, amount in Counter(change.node_kind for change in outcome.rollups).items():
            self._metrics.rollup_changes.labels(node_kind).inc(amount)
        for reason, amount in Counter(entry.reason for entry in plan.entries if entry.reason).items():
            self._metrics.unroutable.labels(reason).inc(amount)
        self._metrics.unroutable.labels(UnroutableReason.NO_LEAD).inc(plan.no_lead)


class Grouper:
    """Turns due ledger entries into messages: one per address, stored before anything is sent."""

    def __init__(
        self,
        outbox: Outbox,
        catalog: Catalog,
        renderer: Renderer,
        clock: Clock,
        *,
        window_seconds: float,
        message_domain: str,
        items_per_message: int,
        detailed_items: int,
        tell_stored: Callable[[Collection[Channel]], None] = lambda _channels: None,
    ) -> None:
        self._outbox = outbox
        self._tell_stored = tell_stored
        self._catalog = catalog
        self._renderer = renderer
        self._clock = clock
        self._window_seconds = window_seconds
        self._message_domain = message_domain
        self._items_per_message = items_per_message
        self._detailed_items = detailed_items

    async def group_due(self) -> int:
        """Store the messages for what is due; return how many."""
        async with self._outbox.grouping() as transaction:
            entries = await transaction.due(_ADDRESSES_PER_ROUND, self._items_per_message * 4, self._window_seconds)
            if not entries:
                return 0
            material = await transaction.material(entries)
            drafts = []
            for each in group(entries, self._items_per_message):
                drafts.append(self._draft(each, material))
                await asyncio.sleep(0)  # what is being sent goes on meanwhile
            await transaction.store(drafts)
        fault_point("notifier.after_grouping")
        self._tell_stored({draft.channel for draft in drafts})
        return len(drafts)

    def _draft(self, each: Group, material: Material) -> Draft:
        delivery_id = str(uuid.uuid4())
        message_id = f"<{delivery_id}@{self._message_domain}>"
        now = self._clock.now()
        subject = body = payload = ""
        references: tuple[str, ...] = ()
        failure = None
        try:
            message = compose(self._catalog, each, material, now, self._detailed_items)
            subject, references = message.subject, message.references
            body = self._renderer.render(message)
            if each.channel is Channel.WEBHOOK:
                views = views_of(self._catalog, each, material)
                written = payload_of(message, each, views, delivery_id, message_id, body)
                payload = msgspec.json.encode(written).decode()
        except Exception as error:  # noqa: BLE001 - stored as a dead letter; it must not hold back all other addresses
            _log.exception("message cannot be written", delivery_id=delivery_id, address=each.address)
            failure = f"the message cannot be written: {type(error).__name__}: {error}"
        return Draft(
            id=delivery_id,
            channel=each.channel,
            address=each.address,
            message_id=message_id,
            references=references,
            subject=subject,
            body=body,
            payload=payload,
            created_at=now,
            entry_ids=each.entry_ids,
            failure=failure,
        )


class Sender:
    """Sends the deliveries of one channel, a bounded number at a time."""

    def __init__(
        self,
        outbox: Outbox,
        channel: Channel,
        carrier: MessageChannel,
        metrics: NotifierMetrics,
        *,
        at_once: int,
        poll_seconds: float,
    ) -> None:
        self._outbox = outbox
        self.channel = channel
        self._carrier = carrier
        self._metrics = metrics
        self._at_once = at_once
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
                running |= {asyncio.create_task(self._deliver(delivery)) for delivery in taken}
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
            taken = await self._outbox.take(self.channel, free)
        except Exception as error:  # noqa: BLE001 - logged; the loop must outlive whatever the database does
            return [], self._trouble.met(error)
        self._trouble.passed()
        return taken, self._poll_seconds

    async def _deliver(self, delivery: Delivery) -> None:
        with self._metrics.send_seconds.labels(self.channel).time():
            fault_point("notifier.before_send")
            result = await self._carrier.send(delivery)
            fault_point("notifier.after_send")
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

    async def _settle(self, delivery: Delivery, result: Result) -> DeliveryStatus:
        """Record the result, for as long as it takes: a mail that was sent and not recorded would be sent again."""
        trouble = Trouble(f"recording deliveries by {self.channel}")
        while True:
            try:
                return await self._outbox.settle(delivery, result)
            except Exception as error:  # noqa: BLE001 - logged; see above
                await asyncio.sleep(trouble.met(error))


_OUTCOMES = {DeliveryStatus.SENT: SendOutcome.SENT, DeliveryStatus.DEAD: SendOutcome.DEAD}
