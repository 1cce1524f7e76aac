"""Who is told: routing by the dispatch in force, role by role, clause by clause, and what it leaves open."""

import datetime as dt
from functools import cache

import pytest

from services.notifier.domain.route import GapKind, Routing, addresses_for, route, route_rollup
from shared.catalog.catalog import Catalog
from shared.catalog.load import load_catalog
from shared.contracts.vocabulary import Role

CAO_LOC = "caoloc-ubnd-vp-2024-09"
THUY_HUNG = "06208"
IN_FORCE = dt.date(2024, 10, 15)


@cache
def catalog() -> Catalog:
    return load_catalog()


def roles_of(routing: Routing) -> list[tuple[str, str, list[str]]]:
    """Role, unit and clauses of every assignment but those of Nơi nhận, which every routing has."""
    return [
        (found.role.value, found.responsible_unit.id, [clause.id for clause in found.clauses])
        for found in routing.assignments
        if found.role is not Role.INFORMED
    ]


def kinds_of(routing: Routing) -> list[GapKind]:
    return [gap.kind for gap in routing.gaps]


def test_the_insurance_rate_of_women_is_led_by_the_social_insurance_with_its_clause() -> None:
    routing = route(catalog(), THUY_HUNG, "bhyt_coverage", "female", IN_FORCE)

    assert routing.dispatch is not None
    assert routing.dispatch.id == CAO_LOC
    assert roles_of(routing) == [
        ("lead", "bhxh", ["c7a"]),
        ("consolidating", "vp_hdnd_ubnd", ["c1"]),
        ("implementing", "ubnd_xa", ["c8a", "c8b"]),
        ("data", "bhxh", ["c7b"]),
    ]
    assert routing.owners[0].clauses[0].quote.endswith("(áp dụng đạt cho cả nam và nữ).")
    assert routing.owners[0].clauses[0].section_vi == "mục 5"
    assert routing.gaps == ()


@pytest.mark.parametrize(
    "indicator",
    [
        "commune_health_standard",
        "stunting_u5",
        "ehealth_book",
        "ehealth_management",
        "telemedicine",
        "ehealth_book_good",
    ],
)
def test_the_six_indicators_of_the_health_centre_are_led_by_it(indicator: str) -> None:
    routing = route(catalog(), THUY_HUNG, indicator, "", IN_FORCE)

    assert [(owner.responsible_unit.id, owner.role) for owner in routing.owners] == [("ttyt", Role.LEAD)]
    assert [clause.id for clause in routing.owners[0].clauses] == ["c5"]


@pytest.mark.parametrize("indicator", ["food_safety_compliance", "food_safety_training", "food_safety_incident"])
def test_food_safety_of_the_health_sector_has_no_lead_and_says_so_in_the_words_of_the_dispatch(indicator: str) -> None:
    routing = route(catalog(), THUY_HUNG, indicator, "health", IN_FORCE)

    assert roles_of(routing) == [
        ("directing", "vp_hdnd_ubnd", ["c2b"]),
        ("coordinating", "ttyt", ["c6"]),
        ("consolidating", "vp_hdnd_ubnd", ["c1", "c2a"]),
        ("implementing", "ubnd_xa", ["c8a"]),
    ]
    assert kinds_of(routing) == [GapKind.NO_LEAD]
    assert "không có đơn vị chủ trì và hai điểm dẫn vòng" in routing.gaps[0].what_vi


@pytest.mark.parametrize(
    ("sector", "office", "directing"), [("industry_trade", "phong_ktht", "c3a"), ("agriculture", "phong_nnptnt", "c4a")]
)
def test_the_other_sectors_are_directed_by_their_office(sector: str, office: str, directing: str) -> None:
    routing = route(catalog(), THUY_HUNG, "food_safety_compliance", sector, IN_FORCE)

    assert [owner.responsible_unit.id for owner in routing.owners] == [office]
    assert ("directing", office, [directing]) in roles_of(routing)
    assert kinds_of(routing) == [GapKind.NO_LEAD]


@pytest.mark.parametrize("cell", ["", "mixed"])
def test_an_unknown_sector_goes_to_the_consolidating_office_and_is_never_guessed(cell: str) -> None:
    routing = route(catalog(), THUY_HUNG, "food_safety_incident", cell, IN_FORCE)

    assert routing.owners == ()
    assert ("consolidating", "vp_hdnd_ubnd", ["c1", "c2a"]) in roles_of(routing)
    assert kinds_of(routing) == [GapKind.UNKNOWN_SECTOR, GapKind.NO_OWNER]
    assert routing.gaps[0].what_vi != routing.gaps[1].what_vi


