"""The quarantine: data values of one request are read again together, as they would be in a fresh one."""

import datetime as dt
from typing import Any

import pytest

from shared.catalog.catalog import Catalog
from shared.testing.factories import a_catalog
from tests.integration.ingest.test_quarantine import with_commune

pytestmark = pytest.mark.integration
_ABOVE = {"categoryOptionCombo": "Male", "period": "202409"}


def cards(value: str, commune: str = "N1", **fields: Any) -> dict[str, Any]:
    return {"dataElement": "Cards", "orgUnit": commune, "value": value} | fields


def people(value: str, commune: str = "N1", **fields: Any) -> dict[str, Any]:
    return {"dataElement": "People", "orgUnit": commune, "value": value} | fields


def merged() -> Catalog:
    """Return a catalog in which N1 and N2 have become N3, for a source that still uses their codes."""
    first = dt.date(2024, 9, 1)
    common = {"level": "commune", "type": "xa", "parent": "D1"}
    old = {"effective_to": dt.date(2024, 8, 31), "successors": ["N3"]} | common
    units = [
        *with_commune("N0").model_dump()["units"],
        {"id": "N1", "code": "N1", "name_vi": "Xã Một"} | old,
        {"id": "N2", "code": "N2", "name_vi": "Xã Hai"} | old,
        {"id": "N3", "code": "N3", "name_vi": "Xã Ba", "effective_from": first} | common,
    ]
    (profile,) = with_commune("N0").model_dump()["profiles"]
    return a_catalog(units=units, profiles=[profile | {"codes_as_of": dt.date(2024, 8, 31)}])


async def reports(service: Any) -> list[tuple[str, int | None, int | None]]:
    """Return unit, numerator and denominator of every report in the journal."""
    asked = (
        "SELECT event::jsonb ->> 'unit', (event::jsonb ->> 'numerator')::int, (event::jsonb ->> 'denominator')::int "
        "FROM ingest.journal ORDER BY seq"
    )
    found: list[tuple[str, int | None, int | None]] = await service.rows(asked)
    return found


async def test_two_values_of_one_fact_contradict_one_another_as_in_a_fresh_request(service: Any) -> None:
    await service.post_values(cards("5"), cards("6"), people("10"), **_ABOVE)

    report = await service.retry(with_commune("N1")).retry()

    assert sorted(fault.reason.value for fault in report.still_bad.values()) == ["contradicted", "contradicted"]
    assert len(report.accepted) == 1
    assert await reports(service) == [("N1", None, 10)]


async def test_one_of_two_that_contradict_is_taken_when_its_id_is_given_and_the_other_goes_on_waiting(
    service: Any,
) -> None:
    answer = await service.post_values(cards("5"), cards("6"), people("10"), **_ABOVE)
    five, six, _ = [conflict["quarantineId"] for conflict in answer.json()["response"]["conflicts"]]
    retry = service.retry(with_commune("N1"))
    await retry.retry()

    by_hand = await retry.retry([five])
    everything = await retry.retry()

    assert (by_hand.accepted, by_hand.still_bad) == ([five], {})
    assert (everything.accepted, list(everything.still_bad)) == ([], [six])
    assert await reports(service) == [("N1", None, 10), ("N1", 5, None)]


async def test_the_halves_of_a_ratio_make_one_report_and_are_judged_by_one_another(service: Any) -> None:
    await service.post_values(cards("9"), people("10"), cards("11", "N2"), people("10", "N2"), **_ABOVE)

    report = await service.retry(with_both()).retry()

    assert {fault.reason.value for fault in report.still_bad.values()} == {"numerator_over_denominator"}
    assert (len(report.accepted), len(report.still_bad)) == (2, 2)
    assert await reports(service) == [("N1", 9, 10)]


def with_both() -> Catalog:
    """Return the catalog with N1 and N2."""
    (profile,) = with_commune("N1").model_dump()["profiles"]
    units = [*with_commune("N1").model_dump()["units"], with_commune("N2").model_dump()["units"][-1]]
    return a_catalog(units=units, profiles=[profile])


async def test_parts_of_a_merged_unit_are_added_up_once_they_are_known(service: Any) -> None:
    await service.post_values(cards("5"), people("10"), cards("7", "N2"), people("10", "N2"), **_ABOVE)

    report = await service.retry(merged()).retry()

    assert (len(report.accepted), report.still_bad) == (4, {})
    assert await reports(service) == [("N3", 12, 20)]


async def test_parts_of_two_requests_are_not_added_up(service: Any) -> None:
    await service.post_values(cards("5"), **_ABOVE)
    await service.post_values(cards("7", "N2"), **_ABOVE)

    report = await service.retry(merged()).retry()

    assert {fault.reason.value for fault in report.still_bad.values()} == {"commune_part"}
    assert await reports(service) == []


