"""TestColdStart of Alertmanager: after a start nothing is told before what was decided meanwhile has been read."""

from collections.abc import Sequence

import pytest
from prometheus_client import CollectorRegistry
from pydantic import SecretStr

from shared.contracts.streams import NOTIFIER_GROUP, VERDICT_CHANGED
from shared.contracts.wire import VerdictChangedBatch, decode_verdict_changed, encode
from shared.runtime.broker import client_of, create_broker
from shared.runtime.consumer import StreamConsumer
from shared.runtime.database import create_database
from shared.runtime.metrics import RuntimeMetrics
from shared.testing.polling import until
from shared.testing.verdicts import a_batch, a_breach, a_recovery

pytestmark = pytest.mark.integration


async def test_a_consumer_has_caught_up_when_all_that_was_there_has_been_handled(
    database_url: str, redis_url: str
) -> None:
    engine = create_database(SecretStr(database_url.replace("postgresql://", "postgresql+asyncpg://", 1)), "test")
    broker = create_broker(SecretStr(redis_url))
    seen: list[tuple[str, bool]] = []

    async def handle(batches: Sequence[VerdictChangedBatch]) -> None:
        seen.extend((batch.message_id, consumer.caught_up) for batch in batches)

    consumer = StreamConsumer(
        broker,
        VERDICT_CHANGED,
        NOTIFIER_GROUP,
        "cold",
        decode_verdict_changed,
        handle,
        engine,
        RuntimeMetrics(CollectorRegistry()),
        max_records=1,
    )
    try:
        client = await client_of(broker)
        for batch in (a_batch("m1", a_breach(1)), a_batch("m2", a_recovery(2))):
            await client.xadd(VERDICT_CHANGED, {"__data__": encode(batch)})
        assert not consumer.caught_up

        await consumer.start()
        await until(lambda: consumer.caught_up, what="the end of the queue")

        assert seen == [("m1", False), ("m2", False)]
    finally:
        await consumer.stop()
        await broker.stop()
        await engine.dispose()
