"""Several partitions: every unit's reports go to the stream of its partition, whichever way they come in."""

from collections.abc import Callable
from typing import Any

import pytest

from shared.contracts.streams import INDICATOR_REPORTED, partition_of, partition_stream
from shared.contracts.wire import decode_indicator_reported
from shared.runtime.broker import client_of
from shared.testing.factories import a_catalog
from shared.testing.polling import until

pytestmark = pytest.mark.integration
Event = Callable[..., dict[str, Any]]
PARTITIONS = 3
UNITS = [f"N{number}" for number in range(12)]


def with_units() -> Any:
    """Return the small catalog with more communes."""
    commune = {"level": "commune", "type": "xa", "parent": "D1"}
    more = [commune | {"id": code, "code": code, "name_vi": f"Xã {code}"} for code in UNITS]
    return a_catalog(units=[*a_catalog().model_dump()["units"], *more])


async def units_by_stream(service: Any) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for stream, payload in await service.rows("SELECT stream, payload FROM messaging.mailbox"):
        message = decode_indicator_reported(payload)
        assert stream == partition_stream(INDICATOR_REPORTED, message.partition)
        found.setdefault(stream, []).extend(event.unit for event in message.events)
    return found


def expected() -> dict[str, list[str]]:
    streams: dict[str, list[str]] = {}
    for unit in UNITS:
        streams.setdefault(partition_stream(INDICATOR_REPORTED, partition_of(unit, PARTITIONS)), []).append(unit)
    return streams


async def test_reports_are_dealt_to_the_streams_of_their_units_and_published(
    start_service: Any, an_event: Event, database_url: str, redis_url: str
) -> None:
    async with start_service(database_url, redis_url, catalog_of=with_units(), partitions=PARTITIONS) as service:
        answer = await service.post(*(an_event(number, commune=unit) for number, unit in enumerate(UNITS)))

        assert answer.json()["accepted"] == len(UNITS)
        assert await units_by_stream(service) == expected()
        assert len(expected()) == PARTITIONS
        redis = await client_of(service.application.broker)

        async def lengths() -> bool:
            return [await redis.xlen(stream) for stream in sorted(expected())] == [1] * PARTITIONS

        await until(lengths, what="a message on every stream")


async def test_rows_read_again_go_to_the_same_streams(
    start_service: Any, an_event: Event, database_url: str, redis_url: str
) -> None:
    async with start_service(database_url, redis_url, partitions=PARTITIONS) as service:
        await service.post(*(an_event(number, commune=unit) for number, unit in enumerate(UNITS)))

        report = await service.retry(with_units()).retry()

        assert len(report.accepted) == len(UNITS)
        found = await units_by_stream(service)
        assert {stream: sorted(units) for stream, units in found.items()} == {
            stream: sorted(units) for stream, units in expected().items()
        }
