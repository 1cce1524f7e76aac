"""Numbers of former units: the parts of a merged unit are added when all are there, and set aside when not."""

import datetime as dt
from collections.abc import Iterable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.ingest.domain.aliases import AliasTable
from services.ingest.domain.normalize import Normalizer
from services.ingest.domain.pairing import read_values
from services.ingest.domain.reading import Desk, PayloadFormat, Reading
from services.ingest.domain.tokens import Grant
from services.ingest.domain.values import DataValue, decode_values
from shared.contracts.vocabulary import Part, Stage
from shared.contracts.vocabulary import QuarantineReason as Reason
from tests.unit.ingest.lands import LAST, MERGED, NEW_DAY, OLD_DAY, PARTS, a_land

NOW = dt.datetime(2026, 10, 15, 5, 0, tzinfo=dt.UTC)
LAND = a_land()
NORMALIZER = Normalizer(LAND)
TABLE = AliasTable(LAND.profiles[0], ["rate"])
AT = "2026-10-01T08:00:00+07:00"


def a_value(unit: str, element: str = "Num", number: Any = 10, **more: Any) -> DataValue:
    fields: dict[str, Any] = {"element": element, "org_unit": unit, "period": NEW_DAY, "value": number}
    return DataValue(**(fields | {"observed_at": AT} | more))


def read(
    values: Iterable[DataValue], table: AliasTable = TABLE, normalizer: Normalizer = NORMALIZER, *, apart: bool = False
) -> Reading:
    reading = Reading(PayloadFormat.DHIS2)
    desk = Desk(normalizer, Grant("hmis", frozenset()), NOW)
    for _ in read_values(list(values), desk, reading, table, apart=apart):
        pass
    seen = [row for good in reading.good for row in (good.row, *good.mates)]
    seen += [row for bad in reading.bad for row in (bad.row, *bad.mates)]
    assert sorted(seen) == sorted(set(seen)), "no row counts twice"
    assert len(seen) + reading.repeated_rows == reading.rows, "every row counts"
    return reading


def test_the_counts_of_all_parts_are_added_into_one_report_of_the_merged_unit() -> None:
    ratios = {"101": (1, 10), "102": (2, 20), "103": (3, 30)}
    values = [a_value(part, role, number) for part, ratio in ratios.items()
              for role, number in zip(("Num", "Den"), ratio, strict=True)]  # fmt: skip

    reading = read(values)

    (draft,) = reading.good
    assert not reading.bad
    assert (draft.unit, draft.row, draft.mates) == (MERGED, 0, (1, 2, 3, 4, 5))
    assert (draft.event.numerator, draft.event.denominator, draft.event.part) == (6, 60, Part.MEASURE)
    assert decode_values(draft.raw) == values


def test_events_of_all_parts_are_added_too() -> None:
    (draft,) = read(a_value(part, "Events", number) for part, number in zip(PARTS, (0, 1, 2), strict=True)).good

    assert (draft.unit, draft.event.value) == (MERGED, 3)


def test_a_sum_is_observed_when_the_last_part_was() -> None:
    times = ("2026-10-01T08:00:00+07:00", "2026-10-03T08:00:00+07:00", "2026-10-02T08:00:00+07:00")

    (draft,) = read(a_value(part, observed_at=at) for part, at in zip(PARTS, times, strict=True)).good

    assert draft.event.observed_at == dt.datetime(2026, 10, 3, 1, tzinfo=dt.UTC)
    assert draft.arrival is None


@pytest.mark.parametrize(("apart", "reports"), [(False, 1), (True, 2)])
def test_the_two_halves_of_a_sum_are_kept_apart_where_halves_are(apart: bool, reports: int) -> None:
    later = "2026-10-02T08:00:00+07:00"
    values = [a_value(part, "Den", 20, observed_at=later) for part in PARTS] + [a_value(part) for part in PARTS]

    reading = read(values, apart=apart)

    assert len(reading.good) == reports
    assert {draft.event.denominator for draft in reading.good} == ({60} if not apart else {60, None})


def test_a_sum_with_a_part_without_time_is_left_to_the_journal() -> None:
    (draft,) = read(a_value(part, observed_at=AT if part != "102" else None) for part in PARTS).good

    assert draft.arrival is not None
    assert draft.event.observed_at == NOW


def test_a_sum_is_final_only_when_all_parts_are() -> None:
    def stage(*stages: Stage | None) -> Stage | None:
        (draft,) = read(a_value(part, stage=stage) for part, stage in zip(PARTS, stages, strict=True)).good
        return draft.event.stage

    assert stage(Stage.FINAL, Stage.FINAL, Stage.FINAL) is Stage.FINAL
    assert stage(Stage.FINAL, None, Stage.FINAL) is None
    assert stage(Stage.FINAL, Stage.PROVISIONAL, None) is Stage.PROVISIONAL


