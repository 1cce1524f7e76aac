"""What the notifier needs of the outside: where alerts are kept, where messages wait, and how they leave."""

from collections.abc import Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Protocol

from services.notifier.domain.alerts import Alert
from services.notifier.domain.book import NodeKey, Outcome
from services.notifier.domain.delivery import Delivery, DeliveryStatus, Draft, Result
from services.notifier.domain.ledger import DueEntry
from services.notifier.domain.mark import Mark
from services.notifier.domain.material import Material
from services.notifier.domain.message import Message
from services.notifier.domain.planning import Plan
from services.notifier.domain.silences import Silence
from shared.contracts.vocabulary import Channel


class ToldBeforeError(Exception):
    """Some of what is to be saved is stored already: the same changes came before, in another message."""


class RenderingError(Exception):
    """A template cannot be rendered."""


@dataclass(frozen=True, slots=True)
class Census:
    """What the tables hold at a moment."""

    alerts_open: Mapping[str, int]
    deliveries: Mapping[str, int]
    entries_waiting: int


class AlertTransaction(Protocol):
    """One transaction over alerts and ledger; it commits when its block ends without an error."""

    async def claim(self, message_ids: Sequence[str]) -> frozenset[str]:
        """Take the messages out of the mailbox; return those that were still there."""
        ...

    @property
    def follows_own(self) -> bool:
        """Whether nobody else has decided about alerts since the last transaction of this store that was committed."""
        ...

    async def standing(self, keys: Sequence[NodeKey]) -> tuple[list[Alert], list[Mark]]:
        """Return the newest occurrences and the marks of chỉ tiêu of units."""
        ...

    @property
    def silences(self) -> Sequence[Silence]:
        """The silences that have not ended."""
        ...

    async def save(self, outcome: Outcome, plan: Plan) -> None:
        """Write the outcome and what is planned of it, and settle entries that are no longer to be sent.

        Raise ToldBeforeError when some of it was told before: then all of it is to be saved by `save_again`.
        """
        ...

    async def save_again(self, outcome: Outcome, plan: Plan) -> None:
        """Do what `save` does, whatever of it is stored already: that is kept, and nobody is told twice."""
        ...


class AlertStore(Protocol):
    """Where alerts and the ledger are kept."""

    def transaction(self) -> AbstractAsyncContextManager[AlertTransaction]:
        """Begin a transaction; there is one at a time among all replicas."""
        ...


class DueTransaction(Protocol):
    """One transaction that turns due entries into deliveries."""

    async def due(self, addresses: int, entries: int, window_seconds: float) -> list[DueEntry]:
        """Return what is due at up to so many addresses, with what follows there within the window.

        Empty when another replica is at it.
        """
        ...

    async def material(self, entries: Sequence[DueEntry]) -> Material:
        """Return the alerts, roll-up changes and earlier messages that the entries speak of."""
        ...

    async def store(self, drafts: Sequence[Draft]) -> None:
        """Store the deliveries and mark their entries as grouped."""
        ...


class Outbox(Protocol):
    """Where deliveries wait, are claimed by one sender, and end."""

    def grouping(self) -> AbstractAsyncContextManager[DueTransaction]:
        """Begin a transaction that groups due entries."""
        ...

    async def take(self, channel: Channel, limit: int) -> list[Delivery]:
        """Claim up to `limit` deliveries that are due on a channel."""
        ...

    async def settle(self, delivery: Delivery, result: Result) -> DeliveryStatus:
        """Record on a claimed delivery and its entries how the sending ended; return where it stands now."""
        ...

    async def census(self) -> Census:
        """Count what is open and what waits."""
        ...


class Renderer(Protocol):
    """Turns messages into text."""

    def render(self, message: Message) -> str:
        """Return the body of a message; raise RenderingError when the template has a fault."""
        ...


class MessageChannel(Protocol):
    """Carries deliveries of one channel to their addresses."""

    async def send(self, delivery: Delivery) -> Result:
        """Send one delivery; never raises for what the receiver or the network does."""
        ...

    async def close(self) -> None:
        """Close the connections."""
        ...
