"""Due ledger entries become messages, one per address, stored before anything is sent."""

import asyncio
import uuid
from collections.abc import Callable, Collection

from services.notifier.domain.delivery import Draft
from services.notifier.domain.grouping import group
from services.notifier.domain.ports import Crowd, DueTransaction, Outbox, Pace
from services.notifier.handlers.drafting import Drafter
from shared.contracts.vocabulary import Channel
from shared.runtime.faults import fault_point

_ADDRESSES_PER_ROUND = 50
# Of a crowd so many entries are read: enough for the items that are told at length, an alert having a few entries each.
_ENTRIES_TOLD_OF_A_CROWD = 100


class Grouper:
    """Turns due ledger entries into messages: one per address, stored before anything is sent.

    An address with more news than a message may hold gets one message that sums it up.
    """

    def __init__(
        self,
        outbox: Outbox,
        drafter: Drafter,
        pace: Pace,
        *,
        items_per_message: int,
        tell_stored: Callable[[Collection[Channel]], None] = lambda _channels: None,
    ) -> None:
        self._outbox = outbox
        self._drafter = drafter
        self._pace = pace
        self._items_per_message = items_per_message
        self._tell_stored = tell_stored

    async def group_due(self) -> int:
        """Store the messages for what is due; return how many."""
        async with self._outbox.grouping(self._pace) as transaction:
            drafts = [
                await self._sum_up(transaction, crowd) for crowd in await transaction.crowds(self._items_per_message)
            ]
            drafts += await self._group(transaction)
            if not drafts:
                return 0
            await transaction.store(drafts)
        fault_point("notifier.after_grouping")
        self._tell_stored({draft.channel for draft in drafts})
        return len(drafts)

    async def _group(self, transaction: DueTransaction) -> list[Draft]:
        entries = await transaction.due(_ADDRESSES_PER_ROUND, self._items_per_message * 4)
        if not entries:
            return []
        material = await transaction.material(entries)
        drafts = []
        for each in group(entries, self._items_per_message):
            drafts.append(self._drafter.draft(each, material))
            await asyncio.sleep(0)  # what is being sent goes on meanwhile
        return drafts

    async def _sum_up(self, transaction: DueTransaction, crowd: Crowd) -> Draft:
        """Return the one message for a crowd; its entries never leave the database but for the first."""
        delivery_id = str(uuid.uuid4())
        amounts = await transaction.take_crowd(crowd, delivery_id)
        entries = await transaction.first_of(delivery_id, _ENTRIES_TOLD_OF_A_CROWD)
        material = await transaction.material(entries)
        first = group(entries, self._items_per_message)[0]
        return self._drafter.summarize(delivery_id, first, material, amounts)