def test_an_indicator_that_the_dispatch_does_not_name_falls_to_its_rule_for_all() -> None:
    routing = route(catalog(), THUY_HUNG, "health_management", "male", IN_FORCE)

    assert roles_of(routing) == [
        ("consolidating", "vp_hdnd_ubnd", ["c1"]),
        ("implementing", "ubnd_xa", ["c8a"]),
    ]
    assert kinds_of(routing) == [GapKind.NO_OWNER]


def test_an_indicator_that_the_catalog_does_not_know_is_routed_too() -> None:
    routing = route(catalog(), THUY_HUNG, "of_tomorrow", "", IN_FORCE)

    assert ("consolidating", "vp_hdnd_ubnd", ["c1"]) in roles_of(routing)


@pytest.mark.parametrize("day", [dt.date(2024, 8, 31), dt.date(2025, 7, 1)])
def test_outside_its_dates_no_dispatch_routes_and_the_gap_is_named(day: dt.date) -> None:
    routing = route(catalog(), THUY_HUNG, "bhyt_coverage", "female", day)

    assert routing.dispatch is None
    assert routing.assignments == ()
    assert kinds_of(routing) == [GapKind.NO_DISPATCH]


@pytest.mark.parametrize(("commune", "name"), [("06208", "UBND xã Thụy Hùng"), ("06184", "UBND thị trấn Đồng Đăng")])
def test_each_commune_has_its_own_committee(commune: str, name: str) -> None:
    routing = route(catalog(), commune, "stunting_u5", "", IN_FORCE)

    committee = next(found for found in routing.assignments if found.role is Role.IMPLEMENTING)

    assert (committee.name_vi, committee.commune) == (name, commune)


def test_a_district_chi_tieu_is_not_sent_to_a_commune_committee() -> None:
    routing = route(catalog(), "183", "bhyt_coverage", "male", IN_FORCE)

    assert [role for role, _, _ in roles_of(routing)] == ["lead", "consolidating", "data"]


def test_departments_of_a_health_centre_are_owners_too_and_insurance_has_none_there() -> None:
    day = dt.date(2025, 4, 1)

    stunting = route(catalog(), "30791", "stunting_u5", "", day)
    insurance = route(catalog(), "30791", "bhyt_coverage", "female", day)

    assert [owner.responsible_unit.id for owner in stunting.owners] == ["khoa_ksbt"]
    assert "Trạm Y tế xã Vĩnh Phú" in [found.name_vi for found in stunting.assignments]
    assert insurance.owners == ()
    assert kinds_of(insurance) == [GapKind.NO_OWNER]
    assert "không giao phòng, khoa nào phụ trách chỉ tiêu BHYT" in insurance.gaps[0].what_vi


def test_roll_ups_go_to_the_consolidating_office_and_to_those_who_are_only_informed() -> None:
    of_commune = route_rollup(catalog(), THUY_HUNG, IN_FORCE)
    of_district = route_rollup(catalog(), "183", IN_FORCE)

    assert roles_of(of_commune) == roles_of(of_district) == [("consolidating", "vp_hdnd_ubnd", ["c1"])]
    assert not of_commune.lacks_lead
    assert {found.role for found in of_commune.assignments} == {Role.CONSOLIDATING, Role.INFORMED}
    assert kinds_of(route_rollup(catalog(), THUY_HUNG, dt.date(2025, 7, 1))) == [GapKind.NO_DISPATCH]


def test_an_address_is_found_for_the_unit_and_for_the_committee_of_its_commune() -> None:
    insurance = addresses_for(catalog(), CAO_LOC, "bhxh", THUY_HUNG)
    committee = addresses_for(catalog(), CAO_LOC, "ubnd_xa", THUY_HUNG)

    assert insurance is not None
    assert insurance.mail == ("bhxh.caoloc@langson.example",)
    assert committee is not None
    assert committee.mail == ("ubnd.xa.thuyhung.caoloc@langson.example",)
    assert addresses_for(catalog(), CAO_LOC, "ubnd_xa", "30791") is None


def test_every_chi_tieu_of_every_covered_commune_reaches_somebody_with_an_address() -> None:
    for dispatch in catalog().dispatches:
        for unit in catalog().units:
            if unit.parent not in dispatch.scope:
                continue
            assert dispatch.effective_to is not None
            for indicator in catalog().indicator_by_key:
                routing = route(catalog(), unit.id, indicator, "", dispatch.effective_to)
                found = [
                    addresses_for(catalog(), dispatch.id, one.responsible_unit.id, one.commune)
                    for one in routing.assignments
                ]
                assert found
                assert None not in found