def test_a_missing_part_sets_the_others_aside_and_is_named() -> None:
    reading = read([a_value("101"), a_value("103"), a_value("601")])

    (bad,) = reading.bad
    assert (bad.row, bad.mates) == (0, (1,))
    assert (bad.fault.reason, bad.fault.field, bad.fault.value) == (Reason.COMMUNE_PART, "commune", "101, 103")
    assert "101@2025-07-01 (Xã Đồng Đăng)" in bad.fault.detail
    assert bad.fault.detail.endswith("does not give the numerator of 102 (Xã Bảo Lâm)")
    assert [draft.unit for draft in reading.good] == ["601"], "the neighbours are unharmed"


def test_of_two_roles_the_one_that_is_whole_is_taken() -> None:
    values = [*(a_value(part, "Num") for part in PARTS), a_value("101", "Den", 90), a_value("102", "Den", 80)]

    reading = read(values)

    (draft,), (bad,) = reading.good, reading.bad
    assert (draft.event.part, draft.event.numerator, draft.mates) == (Part.NUMERATOR, 30, (1, 2))
    assert (bad.row, bad.mates, bad.fault.reason) == (3, (4,), Reason.COMMUNE_PART)
    assert "denominator of 103" in bad.fault.detail


@pytest.mark.parametrize(
    ("element", "number"),
    [pytest.param("Rate", 96.7, id="a percentage"), pytest.param("Paper", True, id="a certificate")],
)
def test_what_is_no_count_is_never_added(element: str, number: object) -> None:
    reading = read(a_value(part, element, number) for part in PARTS)

    (bad,) = reading.bad
    assert not reading.good
    assert (bad.fault.reason, bad.mates) == (Reason.COMMUNE_PART, (1, 2))
    assert "only counts" in bad.fault.detail
    assert bad.fault.remedy is not None, "that of the reason, to send all former units, would not help"
    assert "all its former units" not in bad.fault.remedy.en


@pytest.mark.parametrize(("element", "number"), [("Num", 5), ("Rate", 96.7), ("Paper", True), ("Events", 0)])
def test_every_measure_follows_a_unit_that_was_only_renamed(element: str, number: object) -> None:
    (draft,) = read([a_value("201", element, number)]).good

    assert draft.unit == "201@2025-07-01"


def test_two_wrong_parts_do_not_make_a_right_sum() -> None:
    reading = read(
        [a_value("101", "Num", 20), a_value("101", "Den", 10)]
        + [a_value(part, element, number) for part in ("102", "103") for element, number in (("Num", 1), ("Den", 50))]
    )

    assert not reading.good
    assert {bad.fault.reason for bad in reading.bad} == {Reason.NUMERATOR_OVER_DENOMINATOR, Reason.COMMUNE_PART}


TODAY = AliasTable(a_land(None).profiles[0], ["rate"])


def test_a_code_that_was_taken_over_is_set_aside_beside_former_codes_of_the_same_unit() -> None:
    reading = read([a_value("101"), a_value("102"), a_value("101", "Den", 90), a_value("601")], TODAY)

    assert [draft.unit for draft in reading.good] == ["601"]
    assert {bad.row: bad.fault.reason for bad in reading.bad} == {
        0: Reason.COMMUNE_PART, 1: Reason.COMMUNE_NOT_VALID_THEN, 2: Reason.COMMUNE_PART,
    }  # fmt: skip
    fault = next(bad.fault for bad in reading.bad if bad.row == 0)
    assert fault.value == "101"
    assert fault.detail == (
        "this code is also that of a former part: 101 (Thị trấn Đồng Đăng, until 2025-06-30); "
        "the message uses former codes (102): state codes_as_of in the profile"
    )
    assert fault.remedy is not None
    assert "codes_as_of" in fault.remedy.vi


def test_of_a_doubtful_code_every_row_is_set_aside_repeated_ones_too() -> None:
    reading = read([a_value("101"), a_value("101"), a_value("101", number=11), a_value("103")], TODAY)

    assert not reading.good
    assert sorted((bad.row, bad.mates) for bad in reading.bad) == [(0, (1,)), (2, ()), (3, ())]


@pytest.mark.parametrize(
    ("whole", "beside"),
    [
        pytest.param(a_value("101"), a_value("601"), id="no former code"),
        pytest.param(a_value(MERGED), a_value("102"), id="an id"),
        pytest.param(a_value("101", org_unit_name="Xã Đồng Đăng"), a_value("102"), id="the new name beside the code"),
        pytest.param(a_value("101"), a_value("102", "Events", 1), id="of another indicator"),
        pytest.param(a_value("101"), a_value("102", period="2026-08"), id="of another period"),
        pytest.param(a_value("101"), a_value("401"), id="a part of another unit"),
    ],
)
def test_a_code_that_can_mean_the_whole_only_is_taken(whole: DataValue, beside: DataValue) -> None:
    reading = read([whole, beside], TODAY)

    assert MERGED in [draft.unit for draft in reading.good]


def test_a_former_name_gives_the_codes_away_too() -> None:
    reading = read([a_value("101"), a_value("", org_unit_name="Xã Bảo Lâm")], TODAY)

    assert sorted(bad.fault.reason for bad in reading.bad) == [Reason.COMMUNE_PART, Reason.UNKNOWN_COMMUNE]


