"""What one message says of its facts: halves make one report, repetitions count once, contradictions are set aside."""

from collections.abc import Callable, Iterable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.ingest.adapters.intake import alias_tables
from services.ingest.domain.normalize import Normalizer
from services.ingest.domain.pairing import read_values
from services.ingest.domain.reading import Desk, PayloadFormat, Reading
from services.ingest.domain.receipts import Quarantined, Receipt
from services.ingest.domain.report import make_report
from services.ingest.domain.tokens import Grant
from services.ingest.domain.values import DataValue, Row, decode_values
from shared.catalog.catalog import Catalog
from shared.contracts.vocabulary import Part
from shared.contracts.vocabulary import QuarantineReason as Reason
from tests.unit.ingest.conftest import NOW

EARLY, LATE = "2024-10-02T01:30:00Z", "2024-10-03T01:30:00Z"
ReadRows = Callable[..., Reading]


def a_value(element: str = "Cards", value: Any = "950", **fields: Any) -> DataValue:
    known: dict[str, Any] = {"option": "Male", "period": "202409", "org_unit": "C1", "observed_at": EARLY}
    return DataValue(element=element, value=value, **(known | fields))


def people(value: Any = "1000", **fields: Any) -> DataValue:
    return a_value("People", value, **fields)


def read_with(catalog: Catalog, desk: Desk, rows: Iterable[Row]) -> Reading:
    reading = Reading(PayloadFormat.DHIS2)
    for _ in read_values(rows, desk, reading, alias_tables(catalog)["hmis"]):
        pass
    return reading


@pytest.fixture
def read_rows(catalog: Catalog, desk: Desk) -> ReadRows:
    return lambda *rows: read_with(catalog, desk, rows)


def told(reading: Reading) -> list[tuple[Part, int | None, int | None]]:
    return [(draft.event.part, draft.event.numerator, draft.event.denominator) for draft in reading.good]


def test_two_halves_become_one_report_observed_when_the_later_was(read_rows: ReadRows) -> None:
    reading = read_rows(people(observed_at=LATE), a_value())

    (draft,) = reading.good
    assert told(reading) == [(Part.MEASURE, 950, 1000)]
    assert (draft.row, draft.mates) == (0, (1,))
    assert draft.event.observed_at.day == 3


def test_halves_of_different_facts_stay_alone(read_rows: ReadRows) -> None:
    others: list[dict[str, Any]] = [{"period": "202408"}, {"org_unit": "C2"}, {"deleted": True}]

    for other in others:
        assert len(read_rows(a_value(), people(**other)).good) == 2


def test_the_same_value_again_is_a_repetition(read_rows: ReadRows) -> None:
    reading = read_rows(a_value(), a_value(), people(), a_value())

    assert told(reading) == [(Part.MEASURE, 950, 1000)]
    assert (reading.rows, reading.repeated_rows) == (4, 2)


def test_of_two_values_with_times_both_are_taken_and_the_newer_one_makes_the_pair(read_rows: ReadRows) -> None:
    reading = read_rows(a_value(value="949", observed_at=LATE), a_value(), people())

    assert told(reading) == [(Part.NUMERATOR, 950, None), (Part.MEASURE, 949, 1000)]


@pytest.mark.parametrize("time", [None, EARLY])
def test_two_values_that_nothing_orders_are_both_set_aside(read_rows: ReadRows, time: str | None) -> None:
    reading = read_rows(a_value(observed_at=time), a_value(value="951", observed_at=time), people(observed_at=time))

    assert [(bad.row, bad.fault.reason, bad.fault.detail) for bad in reading.bad] == [
        (0, Reason.CONTRADICTED, "the message says 950, 951"),
        (1, Reason.CONTRADICTED, "the message says 950, 951"),
    ]
    assert told(reading) == [(Part.DENOMINATOR, None, 1000)]


def test_a_percentage_that_repeats_the_counts_beside_it_counts_as_a_repetition(read_rows: ReadRows) -> None:
    reading = read_rows(a_value("Share", "95.0"), a_value(), people())

    assert told(reading) == [(Part.MEASURE, 950, 1000)]
    assert (reading.bad, reading.repeated_rows) == ([], 1)


def test_a_percentage_that_is_another_rate_than_its_counts_contradicts_them(read_rows: ReadRows) -> None:
    reading = read_rows(a_value(), people(), a_value("Share", "12"))

    assert reading.good == []
    assert sorted(bad.row for bad in reading.bad) == [0, 1, 2]
    assert {bad.fault.reason for bad in reading.bad} == {Reason.CONTRADICTED}


def test_a_percentage_of_another_moment_is_a_report_of_its_own(read_rows: ReadRows) -> None:
    assert len(read_rows(a_value(), people(), a_value("Share", "12", observed_at=LATE)).good) == 2


@pytest.mark.parametrize("order", [(0, 1, 2), (2, 1, 0), (1, 2, 0)])
def test_a_newer_value_stands_above_a_contradiction_in_any_order(read_rows: ReadRows, order: tuple[int, ...]) -> None:
    values = [a_value(), a_value(value="951"), a_value(value="952", observed_at=LATE)]

    reading = read_rows(*(values[index] for index in order), people())

    assert told(reading) == [(Part.MEASURE, 952, 1000)]
    assert [bad.fault.reason for bad in reading.bad] == [Reason.CONTRADICTED] * 2


def test_a_row_set_aside_is_kept_as_the_values_it_was_made_of(read_rows: ReadRows) -> None:
    values = [a_value(value="1001"), people()]

    (bad,) = read_rows(*values).bad

    assert bad.fault.reason is Reason.NUMERATOR_OVER_DENOMINATOR
    assert decode_values(bad.raw) == values


@given(st.permutations([a_value(), people(), a_value(value="7", option="Female"), people(period="202408")]))
def test_the_order_of_rows_does_not_matter(catalog: Catalog, normalizer: Normalizer, rows: list[DataValue]) -> None:
    reading = read_with(catalog, Desk(normalizer, Grant("hmis"), NOW), rows)

    assert sorted(draft.key for draft in reading.good) == sorted(
        draft.key for draft in read_with(catalog, Desk(normalizer, Grant("hmis"), NOW), rows[::-1]).good
    )
    assert len(reading.good) == 3


_ROWS = st.lists(
    st.builds(
        a_value,
        st.sampled_from(["Cards", "People", "Paper", "Unknown"]),
        st.sampled_from(["1", "2", "true", "x", None]),
        option=st.sampled_from(["Male", "Female", None]),
        observed_at=st.sampled_from([None, EARLY, LATE, "yesterday"]),
        deleted=st.booleans(),
    ),
    max_size=12,
)


@given(_ROWS)
def test_every_row_is_counted_once(catalog: Catalog, normalizer: Normalizer, rows: list[DataValue]) -> None:
    reading = read_with(catalog, Desk(normalizer, Grant("hmis"), NOW), rows)
    receipt = Receipt([Quarantined.of(bad) for bad in reading.bad])
    receipt.count_accepted(reading.good)

    report = make_report("hmis", reading, receipt)

    counts = (report.accepted, report.updated, report.deleted, report.duplicates, report.stale, report.quarantined)
    assert sum(counts) == report.rows == len(rows)
