"""What the notifier needs of the outside: where alerts are kept, where messages wait, and how they leave."""

import datetime as dt
from collections.abc import Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from typing import Protocol

from services.notifier.domain.alerts import Alert
from services.notifier.domain.audit import AuditLine
from services.notifier.domain.book import NodeKey, Outcome
from services.notifier.domain.consolidated import ReportMaterial
from services.notifier.domain.course import Course
from services.notifier.domain.delivery import Delivery, DeliveryStatus, Draft, Lanes, Result
from services.notifier.domain.ledger import DueEntry, Entry
from services.notifier.domain.mark import Mark
from services.notifier.domain.material import Material
from services.notifier.domain.planning import Plan
from services.notifier.domain.report_content import MadeReport, TrailLine
from services.notifier.domain.report_periods import Span
from services.notifier.domain.silences import Silence
from services.notifier.domain.summary import Amounts
from services.notifier.domain.urging import Urged
from services.notifier.domain.views import Message
from shared.contracts.vocabulary import Channel


class ToldBeforeError(Exception):
    """Some of what is to be saved is stored already: the same changes came before, in another message."""


class RenderingError(Exception):
    """A template cannot be rendered."""


@dataclass(frozen=True, slots=True)
class Census:
    """What the tables hold at a moment.

    `entries_held` counts by what holds them back, `courses` those that go on by their state. `audit_unsealed_seconds`
    is the age of the oldest line of the audit that no block seals, 0 when all are sealed.
    """

    alerts_open: Mapping[str, int]
    deliveries: Mapping[str, int]
    entries_waiting: int
    entries_held: Mapping[str, int] = field(default_factory=dict)
    courses: Mapping[str, int] = field(default_factory=dict)
    audit_unsealed_seconds: float = 0.0


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

    async def urged(self, alert_ids: Sequence[str]) -> list[Course]:
        """Return the courses of alerts of which something was told already."""
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


class CourseTransaction(Protocol):
    """One transaction over courses, in which nobody else decides about alerts."""

    @property
    def silences(self) -> Sequence[Silence]:
        """The silences that have not ended."""
        ...

    async def due(self, now: dt.datetime, limit: int) -> list[Course]:
        """Return up to `limit` courses of which something is to be done by a moment, the oldest first."""
        ...

    async def alerts(self, ids: Sequence[str]) -> Mapping[str, Alert]:
        """Return the alerts of courses, by id."""
        ...

    async def save(self, urged: Urged) -> None:
        """Write how courses go on, what is told of it, and the lines of the audit; what was told is not told again."""
        ...


class Courses(Protocol):
    """Where courses are kept; moments are those of the product's clock."""

    async def any_due(self, now: dt.datetime) -> bool:
        """Return whether something is to be done by a moment, without waiting for anybody."""
        ...

    def transaction(self) -> AbstractAsyncContextManager[CourseTransaction]:
        """Begin a transaction; there is one at a time among all replicas, and none of an AlertStore beside it."""
        ...

    async def stalled(self, now: dt.datetime) -> int:
        """Count the courses that should have gone on more than an hour before a moment."""
        ...


@dataclass(frozen=True, slots=True)
class Pace:
    """How news of one address is gathered: what is due within the window leaves together, and no message leaves before
    the pause after the last one is over. Both in seconds."""

    window_seconds: float
    pause_seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class Crowd:
    """An address with more due entries than one message names."""

    channel: Channel
    address: str


class DueTransaction(Protocol):
    """One transaction that turns due entries into deliveries; it finds nothing due while another replica is at it."""

    async def crowds(self, most: int) -> list[Crowd]:
        """Return the addresses of which more than `most` entries are due."""
        ...

    async def take_crowd(self, crowd: Crowd, delivery_id: str) -> Amounts:
        """Put all that is due at an address into a delivery that is to be stored, and return how much of what it is."""
        ...

    async def first_of(self, delivery_id: str, most: int) -> list[DueEntry]:
        """Return up to `most` entries of a delivery, the ones worth telling first."""
        ...

    async def due(self, addresses: int, entries: int) -> list[DueEntry]:
        """Return what is due at up to so many addresses, with what follows there within the window."""
        ...

    async def material(self, entries: Sequence[DueEntry]) -> Material:
        """Return the alerts, roll-up changes and earlier messages that the entries speak of."""
        ...

    async def store(self, drafts: Sequence[Draft]) -> None:
        """Store the deliveries and mark their entries as grouped."""
        ...


class Outbox(Protocol):
    """Where deliveries wait, are claimed by one sender, and end."""

    def grouping(self, pace: Pace) -> AbstractAsyncContextManager[DueTransaction]:
        """Begin a transaction that groups due entries."""
        ...

    async def take(self, channel: Channel, limit: int, lanes: Lanes) -> list[Delivery]:
        """Claim up to `limit` deliveries that are due on a channel, from the lanes with the fewest under way first."""
        ...

    async def settle(self, delivery: Delivery, result: Result) -> DeliveryStatus:
        """Record on a claimed delivery and its entries how the sending ended; return where it stands now."""
        ...

    async def census(self) -> Census:
        """Count what is open and what waits."""
        ...


class AuditChain(Protocol):
    """Seals the lines of the audit."""

    async def seal(self) -> int:
        """Seal the next lines that are complete; return how many, 0 also when another replica is at it."""
        ...


class ReportStore(Protocol):
    """Where consolidated reports are kept, and what they are made of."""

    async def known_since(self) -> dt.datetime | None:
        """Return the earliest moment of which anything is known, None when nothing is."""
        ...

    async def standing(self, ids: Sequence[str]) -> frozenset[str]:
        """Return those of the reports that are made already."""
        ...

    async def last_end(self, dispatch: str, unit: str, period: str, start: dt.date) -> dt.date | None:
        """Return the day on which the last report of a kind before `start` ended; None when there is none."""
        ...

    async def material(self, units: Sequence[str], span: Span) -> ReportMaterial:
        """Return what is known of units in a period."""
        ...

    async def trail(self, alert_ids: Sequence[str]) -> list[TrailLine]:
        """Return the audit of alerts and of the messages about them, alert by alert."""
        ...

    async def save(self, made: MadeReport, entries: Sequence[Entry], audit: Sequence[AuditLine]) -> bool:
        """Store a report with its ledger entries and its audit; return whether it was not there yet."""
        ...

    async def remind(self, entries: Sequence[Entry], audit: Sequence[AuditLine]) -> bool:
        """Store ledger entries of a duty with its audit; return whether any was not there yet."""
        ...


class Renderer(Protocol):
    """Turns messages into text and into HTML."""

    def render(self, message: Message) -> str:
        """Return the body of a message; raise RenderingError when the template has a fault."""
        ...

    def render_html(self, message: Message) -> str:
        """Return the body of a message as HTML; raise RenderingError when the template has a fault."""
        ...


class MessageChannel(Protocol):
    """Carries deliveries of one channel to their addresses."""

    async def send(self, delivery: Delivery) -> Result:
        """Send one delivery; never raises for what the receiver or the network does."""
        ...

    async def close(self) -> None:
        """Close the connections."""
        ...
