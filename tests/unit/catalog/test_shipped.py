"""The shipped catalog says what the sources say, with the confidence and source of every number."""

import datetime as dt
import os
import unicodedata
from collections import Counter
from decimal import Decimal
from functools import cache
from pathlib import Path

import pytest

from shared.catalog.catalog import Catalog
from shared.catalog.load import load_catalog
from shared.catalog.units import resolve_unit
from shared.contracts.vocabulary import (
    Combine,
    CommuneType,
    Confidence,
    MeasureKind,
    Operator,
    UnitLevel,
)

LAST_DAY_OF_DISTRICTS = dt.date(2025, 6, 30)
FIRST_DAY_WITHOUT = dt.date(2025, 7, 1)


@cache
def catalog() -> Catalog:
    return load_catalog()


def codes_on(standard: str, day: dt.date) -> list[str]:
    return [rule.code for rule in catalog().rules_in_force(day) if rule.standard == standard and not rule.disabled]


@pytest.mark.parametrize(
    ("district", "communes", "townships"),
    [("183", 22, 2), ("914", 5, 0), ("198", 7, 1), ("202", 7, 1)],
    ids=["Cao Lộc", "Giang Thành", "Bình Liêu", "Ba Chẽ"],
)
def test_a_seed_district_has_all_its_communes_until_its_last_day(district: str, communes: int, townships: int) -> None:
    found = [unit for unit in catalog().units if unit.parent == district]

    assert len(found) == communes
    assert sum(unit.type is CommuneType.THI_TRAN for unit in found) == townships
    assert {unit.effective_to for unit in found} == {LAST_DAY_OF_DISTRICTS}
    assert all(unit.successors for unit in found)


def test_no_district_is_in_force_after_the_reform() -> None:
    districts = [unit for unit in catalog().units if unit.level is UnitLevel.DISTRICT]

    assert all(unit.in_force(LAST_DAY_OF_DISTRICTS) for unit in districts)
    assert not any(unit.in_force(FIRST_DAY_WITHOUT) for unit in districts)


def test_a_code_means_another_unit_after_the_reform() -> None:
    candidates = catalog().units_by_code["06187"]

    before, after = (resolve_unit(candidates, day) for day in (LAST_DAY_OF_DISTRICTS, FIRST_DAY_WITHOUT))

    assert before is not None
    assert after is not None
    assert (before.id, before.name_vi) == ("06187", "Thị trấn Cao Lộc")
    assert (after.id, after.name_vi, after.type) == ("06187@2025-07-01", "Phường Kỳ Lừa", CommuneType.PHUONG)
    assert after.parent == "20"
    assert not after.can_hold_title


def test_only_vo_ngai_was_split_and_it_has_two_successors() -> None:
    split = [unit for unit in catalog().units if unit.split]

    assert [unit.name_vi for unit in split] == ["Xã Vô Ngại"]
    assert split[0].successors == ("06838@2025-07-01", "06862@2025-07-01")


def test_a_new_commune_has_the_region_of_its_predecessors_as_recalled_and_no_group() -> None:
    predecessors = {name: unit for unit in catalog().units for name in unit.successors if unit.level == "commune"}

    for name, before in predecessors.items():
        after = catalog().unit_by_id[name]
        assert after.region == before.region
        assert after.confidence is Confidence.RECALLED
        assert after.group is None
    assert len(predecessors) == 17


def test_kien_giang_becomes_an_giang_under_the_same_code() -> None:
    after = resolve_unit(catalog().units_by_code["91"], FIRST_DAY_WITHOUT)

    assert after is not None
    assert after.name_vi == "Tỉnh An Giang"
    assert catalog().unit_by_id["91"].successors == (after.id,)


def test_rates_become_attested_booleans_on_the_day_of_the_amendment() -> None:
    for node in ("xa_ntm/15.4", "xa_ntm_nang_cao/14.2", "xa_ntm_nang_cao/14.3", "xa_ntm_nang_cao/14.4"):
        before, after = (catalog().rule_for(node, day) for day in (dt.date(2024, 2, 29), dt.date(2024, 3, 1)))

        assert before is not None
        assert after is not None
        assert (before.ruleset, before.operator) == ("R318", Operator.AT_LEAST)
        assert (after.ruleset, after.operator, after.thresholds) == ("R211", Operator.IS_TRUE, {})
        assert after.confidence is Confidence.RECALLED


@pytest.mark.parametrize(
    ("day", "standard", "codes"),
    [
        (dt.date(2020, 1, 1), "xa_ntm_2016", ["15.1", "15.3"]),
        (dt.date(2020, 1, 1), "xa_ntm", []),
        (dt.date(2024, 10, 1), "xa_ntm", ["15.1", "15.2", "15.3", "15.4", "17.10"]),
        (dt.date(2024, 10, 1), "xa_ntm_nang_cao", ["14.1", "14.2", "14.3", "14.4", "18.4", "18.5", "18.6"]),
        (dt.date(2024, 10, 1), "huyen_ntm", ["5.1"]),
        (dt.date(2025, 7, 1), "huyen_ntm", []),
        (dt.date(2026, 2, 15), "xa_ntm", []),
        (dt.date(2026, 11, 22), "xa_ntm_2026", []),
    ],
)
def test_the_chi_tieu_in_force_on_a_day_are_those_of_the_ruleset_of_that_day(
    day: dt.date, standard: str, codes: list[str]
) -> None:
    assert codes_on(standard, day) == codes


