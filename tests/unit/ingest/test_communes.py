"""Which unit a code, an id or a name of a data value means: by vintage, by period, by succession."""

import contextlib
import datetime as dt
import unicodedata
from typing import Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.ingest.domain.communes import Communes, Spot
from services.ingest.domain.faults import RefusedError
from services.ingest.domain.normalize import Normalizer
from services.ingest.domain.periods import parse_period
from shared.catalog.load import load_catalog
from shared.contracts.vocabulary import QuarantineReason as Reason
from tests.unit.ingest.lands import FIRST, LAST, MERGED, NEW_DAY, OLD_DAY, PARTS, UNITS, a_land

LAND = a_land()
NORMALIZER = Normalizer(LAND)
BY_PERIOD, OLD_CODES, NEW_CODES = (NORMALIZER.communes(day) for day in (None, LAST, FIRST))

Form = Literal["NFC", "NFD", "NFKC"]


@pytest.mark.parametrize(
    ("communes", "code", "period", "unit"),
    [
        pytest.param(BY_PERIOD, "101", OLD_DAY, "101", id="no vintage: the holder then"),
        pytest.param(BY_PERIOD, "101", NEW_DAY, MERGED, id="no vintage: the holder now"),
        pytest.param(BY_PERIOD, MERGED, NEW_DAY, MERGED, id="no vintage: an id"),
        pytest.param(BY_PERIOD, "601", OLD_DAY, "601", id="no vintage: a unit that never changed"),
        pytest.param(OLD_CODES, "101", OLD_DAY, "101", id="an old code in an old period"),
        pytest.param(OLD_CODES, "601", NEW_DAY, "601", id="an old code of a unit that stays"),
        pytest.param(OLD_CODES, "201", NEW_DAY, "201@2025-07-01", id="an old code followed one to one"),
        pytest.param(OLD_CODES, "201", "2027-01", "201@2027-01-01", id="followed twice"),
        pytest.param(OLD_CODES, MERGED, NEW_DAY, MERGED, id="an id needs no vintage"),
        pytest.param(NEW_CODES, "101", NEW_DAY, MERGED, id="a new code in a new period"),
        pytest.param(NEW_CODES, "201", OLD_DAY, "201", id="a new code back one to one"),
        pytest.param(NORMALIZER.communes(dt.date(2027, 1, 1)), "201", OLD_DAY, "201", id="back twice"),
        pytest.param(OLD_CODES, "201", "2025", "201@2025-07-01", id="a period across the day counts for its last day"),
    ],
)
def test_a_code_means_one_whole_unit(communes: Communes, code: str, period: str, unit: str) -> None:
    assert communes.find(code, "", period) == Spot(unit)
    assert communes.find(code, "", period) == Spot(unit), "the same when it is remembered"


@pytest.mark.parametrize("code", PARTS)
def test_the_code_of_a_part_means_the_part_of_the_merged_unit(code: str) -> None:
    assert OLD_CODES.find(code, "", NEW_DAY) == Spot(MERGED, code, PARTS)


@pytest.mark.parametrize(
    ("communes", "code", "period", "reason", "words"),
    [
        pytest.param(OLD_CODES, "999", NEW_DAY, Reason.UNKNOWN_COMMUNE, "", id="nobody's code"),
        pytest.param(BY_PERIOD, "102", NEW_DAY, Reason.COMMUNE_NOT_VALID_THEN, "102 (Xã Bảo Lâm", id="no vintage"),
        pytest.param(
            BY_PERIOD, MERGED, OLD_DAY, Reason.COMMUNE_NOT_VALID_THEN, "from 2025-07-01", id="an id too early"
        ),
        pytest.param(
            NEW_CODES, "102", NEW_DAY, Reason.COMMUNE_NOT_VALID_THEN, "until 2025-06-30", id="not of the vintage"
        ),
        pytest.param(
            OLD_CODES,
            "301",
            NEW_DAY,
            Reason.COMMUNE_SPLIT,
            "302@2025-07-01 (Phường Bình Liêu), 303@2025-07-01 (Xã Tiên Yên)",
            id="divided",
        ),
        pytest.param(OLD_CODES, "302", NEW_DAY, Reason.COMMUNE_PART, "some of 301 (Xã Vô Ngại)", id="beside a piece"),
        pytest.param(OLD_CODES, "401", NEW_DAY, Reason.COMMUNE_PART, "does not have", id="parts unknown"),
        pytest.param(OLD_CODES, "501", NEW_DAY, Reason.COMMUNE_NOT_VALID_THEN, "no successor", id="no successor"),
        pytest.param(
            NEW_CODES,
            "101",
            OLD_DAY,
            Reason.COMMUNE_NOT_VALID_THEN,
            "101 (Thị trấn Đồng Đăng), 102 (Xã Bảo Lâm), 103 (Xã Hòa Cư)",
            id="back to several",
        ),
        pytest.param(NEW_CODES, "402", OLD_DAY, Reason.COMMUNE_NOT_VALID_THEN, "401", id="back to what is not all"),
        pytest.param(OLD_CODES, "101", "2024-13", Reason.BAD_PERIOD, "", id="no period"),
    ],
)
def test_what_is_not_one_whole_unit_is_refused_with_the_candidates(
    communes: Communes, code: str, period: str, reason: Reason, words: str
) -> None:
    with pytest.raises(RefusedError) as caught:
        communes.find(code, "", period)

    fault = caught.value.fault
    assert fault.reason is reason
    assert fault.field == ("period" if reason is Reason.BAD_PERIOD else "commune")
    assert words in fault.detail


