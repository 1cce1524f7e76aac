"""A backlog of reports that nobody judges: no more is taken in beyond the bound, and again once it has shrunk."""

from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import text

from shared.testing.polling import until

pytestmark = pytest.mark.integration
Event = Callable[..., dict[str, Any]]
BOUND = 2_000


def value_of(metrics: str, name: str) -> float:
    return float(next(line for line in metrics.splitlines() if line.startswith(name)).rpartition(" ")[2])


async def test_beyond_the_bound_senders_are_put_off_until_the_evaluator_has_caught_up(
    start_service: Any, an_event: Event, database_url: str, redis_url: str
) -> None:
    async with start_service(database_url, redis_url, max_backlog_bytes=BOUND) as service:
        assert (await service.post(*(an_event(number) for number in range(10)))).status_code == 202

        async def put_off() -> Any:
            answer = await service.post(an_event(11))
            return answer if answer.status_code == 503 else None

        refused = await until(put_off, what="the bound to be noticed")
        assert (refused.json()["type"], refused.headers["retry-after"]) == ("urn:datchuan:problem:backlogged", "30")
        assert (await service.post_values({"dataElement": "Cards"})).status_code == 503
        ready = await service.client.get("/readyz")
        assert ready.status_code == 503
        assert f"{BOUND} allowed" in ready.json()["checks"]["backlog"]
        metrics = (await service.client.get("/metrics")).text
        assert value_of(metrics, "datchuan_ingest_backlog_bytes") > BOUND
        assert value_of(metrics, 'datchuan_ingest_put_off_total{cause="backlogged"}') >= 2
        stored = set(await service.journal())

        async with service.application.engine.begin() as evaluator:
            await evaluator.execute(text("DELETE FROM messaging.mailbox"))

        async def taken() -> bool:
            return bool((await service.post(an_event(12))).status_code == 202)

        await until(taken, what="reports to be taken in again")
        assert set(await service.journal()) == stored | {"e12"}
        assert (await service.client.get("/readyz")).json()["checks"]["backlog"] == "ok"


async def test_messages_that_are_only_kept_by_the_evaluator_do_not_count(
    start_service: Any, an_event: Event, database_url: str, redis_url: str
) -> None:
    async with start_service(database_url, redis_url, max_backlog_bytes=BOUND) as service:
        await service.post(*(an_event(number) for number in range(10)))
        async with service.application.engine.begin() as evaluator:
            await evaluator.execute(text("UPDATE messaging.mailbox SET handled_at = clock_timestamp()"))

        await service.application.backlog.measure()

        assert (await service.post(an_event(11))).status_code == 202


async def test_intake_near_the_bound_does_not_start_and_stop_with_every_message(
    start_service: Any, an_event: Event, database_url: str, redis_url: str
) -> None:
    async with start_service(database_url, redis_url) as service:
        for number in range(20):
            await service.post(an_event(number))
        (size,) = await service.rows("SELECT sum(octet_length(payload) + 400)::bigint FROM messaging.mailbox")
    async with start_service(database_url, redis_url, max_backlog_bytes=size - 1) as service:
        await service.application.backlog.measure()
        async with service.application.engine.begin() as evaluator:
            first = "SELECT min(message_id) FROM messaging.mailbox"
            await evaluator.execute(text(f"DELETE FROM messaging.mailbox WHERE message_id = ({first})"))

        await service.application.backlog.measure()

        assert (await service.post(an_event(21))).status_code == 503