@pytest.mark.parametrize(
    ("node", "operator", "threshold", "combine", "confidence", "code_confidence"),
    [
        ("xa_ntm/15.1", ">=", 90, Combine.EVERY_GROUP, "verified", "recalled"),
        ("xa_ntm/15.2", "certificate_valid", None, None, "verified", "recalled"),
        ("xa_ntm/15.3", "<=", 24, None, "verified", "recalled"),
        ("xa_ntm/17.10", ">=", 100, Combine.SUM, "recalled", "recalled"),
        ("xa_ntm_nang_cao/14.1", ">=", 95, Combine.EVERY_GROUP, "verified", "recalled"),
        ("xa_ntm_nang_cao/18.4", ">=", 100, Combine.SUM, "recalled", "verified"),
        ("xa_ntm_nang_cao/18.5", "no_event_in_window", 0, Combine.ANY_BREAKS, "recalled", "verified"),
        ("xa_ntm_nang_cao/18.6", ">=", 100, None, "recalled", "recalled"),
    ],
)
def test_a_chi_tieu_has_its_number_with_its_confidence(
    node: str, operator: str, threshold: int | None, combine: Combine | None, confidence: str, code_confidence: str
) -> None:
    rule = catalog().rule_for(node, dt.date(2024, 10, 1))

    assert rule is not None
    assert rule.operator == operator
    assert rule.threshold_for((None, "TDMNPB")) == threshold
    assert rule.combine is combine
    assert (rule.confidence, rule.code_confidence) == (confidence, code_confidence)
    assert rule.legal_source.startswith("QĐ 318/QĐ-TTg")


def test_the_stunting_ceiling_of_2016_varies_by_region_and_that_of_2022_falls_back_to_the_default() -> None:
    of_2016 = catalog().rule_for("xa_ntm_2016/15.3", dt.date(2020, 1, 1))
    of_2022 = catalog().rule_for("xa_ntm/15.3", dt.date(2024, 1, 1))

    assert of_2016 is not None
    assert of_2022 is not None
    assert of_2016.threshold_for((None, "TN")) == Decimal("31.4")
    assert of_2016.threshold_for((None, None)) == Decimal("21.8")
    assert of_2022.threshold_for((None, "TN")) == 24
    assert of_2022.regions_confidence is Confidence.UNCERTAIN


def test_what_is_uncertain_is_disabled_and_the_2026_set_has_no_thresholds() -> None:
    disabled = {rule.node for rule in catalog().rules if rule.disabled}
    uncertain = {rule.node for rule in catalog().rules if rule.confidence is Confidence.UNCERTAIN}
    placeholder = catalog().rule_for("xa_ntm_2026/5.x", dt.date(2026, 11, 22))

    assert disabled == uncertain
    assert placeholder is not None
    assert placeholder.operator is None
    assert set(placeholder.thresholds.values()) == {None}
    assert catalog().ruleset_by_id["R51"].disabled


def test_telemedicine_keeps_one_key_for_the_rate_by_sex_and_the_attestation() -> None:
    telemedicine = catalog().indicator_by_key["telemedicine"]

    assert telemedicine.cells_for(MeasureKind.RATIO) == ("male", "female")
    assert telemedicine.cells_for(MeasureKind.BOOLEAN) == ("",)


def test_the_demonstration_profile_has_a_number_for_every_indicator_and_cell() -> None:
    aliases = catalog().profile_by_source["hmis"].aliases
    elements = {alias.element for alias in aliases}
    cells = Counter((alias.indicator, alias.role) for alias in aliases if alias.role != "value")

    assert {alias.indicator for alias in aliases} == set(catalog().indicator_by_key)
    assert all(len(element) == 11 and element.isascii() and element.isalnum() for element in elements)
    for (indicator, _), count in cells.items():
        assert count == len(catalog().indicator_by_key[indicator].cells)


@pytest.mark.parametrize(
    ("dispatch", "clauses", "original"),
    [
        ("caoloc-ubnd-vp-2024-09", 16, "002_d0c9f9ab08d59f89.txt"),
        ("giangthanh-ttyt-496-2025", 14, "004_250389f68f95a3e6.txt"),
    ],
)
def test_every_clause_is_quoted_to_the_letter_from_the_text_that_ships_whole(
    dispatch: str, clauses: int, original: str
) -> None:
    text = catalog().texts[dispatch]
    quotes = [clause.quote for clause in catalog().dispatch_by_id[dispatch].clauses]

    assert len(quotes) == clauses
    assert [quote for quote in quotes if quote not in text] == []
    given = os.environ.get("DATCHUAN_TEST_DATA")
    if given:
        read = (Path(given) / "domain" / "documents" / original).read_text("utf-8")
        assert text.split() == unicodedata.normalize("NFC", read).split()


def test_every_sample_address_is_under_the_reserved_domain() -> None:
    mails = [mail for address in catalog().addresses for mail in address.mail]

    assert len(mails) == len(set(mails)) == len(catalog().addresses)
    assert all(mail.endswith(".example") for mail in mails)
