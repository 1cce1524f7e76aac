"""Due ledger entries become messages, one per address, stored before anything is sent."""

import asyncio
import uuid
from collections.abc import Callable, Collection

import msgspec
import structlog

from services.notifier.domain.delivery import Draft
from services.notifier.domain.grouping import Group, group
from services.notifier.domain.material import Material
from services.notifier.domain.message import compose, views_of
from services.notifier.domain.payload import payload_of
from services.notifier.domain.ports import Outbox, Renderer
from shared.catalog.catalog import Catalog
from shared.contracts.vocabulary import Channel
from shared.runtime.clock import Clock
from shared.runtime.faults import fault_point

_log = structlog.get_logger(__name__)

_ADDRESSES_PER_ROUND = 50


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