@pytest.mark.parametrize(
    ("code", "missing"),
    [
        pytest.param("06187", "05971", id="a ward of another district"),
        pytest.param("06985", "07036", id="it only looks one to one"),
        pytest.param("06247", "05977", id="a code that somebody held"),
    ],
)
def test_a_part_whose_other_parts_are_not_in_the_catalog_is_never_taken_for_the_whole(code: str, missing: str) -> None:
    with pytest.raises(RefusedError) as caught:
        Normalizer(load_catalog()).communes(LAST).find(code, "", NEW_DAY)

    assert caught.value.fault.reason is Reason.COMMUNE_PART
    assert missing in caught.value.fault.detail


def test_the_shipped_parts_of_a_commune_of_one_district_are_all_known() -> None:
    spot = Normalizer(load_catalog()).communes(LAST).find("06196", "Xã Cao Lâu", NEW_DAY)

    assert spot == Spot("06196@2025-07-01", "06196", ("06196", "06202", "06238"))


@pytest.mark.parametrize(
    ("communes", "code", "detail"),
    [
        pytest.param(
            BY_PERIOD,
            "102",
            "no unit held this code on 2026-09-30; it was held by 102 (Xã Bảo Lâm, until 2025-06-30); since "
            "2025-07-01: 101 Xã Đồng Đăng; if the source sends the codes of that time, set codes_as_of: 2025-06-30 in "
            "its profile",
            id="no vintage",
        ),
        pytest.param(
            NEW_CODES,
            "301",
            "no unit held this code on 2025-07-01; it was held by 301 (Xã Vô Ngại, until 2025-06-30); since "
            "2025-07-01: 302 Phường Bình Liêu, 303 Xã Tiên Yên; codes_as_of of the profile is 2025-07-01",
            id="another vintage",
        ),
    ],
)
def test_who_came_after_an_ended_unit_is_told_and_how_to_state_the_vintage(
    communes: Communes, code: str, detail: str
) -> None:
    with pytest.raises(RefusedError) as caught:
        communes.find(code, "", NEW_DAY)

    assert caught.value.fault.detail == detail
    assert caught.value.fault.remedy is not None
    assert "codes_as_of" in caught.value.fault.remedy.vi


def test_an_event_is_told_who_came_after_an_ended_unit_too() -> None:
    with pytest.raises(RefusedError) as caught:
        BY_PERIOD.span(NEW_DAY).places["102"]

    assert caught.value.fault.detail.endswith("; since 2025-07-01: 101 Xã Đồng Đăng")


@pytest.mark.parametrize(
    ("code", "vintage", "words", "not_words"),
    [
        pytest.param("302", LAST, "as a whole: its former units", "in one message", id="beside a piece"),
        pytest.param("401", LAST, "datchuan units import", "nothing", id="parts that the catalog lacks"),
        pytest.param("Qx3kLm9ZpA1", None, "org_units", "nothing", id="an id of the source's own"),
    ],
)
def test_a_remedy_that_cannot_help_in_the_case_is_not_given(
    code: str, vintage: dt.date | None, words: str, not_words: str
) -> None:
    with pytest.raises(RefusedError) as caught:
        NORMALIZER.communes(vintage).find(code, "", NEW_DAY)

    remedy = caught.value.fault.remedy
    assert remedy is not None
    assert words in remedy.en
    assert not_words not in remedy.en


def test_a_code_that_lost_its_zeros_is_refused_with_a_question() -> None:
    with pytest.raises(RefusedError) as caught:
        Normalizer(load_catalog()).communes(None).find("6187.0", "", OLD_DAY)

    assert caught.value.fault.detail == "did a spreadsheet turn 06187 into a number?"


@pytest.mark.parametrize(
    "name", ["Thị trấn Đồng Đăng", "TT Đồng Đăng", "đồng đăng", unicodedata.normalize("NFD", "TT. Đồng Đăng")]
)
def test_a_name_that_means_the_unit_of_the_code_agrees(name: str) -> None:
    assert OLD_CODES.find("101", name, OLD_DAY) == Spot("101")
    assert OLD_CODES.find("101", name, NEW_DAY).part == "101"


