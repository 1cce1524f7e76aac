"""The quarantine: rows are read again with the catalog of today."""

from collections.abc import Callable
from typing import Any

import msgspec
import pytest

from services.ingest.adapters.quarantine import QuarantineStatus
from shared.catalog.catalog import Catalog
from shared.contracts.wire import decode_indicator_reported
from shared.testing.factories import a_catalog

pytestmark = pytest.mark.integration
Event = Callable[..., dict[str, Any]]


def with_commune(code: str) -> Catalog:
    """Return the small catalog with one commune more, and the DHIS2 profile."""
    units = [*a_catalog().model_dump()["units"]]
    units.append({"id": code, "code": code, "level": "commune", "type": "xa", "name_vi": "Xã mới", "parent": "D1"})
    aliases = [
        {"element": "Cards", "option": "Male", "indicator": "rate", "role": "numerator", "sex": "male"},
        {"element": "People", "option": "Male", "indicator": "rate", "role": "denominator", "sex": "male"},
    ]
    return a_catalog(units=units, profiles=[{"source": "hmis", "name_vi": "HMIS", "aliases": aliases}])


async def test_rows_that_are_right_now_enter_the_journal_and_the_mailbox(service: Any, an_event: Event) -> None:
    await service.post(an_event(1, commune="N1"), an_event(2, commune="N2"))

    report = await service.retry(with_commune("N1")).retry()

    rows = {row.event_id: row for row in await service.quarantine.list(status=None)}
    assert report.accepted == [rows["e1"].id]
    assert list(report.still_bad) == [rows["e2"].id]
    assert (rows["e1"].status, rows["e2"].status) == ("retried", "open")
    assert await service.journal() == ["e1"]
    (payload,) = await service.rows("SELECT payload FROM messaging.mailbox")
    assert [event.unit for event in decode_indicator_reported(payload).events] == ["N1"]


async def test_a_second_retry_finds_nothing_to_do(service: Any, an_event: Event) -> None:
    await service.post(an_event(1, commune="N1"))
    retry = service.retry(with_commune("N1"))
    await retry.retry()

    again = await retry.retry()

    assert (again.accepted, again.duplicates, again.still_bad) == ([], [], {})
    assert await service.journal() == ["e1"]


async def test_only_the_given_rows_are_read_again(service: Any, an_event: Event) -> None:
    answer = await service.post(an_event(1, commune="N1"), an_event(2, commune="N1"))
    second = answer.json()["errors"][1]["quarantine_id"]

    await service.retry(with_commune("N1")).retry([second])

    assert await service.journal() == ["e2"]


async def test_a_row_in_every_format_can_be_read_again(service: Any, an_event: Event) -> None:
    cloud = {
        "specversion": "1.0",
        "id": "c1",
        "source": "hmis",
        "type": "t",
        "data": an_event(3, id=None, commune="N1"),
    }
    value = {"categoryOptionCombo": "Male", "period": "202409", "orgUnit": "N1"}
    await service.post(an_event(1, commune="N1"))
    await service.client.post("/v1/events", json=[an_event(2, commune="N1")])
    await service.client.post(
        "/v1/events", content=msgspec.json.encode(cloud), headers={"Content-Type": "application/cloudevents+json"}
    )
    await service.post_values({"dataElement": "Cards", "value": "9"}, {"dataElement": "People", "value": "10"}, **value)
    assert await service.journal() == []

    report = await service.retry(with_commune("N1")).retry()

    assert (len(report.accepted), report.still_bad) == (5, {})
    events = await service.rows("SELECT event::jsonb ->> 'denominator' FROM ingest.journal ORDER BY seq")
    assert sorted(events) == ["10", "1000", "1000", "1000"]
    assert (await service.journal())[:3] == ["e1", "e2", "c1"]


async def test_a_retried_row_that_the_sender_had_corrected_meanwhile_is_a_duplicate(
    service: Any, an_event: Event
) -> None:
    await service.post(an_event(1, sex="F"))
    bad = (await service.quarantine.list())[0]
    await service.post(an_event(1))

    report = await service.retry(with_commune("N1")).retry()

    assert list(report.still_bad) == [bad.id]
    assert await service.journal() == ["e1"]


async def test_discarded_rows_are_closed_and_stay_closed_when_sent_again(service: Any, an_event: Event) -> None:
    bad = an_event(1, commune="N1")
    answer = await service.post(bad)
    row_id = answer.json()["errors"][0]["quarantine_id"]

    assert await service.quarantine.discard([row_id, 999]) == [row_id]

    await service.post(bad)
    assert await service.quarantine.list() == []
    assert (await service.quarantine.show(row_id)).status == QuarantineStatus.DISCARDED
    assert (await service.quarantine.show(row_id)).seen == 2
    assert await service.quarantine.discard([row_id]) == []


async def test_rows_are_listed_by_reason_and_source(service: Any, an_event: Event) -> None:
    await service.post(an_event(1, commune="N1"), an_event(2, sex=None), an_event(3, sex=None))

    assert [row.event_id for row in await service.quarantine.list(reason="missing_sex")] == ["e2", "e3"]
    assert await service.quarantine.list(source="bhxh") == []
    assert await service.quarantine.count_open() == {"missing_sex": 2, "unknown_commune": 1}
    assert await service.quarantine.show(10**9) is None


async def test_a_row_that_its_source_may_send_now_is_taken(service: Any, an_event: Event) -> None:
    await service.post(an_event(1, source="agri"))
    assert (await service.quarantine.list())[0].reason == "source_not_allowed"

    await service.tokens.create("wider", "hmis", ["agri"])
    report = await service.retry(with_commune("N1")).retry()

    assert len(report.accepted) == 1
    assert await service.rows("SELECT source FROM ingest.journal") == ["agri"]


async def test_a_row_with_names_that_no_database_holds_is_told_again_and_stops_nothing(
    service: Any, an_event: Event
) -> None:
    await service.post(an_event(1) | {"stag\0e": "x"}, an_event(2, commune="N1"))

    report = await service.retry(with_commune("N1")).retry()

    rows = {row.event_id: row for row in await service.quarantine.list(status=None)}
    assert list(report.still_bad) == [rows["e1"].id]
    assert rows["e1"].field == "stag\N{REPLACEMENT CHARACTER}e"
    assert await service.journal() == ["e2"]
