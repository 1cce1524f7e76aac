"""Delivery: from the entries of one read to a committed handler, with retries, burial and acknowledgement."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Generic, Protocol, TypeVar

import structlog
from faststream.redis import RedisBroker
from sqlalchemy.ext.asyncio import AsyncEngine

from shared.contracts.streams import DEAD_LETTER
from shared.runtime.broker import REDIS_ERRORS, client_of, together
from shared.runtime.database import is_outage
from shared.runtime.entries import Entry
from shared.runtime.faults import fault_point
from shared.runtime.mailbox import Buried, bury
from shared.runtime.metrics import Outcome, RuntimeMetrics
from shared.runtime.publisher import marker_key
from shared.runtime.turns import StoppingError, Turn

_log = structlog.get_logger(__name__)

_ATTEMPTS = 3
_FIRST_BACKOFF_SECONDS = 0.1
_LONGEST_BACKOFF_SECONDS = 5.0
_TELL_AGAIN_SECONDS = 60.0
_DEAD_LETTERS_KEPT = 100  # of up to a hundred kilobytes each; the table keeps all
_REASON_LENGTH = 2_000


class Identified(Protocol):
    """A decoded message: it knows its id."""

    @property
    def message_id(self) -> str:
        """The id of the message's mailbox row."""
        ...


MessageType = TypeVar("MessageType", bound=Identified)


