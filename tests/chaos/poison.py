"""Messages that nobody can handle: they are buried with their reason, and the others go on."""

import datetime as dt

from redis.typing import EncodableT, FieldT
from sqlalchemy import text

from shared.contracts.streams import INDICATOR_REPORTED, VERDICT_CHANGED, partition_stream
from shared.contracts.wire import IndicatorReported, IndicatorReportedBatch, encode
from shared.testing.polling import until
from shared.testing.verdicts import a_batch, a_breach
from tests.chaos.scenario import Evidence, Scenario
from tests.chaos.world import World, require

_REPORTED, _CHANGED = partition_stream(INDICATOR_REPORTED, 0), partition_stream(VERDICT_CHANGED, 0)
_COMMUNE = "06208"
_PUT = (
    "INSERT INTO messaging.mailbox (message_id, stream, payload) VALUES (:id, :stream, :payload) RETURNING message_id"
)
_BURIED = "SELECT message_id, reason FROM messaging.dead_letter WHERE failed_at >= :since"
_NOW = "SELECT clock_timestamp() AS now"
# No envelope at all, and an envelope that is none.
_GARBAGE: tuple[dict[FieldT, EncodableT], ...] = ({"colour": b"red"}, {"__data__": b"\x00\xff garbage \xfe"})


def _unreadable(stream: str) -> tuple[str, str, bytes]:
    return f"chaos-unreadable-{stream}", stream, b'{"message_id": \xff'


def _report(message_id: str, cell: str, numerator: int, minute: int) -> IndicatorReported:
    return IndicatorReported(
        seq=0,
        event_id=f"{message_id}\x00",
        source="chaos",
        unit=_COMMUNE,
        indicator="bhyt_coverage",
        cell=cell,
        period_start=dt.date(2024, 9, 1),
        period_end=dt.date(2024, 9, 30),
        observed_at=dt.datetime(2024, 10, 14, 0, minute, tzinfo=dt.UTC),
        numerator=numerator,
        denominator=100,
    )


def _unbearable_reports() -> tuple[str, str, bytes]:
    """Return reports that can be read and not stored: whatever stood before, an id with a NUL turns a verdict."""
    message_id = "chaos-unbearable-reports"
    good_then_bad = (("female", 99, 1), ("male", 99, 2), ("female", 1, 3))
    events = tuple(_report(message_id, *each) for each in good_then_bad)
    return message_id, _REPORTED, encode(IndicatorReportedBatch(message_id=message_id, events=events))


def _unbearable_change() -> tuple[str, str, bytes]:
    """Return a change that can be read and not stored: PostgreSQL's text holds no NUL."""
    message_id = "chaos-unbearable-change"
    return message_id, _CHANGED, encode(a_batch(message_id, a_breach(unit=f"{_COMMUNE}\x00")))


async def _poison(world: World) -> Evidence:
    (clock,) = await world.rows(_NOW)
    messages = (_unreadable(_REPORTED), _unreadable(_CHANGED), _unbearable_reports(), _unbearable_change())
    async with world.redis() as client:
        for stream in (_REPORTED, _CHANGED):
            for fields in _GARBAGE:
                await client.xadd(stream, fields)
    async with world.engine.begin() as connection:
        for message_id, stream, payload in messages:
            await connection.execute(text(_PUT), {"id": message_id, "stream": stream, "payload": payload})
    expected = len(messages) + 2 * len(_GARBAGE)

    async def all_buried() -> dict[str, str]:
        buried = {row["message_id"]: row["reason"] for row in await world.rows(_BURIED, since=clock["now"])}
        return buried if len(buried) >= expected else {}

    buried = await until(all_buried, timeout=45, what=f"{expected} messages are buried", interval=0.2)
    require({message_id for message_id, _, _ in messages} <= buried.keys(), f"buried instead: {sorted(buried)}")
    require(len(buried) == expected, f"good messages were buried too: {sorted(buried)}")
    await world.sender.has_posted(100)
    reasons = {name: reason.partition("\n")[0][:90] for name, reason in buried.items() if name.startswith("chaos-un")}
    return {"buried": len(buried), "reasons": reasons}


SCENARIOS = (Scenario("poison", "what cannot be read or handled is buried, its neighbours are not", _poison),)
