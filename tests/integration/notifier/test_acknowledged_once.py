"""Who has acknowledged an alert stays who did so first, and each acknowledgement is told in one story only."""

import datetime as dt
import json
from collections.abc import AsyncIterator

import pytest

from services.notifier.adapters.audit_story import story_of
from services.notifier.adapters.report_store import SqlReportStore
from services.notifier.domain.delivery import Sent
from shared.contracts.vocabulary import Channel
from shared.testing.verdicts import a_breach
from tests.integration.notifier.link_desk import HERE, Desk, open_desk

pytestmark = pytest.mark.integration

NAME = "Nguyễn Thị Hoà, Phó Giám đốc"


@pytest.fixture
async def desk(database_url: str) -> AsyncIterator[Desk]:
    async with open_desk(database_url) as desk:
        yield desk


async def test_an_alert_that_a_link_has_acknowledged_once_is_not_acknowledged_by_it_after_that_is_taken_back(
    desk: Desk,
) -> None:
    await desk.tell(a_breach(1), a_breach(2, unit="06211"))
    link = await desk.link() or ""
    here, there = (row[0] for row in await desk.state())
    await desk.client.post(link, data={"by": NAME, "choice": "1", "alert": here})
    await desk.acknowledging.take_back(here, "Lê Văn C")

    await desk.client.post(link, data={"by": "Trần Văn D"})

    assert await desk.state() == [(here, "running", None), (there, "acknowledged", "Trần Văn D")]


async def test_a_second_acknowledgement_is_a_line_of_its_own_that_names_whose_it_confirms(desk: Desk) -> None:
    await desk.tell(a_breach(1))
    await desk.acknowledging.acknowledge(f"{HERE}:xa_ntm/15.1:female:1", "Lê Văn C")
    ((first_at, first_until),) = await desk.rows("SELECT acknowledged_at, acknowledged_until FROM notifier.course")
    desk.clock.advance(dt.timedelta(days=2))

    await desk.acknowledging.acknowledge(f"{HERE}:xa_ntm/15.1:female:1", "Trần Văn D", "đã gọi điện")

    ((at, by, until),) = await desk.rows(
        "SELECT acknowledged_at, acknowledged_by, acknowledged_until FROM notifier.course"
    )
    assert (at, by) == (first_at, "Lê Văn C")
    assert until > first_until
    lines = await desk.rows("SELECT actor, details FROM notifier.audit WHERE kind = 'acknowledged' ORDER BY id")
    details = [json.loads(line[1]) for line in lines]
    assert [line[0] for line in lines] == ["Lê Văn C", "Trần Văn D"]
    assert "acknowledged_by" not in details[0]
    assert (details[1]["acknowledged_by"], details[1]["acknowledged_at"]) == ("Lê Văn C", details[0]["at"])
    assert dt.datetime.fromisoformat(details[1]["at"]) == desk.clock.now()
    assert dt.datetime.fromisoformat(details[1]["until"]) == until


async def test_the_story_of_an_alert_holds_only_its_own_acknowledgement_though_one_link_served_for_many(
    desk: Desk,
) -> None:
    await desk.tell(a_breach(1), a_breach(2, unit="06211"))
    await desk.client.post(await desk.link() or "", data={"by": NAME})
    ids = [row[0] for row in await desk.state()]
    for delivery in await desk.outbox.take(Channel.MAIL, 10):
        await desk.outbox.settle(delivery, Sent("250 kept"))

    stories = [await story_of(desk.engine, each) for each in ids]
    trail = await SqlReportStore(desk.engine).trail(ids)

    for alert_id, story in zip(ids, stories, strict=True):
        assert story is not None
        assert {line.alert_id for line in story.lines} == {alert_id, None}
        assert [line.kind for line in story.lines].count("acknowledged") == 1
        assert [line.kind for line in story.lines].count("sent") >= 1
        mine = [line.kind for line in trail if line.alert_id == alert_id]
        assert mine.count("acknowledged") == 1
        assert mine.count("sent") >= 1