@pytest.mark.parametrize(
    ("name", "words"),
    [
        pytest.param("Xã Đồng Đăng", "101@2025-07-01 (Xã Đồng Đăng, from 2025-07-01) held it", id="of another time"),
        pytest.param("Xã Bảo Lâm", "101 is Thị trấn Đồng Đăng on 2025-06-30", id="of another unit"),
        pytest.param("Thị trấn Đồng Đang", "101 is", id="a letter differs"),
        pytest.param("TT Đồng Đăng (bổ sung)", "a note in parentheses", id="with a note"),
    ],
)
def test_a_name_that_differs_from_the_code_is_refused(name: str, words: str) -> None:
    with pytest.raises(RefusedError) as caught:
        OLD_CODES.find("101", name, OLD_DAY)

    fault = caught.value.fault
    assert (fault.reason, fault.field) == (Reason.COMMUNE_NAME_DIFFERS, "commune")
    assert words in fault.detail
    assert ("codes_as_of" in fault.detail) == ("held it" in words)


@pytest.mark.parametrize(
    ("communes", "name", "period", "unit"),
    [
        pytest.param(BY_PERIOD, "Xã Hoà Cư", OLD_DAY, "103", id="the other tone"),
        pytest.param(BY_PERIOD, "đồng đăng", NEW_DAY, MERGED, id="the bare name"),
        pytest.param(BY_PERIOD, "P. Tân Thành", NEW_DAY, "702@2025-07-01", id="the kind tells two apart"),
        pytest.param(OLD_CODES, "Xã Lương Minh", NEW_DAY, "201@2025-07-01", id="followed"),
    ],
)
def test_a_name_alone_means_the_one_unit_that_bears_it(communes: Communes, name: str, period: str, unit: str) -> None:
    assert communes.find("", name, period) == Spot(unit)


@pytest.mark.parametrize(
    ("name", "period", "reason", "words"),
    [
        pytest.param("Tân Thành", OLD_DAY, Reason.AMBIGUOUS_COMMUNE, "701 (Xã Tân Thành), 702", id="two"),
        pytest.param("Xã Tân Thành", OLD_DAY, Reason.AMBIGUOUS_COMMUNE, "701", id="two of one kind"),
        pytest.param("Phường Đồng Đăng", NEW_DAY, Reason.UNKNOWN_COMMUNE, "", id="another kind is another unit"),
        pytest.param("Xã Hòa Cư", NEW_DAY, Reason.UNKNOWN_COMMUNE, "103 (Xã Hòa Cư, until 2025-06-30)", id="earlier"),
        pytest.param("Xã Hoa Cư", OLD_DAY, Reason.UNKNOWN_COMMUNE, "no unit bore", id="nearly"),
        pytest.param("Xã Hòa Cư (bổ sung)", OLD_DAY, Reason.UNKNOWN_COMMUNE, "no unit bore", id="with a note"),
    ],
)
def test_a_name_alone_that_is_not_one_unit_is_refused(name: str, period: str, reason: Reason, words: str) -> None:
    with pytest.raises(RefusedError) as caught:
        BY_PERIOD.find("", name, period)

    assert (caught.value.fault.reason, caught.value.fault.field) == (reason, "commune")
    assert words in caught.value.fault.detail


CODES = sorted({unit["code"] for unit in UNITS} | {unit["id"] for unit in UNITS})
NAMES = ["", *sorted({unit["name_vi"] for unit in UNITS})]
PERIODS = ["2024-09", "2025-06", "2025-07", "2025", "2026", "2027Q1", "2028"]
VINTAGES = [None, dt.date(2000, 1, 1), LAST, FIRST, dt.date(2027, 6, 1)]


@given(st.sampled_from(VINTAGES), st.sampled_from(["", *CODES]), st.sampled_from(NAMES), st.sampled_from(PERIODS))
def test_what_is_found_is_in_force_on_the_last_day_of_the_period(
    vintage: dt.date | None, code: str, name: str, text: str
) -> None:
    period, spot = parse_period(text), None
    assert period is not None
    with contextlib.suppress(RefusedError):
        spot = NORMALIZER.communes(vintage).find(code, name, text)
    if spot is None:
        return
    assert LAND.unit_by_id[spot.unit].in_force(period.end)
    assert (spot.part == "") == (spot.parts == ())
    assert spot.part == "" or spot.part in spot.parts
    assert not any(LAND.unit_by_id[part].in_force(period.end) for part in spot.parts)


@given(st.sampled_from(VINTAGES), st.sampled_from(NAMES[1:]), st.sampled_from(PERIODS), st.sampled_from(("NFC", "NFD")))
def test_the_unicode_form_of_a_name_changes_nothing(
    vintage: dt.date | None, name: str, text: str, form: Literal["NFC", "NFD", "NFKC"]
) -> None:
    def found(written: str) -> object:
        try:
            return NORMALIZER.communes(vintage).find("", written, text)
        except RefusedError as refused:
            return refused.fault.reason

    assert found(unicodedata.normalize(form, name)) == found(name)