def test_a_message_that_also_reports_the_whole_needs_no_parts() -> None:
    reading = read([*(a_value(part) for part in PARTS), a_value(MERGED, number=77)])

    (draft,), (bad,) = reading.good, reading.bad
    assert (draft.row, draft.event.numerator) == (3, 77)
    assert (bad.fault.reason, bad.mates) == (Reason.COMMUNE_PART, (1, 2))
    assert "as a whole, too" in bad.fault.detail


def test_a_part_that_contradicts_itself_spoils_the_sum() -> None:
    reading = read([*(a_value(part) for part in PARTS), a_value("102", number=11)])

    assert not reading.good
    assert [bad.fault.reason for bad in reading.bad] == [Reason.CONTRADICTED, Reason.CONTRADICTED, Reason.COMMUNE_PART]


def test_of_two_values_of_one_part_the_newer_is_added_and_the_older_set_aside() -> None:
    later = "2026-10-02T08:00:00+07:00"

    reading = read([*(a_value(part) for part in PARTS), a_value("102", number=15, observed_at=later)])

    (draft,), (bad,) = reading.good, reading.bad
    assert draft.event.numerator == 35
    assert (bad.row, bad.fault.reason) == (1, Reason.COMMUNE_PART)
    assert "newer value of the same part" in bad.fault.detail


def test_a_repeated_part_is_a_repetition() -> None:
    reading = read([*(a_value(part) for part in PARTS), a_value("102")])

    assert reading.repeated_rows == 1
    assert reading.good[0].event.numerator == 30


def test_all_parts_deleted_delete_the_whole() -> None:
    (draft,) = read(a_value(part, number=None, deleted=True) for part in PARTS).good

    assert (draft.deleted, draft.unit, draft.event.part) == (True, MERGED, Part.NUMERATOR)


def test_one_deleted_part_deletes_nothing() -> None:
    reading = read([a_value("101", number=None, deleted=True), a_value("102"), a_value("103")])

    assert not reading.good
    assert [bad.fault.reason for bad in reading.bad] == [Reason.COMMUNE_PART] * 2


def test_parts_of_two_messages_are_never_added() -> None:
    assert not read([a_value("101"), a_value("102")]).good
    assert not read([a_value("103")]).good


def test_an_old_period_takes_the_parts_as_they_were() -> None:
    reading = read(a_value(part, period=OLD_DAY) for part in PARTS)

    assert sorted(draft.unit for draft in reading.good) == list(PARTS)


def test_a_resend_has_the_same_identity_in_any_order_and_with_names_beside_the_codes() -> None:
    names = {"101": "TT Đồng Đăng", "102": "Xã Bảo Lâm", "103": "Hoà Cư"}

    one = read(a_value(part, number=int(part)) for part in PARTS).good[0]
    other = read(a_value(part, number=int(part), org_unit_name=names[part]) for part in reversed(PARTS)).good[0]
    whole = read([a_value(MERGED, number=306)]).good[0]

    assert one.event.event_id == other.event.event_id == whole.event.event_id


def test_a_code_and_a_name_of_one_unit_make_one_ratio() -> None:
    (draft,) = read([a_value("601", "Num", 5), a_value("", "Den", 9, org_unit_name="Xã Yên Ổn")]).good

    assert (draft.event.numerator, draft.event.denominator) == (5, 9)


def test_a_period_that_is_not_given_is_the_last_complete_one_of_the_profile() -> None:
    land = a_land(LAST, default_period="nine_months")
    table = AliasTable(land.profiles[0])

    (draft,) = read([a_value("601", period="")], table, Normalizer(land)).good

    assert (draft.event.period_start, draft.event.period_end) == (dt.date(2026, 1, 1), dt.date(2026, 9, 30))
    assert decode_values(draft.raw)[0].period == "2026-9M", "and it is kept, so that a retry means the same one"


def test_a_period_that_nobody_gives_is_missing() -> None:
    (bad,) = read([a_value("601", period="")]).bad

    assert (bad.fault.reason, bad.fault.field) == (Reason.MISSING_FIELD, "period")


@given(st.lists(st.integers(1, 100_000), min_size=3, max_size=3), st.permutations(range(6)))
def test_a_sum_is_the_sum_in_any_order_of_rows(numbers: list[int], order: list[int]) -> None:
    values = [a_value(part, element, number * twice) for part, number in zip(PARTS, numbers, strict=True)
              for element, twice in (("Num", 1), ("Den", 2))]  # fmt: skip

    (draft,) = read([values[place] for place in order]).good

    assert (draft.event.numerator, draft.event.denominator) == (sum(numbers), 2 * sum(numbers))
    assert sorted((draft.row, *draft.mates)) == list(range(6))


@given(st.sets(st.sampled_from(PARTS), max_size=2), st.permutations(PARTS))
def test_without_all_parts_there_is_no_report(there: set[str], order: list[str]) -> None:
    reading = read(a_value(part) for part in order if part in there)

    assert not reading.good
    assert sum(1 + len(bad.mates) for bad in reading.bad) == len(there)