async def test_a_row_is_read_with_those_of_the_request_in_which_it_was_last_seen(service: Any) -> None:
    await service.post_values(cards("5"), people("10"), **_ABOVE)
    service.clock.advance(dt.timedelta(minutes=1))
    await service.post_values(cards("5"), people("12"), **_ABOVE)

    report = await service.retry(with_commune("N1")).retry()

    assert (len(report.accepted), report.still_bad) == (3, {})
    assert await reports(service) == [("N1", None, 10), ("N1", 5, 12)]


async def test_halves_of_two_moments_are_taken_each_at_its_own(service: Any) -> None:
    early, late = "2024-10-01T08:00:00+07:00", "2024-10-02T08:00:00+07:00"
    await service.post_values(cards("5", lastUpdated=early), people("10", lastUpdated=late), **_ABOVE)

    report = await service.retry(with_commune("N1")).retry()

    moments = await service.rows("SELECT event::jsonb ->> 'observed_at' FROM ingest.journal ORDER BY seq")
    assert len(report.accepted) == 2
    assert await reports(service) == [("N1", 5, None), ("N1", None, 10)]
    assert [dt.datetime.fromisoformat(moment) for moment in moments] == [
        dt.datetime.fromisoformat(early), dt.datetime.fromisoformat(late),
    ]  # fmt: skip


async def test_rows_known_by_now_are_closed_as_duplicates(service: Any) -> None:
    late = "2024-10-02T08:00:00+07:00"
    values = (cards("5", lastUpdated=late), people("10", lastUpdated=late))
    answer = await service.post_values(*values, **_ABOVE)
    ids = [conflict["quarantineId"] for conflict in answer.json()["response"]["conflicts"]]
    retry = service.retry(with_commune("N1"))
    await retry.retry()
    await service.post_values(*values, **_ABOVE)

    again = await retry.retry()

    assert (again.accepted, again.duplicates, again.still_bad) == ([], ids, {})


async def test_a_repeated_value_is_closed_with_the_one_it_repeats_and_stays_with_a_bad_one(service: Any) -> None:
    await service.post_values(cards("5"), cards("5.0"), cards("5"), **_ABOVE)

    still = await service.retry(with_commune("N2")).retry()
    closed = await service.retry(with_commune("N1")).retry()

    assert len(still.still_bad) == len(closed.accepted) + len(closed.duplicates)
    assert await service.quarantine.list() == []
    assert await reports(service) == [("N1", 5, None)]


async def test_rows_tell_the_file_and_the_place_in_which_they_were_last_seen(service: Any) -> None:
    line = b"N1,202409,Cards,Male,5\n"
    head = b"orgunit,period,dataelement,categoryoptioncombo,value\n"
    for name, body in (
        ("../thang-9/b\tao cao.csv", head + line),
        ("sau.csv", head + b"C1,202409,Cards,Male,5\n" + line),
    ):
        await service.client.post("/v1/import", files=[("file", (name, body, "text/csv"))])

    (row,) = await service.quarantine.list()
    shown = await service.quarantine.show(row.id)

    assert (row.file_name, row.place, row.seen) == ("sau.csv", "line 3", 2)
    assert (shown.file_name, shown.place) == ("sau.csv", "line 3")
    names = await service.rows("SELECT file_name FROM ingest.request ORDER BY id")
    assert names[0] in ("bao cao.csv", "b%09ao cao.csv")


async def test_a_row_keeps_the_remedy_of_its_very_case(service: Any) -> None:
    values = {"dataElement": "Cards", "period": "202409", "orgUnit": "C1", "value": "5"}
    await service.post_values(values)
    (row,) = await service.quarantine.list()

    await service.retry(with_commune("N1")).retry()
    (again,) = await service.quarantine.list()

    assert "with its categoryOptionCombo" in row.remedy
    assert (again.remedy, again.remedy_vi) == (row.remedy, row.remedy_vi)


async def test_rows_are_discarded_by_reason_source_and_request(service: Any, an_event: Any) -> None:
    await service.post(an_event(1, commune="N1"), an_event(2, sex=None))
    await service.post(an_event(3, sex=None), an_event(4, sex=None))
    first, second, third, fourth = sorted(await service.quarantine.list(), key=lambda row: row.event_id)

    assert await service.quarantine.discard(source="bhxh") == []
    assert await service.quarantine.discard(reason="missing_sex", request_id=third.request_id) == [third.id, fourth.id]
    assert await service.quarantine.discard([first.id, second.id], reason="missing_sex") == [second.id]
    assert [row.id for row in await service.quarantine.list()] == [first.id]
    with pytest.raises(ValueError, match="which rows"):
        await service.quarantine.discard()