class Delivery(Generic[MessageType]):
    """Gives messages to a handler until each is handled or buried, and only then acknowledges them."""

    def __init__(
        self,
        *,
        broker: RedisBroker,
        stream: str,
        group: str,
        decode: Callable[[bytes], MessageType],
        handle: Callable[[Sequence[MessageType]], Awaitable[int | None]],
        engine: AsyncEngine,
        metrics: RuntimeMetrics,
        stopping: asyncio.Event,
    ) -> None:
        self._broker = broker
        self._stream = stream
        self._group = group
        self._decode = decode
        self._handle = handle
        self._engine = engine
        self._metrics = metrics
        self._stopping = stopping
        self._handling: set[str] = set()

    async def deliver(self, entries: Sequence[Entry], turn: Turn) -> None:
        """Handle or bury the entries' messages and acknowledge them; raise StoppingError when told to stop first."""
        good: dict[str, tuple[Entry, MessageType]] = {}
        bad: list[tuple[Entry, str]] = []
        copies: set[bytes] = set()
        for entry in entries:
            try:
                message = self._decode(entry.payload)
                message_id = message.message_id
            except Exception as error:  # noqa: BLE001 - whatever a decoder raises, the entry is bad and the rest goes on
                bad.append((entry, f"cannot be decoded: {_text(error)}"))
                continue
            if message_id in good or message_id in self._handling:  # published again while the first copy was waiting
                self._metrics.count(self._stream, Outcome.ALREADY_DONE)
                copies.add(entry.entry_id)
                continue
            good[message_id] = (entry, message)
        self._handling |= good.keys()
        try:
            if good:
                await self._handle_all(list(good.values()), turn)
        finally:
            self._handling -= good.keys()
        for entry, reason in bad:
            await self._bury(entry, reason, 1)
        await self._acknowledge(entries, [entry for entry in entries if entry.entry_id not in copies])

    async def _handle_all(
        self, work: Sequence[tuple[Entry, MessageType]], turn: Turn, attempts: int = _ATTEMPTS
    ) -> None:
        error = await self._try(work, turn, attempts)
        if error is None:
            return
        if len(work) == 1:
            await self._bury(work[0][0], _text(error), _ATTEMPTS if attempts > 1 else _ATTEMPTS + 1)
            return
        for item in work:  # one of them is the poison: find it, and let the others through
            await self._handle_all([item], turn, attempts=1)

    async def _try(self, work: Sequence[tuple[Entry, MessageType]], turn: Turn, attempts: int) -> Exception | None:
        """Call the handler until it succeeds (None) or has failed `attempts` times (its last error)."""
        messages = [message for _, message in work]
        failures, backoff, is_away, told_at = 0, _FIRST_BACKOFF_SECONDS, False, -_TELL_AGAIN_SECONDS
        while True:
            try:
                async with turn:
                    already_done = await self._handle(messages) or 0
            except StoppingError:
                raise
            except Exception as error:  # noqa: BLE001 - any error of a handler ends in a retry or in the dead letters
                is_away, now = is_outage(error), asyncio.get_running_loop().time()
                failures += not is_away
                if failures >= attempts:
                    _log.exception("handler failed", stream=self._stream, message_ids=_ids(work))
                    return error
                if not is_away or now - told_at >= _TELL_AGAIN_SECONDS:
                    _log.warning("handler is retried", stream=self._stream, outage=is_away, error=_text(error))
                    told_at = now
                self._metrics.count(self._stream, Outcome.RETRIED, len(work))
                await self._pause(backoff)
                backoff = min(backoff * 2, _LONGEST_BACKOFF_SECONDS)
            else:
                if is_away:
                    _log.info("handler works again", stream=self._stream)
                self._metrics.count(self._stream, Outcome.HANDLED, len(work) - already_done)
                self._metrics.count(self._stream, Outcome.ALREADY_DONE, already_done)
                return None

    async def _bury(self, entry: Entry, reason: str, attempts: int) -> None:
        letter = Buried(self._stream, entry.message_id, entry.payload, reason, attempts)
        backoff = _FIRST_BACKOFF_SECONDS
        while True:
            try:
                async with self._engine.begin() as connection:
                    await bury(connection, [letter])
                break
            except Exception as error:
                if not is_outage(error):
                    raise
                await self._pause(backoff)
                backoff = min(backoff * 2, _LONGEST_BACKOFF_SECONDS)
        self._metrics.count(self._stream, Outcome.BURIED)
        _log.error("message buried", stream=self._stream, message_id=entry.message_id, reason=reason)
        await self._announce(letter)

    async def _announce(self, letter: Buried) -> None:
        """Put a copy on the dead-letter stream for whoever watches it; the table is the truth."""
        headers = {"message_id": letter.message_id, "stream": letter.stream, "reason": letter.reason}
        ascii_headers = {key: value.encode("ascii", "backslashreplace").decode() for key, value in headers.items()}
        try:
            await self._broker.publish(
                letter.payload, stream=DEAD_LETTER, headers=ascii_headers, maxlen=_DEAD_LETTERS_KEPT
            )
        except REDIS_ERRORS as error:
            _log.warning("dead letter not announced", message_id=letter.message_id, error=_text(error))

    async def _acknowledge(self, entries: Sequence[Entry], done: Sequence[Entry]) -> None:
        """Acknowledge the entries and remove the markers of those done; a copy's first entry may not be done yet."""
        fault_point(f"{self._group}.before_ack")
        client = await client_of(self._broker)
        try:
            async with together(client) as pipeline:
                pipeline.xack(self._stream, self._group, *(entry.entry_id for entry in entries))
                if done:
                    pipeline.delete(*(marker_key(self._stream, entry.message_id) for entry in done))
                await pipeline.execute()
        except REDIS_ERRORS as error:
            # They stay pending and come back; the handler will find that they are already done.
            _log.warning("entries not acknowledged", stream=self._stream, entries=len(entries), error=_text(error))
        else:
            fault_point(f"{self._group}.after_ack")

    async def _pause(self, seconds: float) -> None:
        try:
            async with asyncio.timeout(seconds):
                await self._stopping.wait()
        except TimeoutError:
            return
        raise StoppingError


def _ids(work: Sequence[tuple[Entry, MessageType]]) -> list[str]:
    return [entry.message_id for entry, _ in work]


def _text(error: BaseException) -> str:
    return f"{type(error).__name__}: {error}"[:_REASON_LENGTH]
