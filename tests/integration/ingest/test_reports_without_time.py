"""Reports whose sender gives neither id nor time: what was last said of a fact is what counts, and it is never lost."""

import datetime as dt
import json
from typing import Any

import pytest

from shared.contracts.vocabulary import QuarantineReason as Reason
from tests.integration.ingest.conftest import the_catalog
from tests.integration.ingest.test_quarantine import with_commune

pytestmark = pytest.mark.integration
Counts = dict[str, int]
_COUNTS = ("accepted", "updated", "deleted", "duplicates", "stale", "quarantined")


def cards(value: str, **fields: Any) -> dict[str, Any]:
    return _value("Cards", value, **fields)


def people(value: str = "1000", **fields: Any) -> dict[str, Any]:
    return _value("People", value, **fields)


def _value(element: str, value: str, **fields: Any) -> dict[str, Any]:
    known = {"dataElement": element, "categoryOptionCombo": "Male", "period": "202409", "orgUnit": "C1"}
    return known | {"value": value} | fields


async def sent(service: Any, *values: dict[str, Any], minutes: int = 1) -> Counts:
    """Send values, `minutes` after the last ones; return the counts that are not 0."""
    service.clock.advance(dt.timedelta(minutes=minutes))
    response = await service.client.post(
        "/v1/import", json={"dataValues": list(values)}, headers={"Content-Type": "application/json"}
    )
    report = response.json()
    assert sum(report[name] for name in (*_COUNTS, "refused")) == report["rows"] == len(values)
    return {name: report[name] for name in _COUNTS if report[name]}


async def test_a_whole_said_again_after_one_half_had_changed_is_no_replay(service: Any) -> None:
    whole = [cards("950"), people()]

    assert await sent(service, *whole) == {"accepted": 2}
    assert await sent(service, cards("951")) == {"accepted": 1}

    assert await sent(service, *whole) == {"updated": 2}
    assert await sent(service, *whole) == {"duplicates": 2}


async def test_a_whole_said_again_after_one_half_was_deleted_is_no_replay(service: Any) -> None:
    whole = [cards("950"), people()]

    assert await sent(service, *whole) == {"accepted": 2}
    assert await sent(service, cards("950", deleted=True)) == {"deleted": 1}

    assert await sent(service, *whole) == {"updated": 2}


async def test_halves_that_come_in_turns_are_replays_of_themselves(service: Any) -> None:
    assert await sent(service, cards("950")) == {"accepted": 1}
    assert await sent(service, people()) == {"accepted": 1}

    assert await sent(service, cards("950")) == {"duplicates": 1}
    assert await sent(service, people()) == {"duplicates": 1}
    assert await sent(service, cards("950"), people()) == {"duplicates": 2}


async def test_a_period_is_its_days_however_it_is_written(service: Any) -> None:
    written = ("202409", "2024-09", "2024-09-01/P1M")

    assert await sent(service, cards("950"), people()) == {"accepted": 2}
    for period in written:
        assert await sent(service, cards("950", period=period), people(period=period)) == {"duplicates": 2}
    assert await sent(service, cards("951", period="2024-09"), people(period="2024-09")) == {"updated": 2}
    assert await sent(service, cards("950"), people()) == {"updated": 2}
    assert await sent(service, cards("952"), cards("953", period="2024-09"), people()) == {
        "quarantined": 2,
        "duplicates": 1,
    }


async def test_what_a_clock_that_went_back_made_stale_is_taken_when_it_is_said_again(service: Any) -> None:
    assert await sent(service, cards("950"), people()) == {"accepted": 2}
    assert await sent(service, cards("951"), people(), minutes=-5) == {"stale": 2}

    assert await sent(service, cards("951"), people(), minutes=10) == {"updated": 2}


async def test_a_deletion_that_is_stale_counts_once(service: Any) -> None:
    late, early = "2024-10-03T01:30:00Z", "2024-10-02T01:30:00Z"

    assert await sent(service, cards("950", deleted=True, lastUpdated=late)) == {"deleted": 1}

    assert await sent(service, cards("950", deleted=True, lastUpdated=early)) == {"stale": 1}


async def test_one_moment_written_with_another_offset_is_the_same_report(service: Any) -> None:
    assert await sent(service, cards("950", lastUpdated="2024-10-02T01:30:00Z")) == {"accepted": 1}

    assert await sent(service, cards("950", lastUpdated="2024-10-02T08:30:00.000+0700")) == {"duplicates": 1}


async def test_a_retry_of_an_older_value_does_not_make_the_same_value_a_replay_later(
    start_service: Any, database_url: str, redis_url: str
) -> None:
    catalog = with_commune("N1")
    async with start_service(database_url, redis_url) as service:
        assert await sent(service, cards("950", orgUnit="N1")) == {"quarantined": 1}
    async with start_service(database_url, redis_url, catalog) as service:
        assert await sent(service, cards("960", orgUnit="N1"), minutes=5) == {"accepted": 1}
        assert len((await service.retry(catalog).retry()).accepted) == 1

        assert await sent(service, cards("950", orgUnit="N1")) == {"updated": 1}


async def test_a_retried_row_without_a_time_holds_from_when_it_was_last_sent(service: Any) -> None:
    for value in ("950", "960", "950"):
        await sent(service, cards(value, orgUnit="N1"))

    await service.retry(with_commune("N1")).retry()

    reports = [json.loads(event) for event in await service.rows("SELECT event FROM ingest.journal ORDER BY seq")]
    assert max(reports, key=lambda report: report["observed_at"])["numerator"] == 950


async def test_values_that_contradict_one_another_wait_for_a_choice(service: Any) -> None:
    assert await sent(service, cards("950"), cards("951"), people()) == {"accepted": 1, "quarantined": 2}
    retry = service.retry(the_catalog())

    report = await retry.retry()

    assert report.accepted == []
    assert [fault.reason for fault in report.still_bad.values()] == [Reason.CONTRADICTED] * 2
    chosen = sorted(report.still_bad)[1]
    assert (await retry.retry([chosen])).accepted == [chosen]


async def test_values_in_cloud_events_without_a_time_are_told_apart_like_any_others(service: Any) -> None:
    async def sent_in_events(*documents: list[dict[str, Any]]) -> tuple[int, int, int]:
        service.clock.advance(dt.timedelta(minutes=1))
        head = {"specversion": "1.0", "source": "hmis", "type": "org.example.report"}
        events = [head | {"id": f"A{n}", "data": {"dataValues": values}} for n, values in enumerate(documents)]
        headers = {"Content-Type": "application/cloudevents-batch+json"}
        answer = (await service.client.post("/v1/events", json=events, headers=headers)).json()
        return answer["accepted"], answer["duplicates"], answer["quarantined"]

    assert await sent_in_events([cards("950"), people()], [cards("800", period="202408")]) == (2, 0, 0)
    assert await sent_in_events([cards("951"), people()], [cards("800", period="202408")]) == (1, 1, 0)
    assert await sent_in_events([cards("950")], [cards("952")], [cards("952")], [cards("950")]) == (3, 1, 0)
    assert await sent(service, cards("950")) == {"duplicates": 1}


async def test_a_fact_with_endless_values_and_no_time_is_refused_before_it_holds_up_the_others(service: Any) -> None:
    head = {"specversion": "1.0", "id": "A1", "source": "hmis", "type": "org.example.report"}
    events = [head | {"data": {"dataValues": [cards(str(number % 2))]}} for number in range(1_100)]
    headers = {"Content-Type": "application/cloudevents-batch+json"}

    answer = await service.client.post("/v1/events", json=events, headers=headers)

    assert (answer.status_code, await service.journal()) == (413, [])
