"""Routing as units and phases change: departments, appraisal, those who only receive, ended units and dispatches."""

import datetime as dt
from functools import cache
from typing import Any

import pytest

from services.notifier.domain.addressees import Addressees
from services.notifier.domain.route import GapKind, Routing, addresses_for, name_in, route
from shared.catalog.catalog import Catalog
from shared.catalog.load import load_catalog
from shared.catalog.policies import CommunePhase
from shared.contracts.vocabulary import NoticeKind, Phase, Role

CAO_LOC = "caoloc-ubnd-vp-2024-09"
GIANG_THANH = "giangthanh-ttyt-496-2025"
THUY_HUNG, BAO_LAM, VINH_PHU = "06208", "06190", "30791"
IN_FORCE = dt.date(2024, 10, 15)
IN_GIANG_THANH = dt.date(2025, 4, 1)
LAST_DAY = dt.date(2024, 12, 31)
NEW_YEAR = dt.date(2025, 1, 1)


@cache
def shipped() -> Catalog:
    return load_catalog()


def changed(**changes: Any) -> Catalog:
    """The shipped catalog with other parts; a copy of the model would keep the look-ups of the original."""
    return Catalog(**{name: changes.get(name, getattr(shipped(), name)) for name in Catalog.model_fields})


def with_units(dispatch: str, **changes: dict[str, Any]) -> Catalog:
    """The shipped catalog with some units of a dispatch changed, by id."""
    whole = shipped().dispatch_by_id[dispatch]
    units = tuple(unit.model_copy(update=changes.get(unit.id, {})) for unit in whole.units)
    others = tuple(found for found in shipped().dispatches if found.id != dispatch)
    return changed(dispatches=(*others, whole.model_copy(update={"units": units})))


def in_appraisal(unit: str, standard: str = "xa_ntm") -> Catalog:
    phase = CommunePhase(
        unit=unit,
        standard=standard,
        phase=Phase.APPRAISAL,
        effective_from=dt.date(2024, 10, 1),
        effective_to=dt.date(2024, 10, 31),
        source="test",
    )
    return changed(policies=shipped().policies.model_copy(update={"phases": (phase,)}))


def units_in(routing: Routing, role: Role) -> list[str]:
    return [found.responsible_unit.id for found in routing.assignments if found.role is role]


def test_a_department_is_named_with_the_unit_that_it_belongs_to() -> None:
    routing = route(shipped(), VINH_PHU, "stunting_u5", "", IN_GIANG_THANH)

    (lead,) = routing.owners
    assert lead.name_vi == "Khoa Kiểm soát bệnh tật HIV/AIDS-YTCC, Trung tâm Y tế Giang Thành"
    assert lead.within is not None
    assert (lead.responsible_unit.id, lead.within.id) == ("khoa_ksbt", "ttyt")
    assert name_in(shipped(), GIANG_THANH, "khoa_ksbt", VINH_PHU) == lead.name_vi


def test_a_name_that_says_its_unit_already_does_not_say_it_twice() -> None:
    name = name_in(with_units(GIANG_THANH, ttyt={"name_vi": "Khoa Kiểm soát"}), GIANG_THANH, "khoa_ksbt", VINH_PHU)

    assert name == "Khoa Kiểm soát bệnh tật HIV/AIDS-YTCC"
    assert name_in(shipped(), GIANG_THANH, "nobody", VINH_PHU) == "nobody", "an id that the dispatch does not have"


def test_a_department_without_an_address_is_reached_at_its_unit_and_the_message_still_names_the_department() -> None:
    kept = tuple(a for a in shipped().addresses if (a.dispatch, a.unit) != (GIANG_THANH, "khoa_ksbt"))
    without = changed(addresses=kept)

    own = addresses_for(shipped(), GIANG_THANH, "khoa_ksbt", VINH_PHU)
    above = addresses_for(without, GIANG_THANH, "khoa_ksbt", VINH_PHU)

    assert own is not None
    assert own.mail == ("ksbt.ttyt.giangthanh@kiengiang.example",)
    assert above is not None
    assert above.mail == ("vanthu.ttyt.giangthanh@kiengiang.example",)
    assert name_in(without, GIANG_THANH, "khoa_ksbt", VINH_PHU).startswith("Khoa Kiểm soát bệnh tật")


@pytest.mark.parametrize(
    ("sector", "office", "clause"), [("industry_trade", "phong_ktht", "c3b"), ("agriculture", "phong_nnptnt", "c4b")]
)
def test_while_a_dossier_is_appraised_the_office_appraises_together_with_the_council_office(
    sector: str, office: str, clause: str
) -> None:
    catalog = in_appraisal(THUY_HUNG)

    routing = route(catalog, THUY_HUNG, "food_safety_compliance", sector, IN_FORCE, standard="xa_ntm")

    appraising = [found for found in routing.assignments if found.role is Role.APPRAISING]
    assert routing.phase is Phase.APPRAISAL
    assert [found.responsible_unit.id for found in appraising] == ["vp_hdnd_ubnd", office]
    assert [[cited.id for cited in found.clauses] for found in appraising] == [[clause], [clause]], "the partner's own"
    assert units_in(routing, Role.DIRECTING) == [office], "who directs the work still does"


@pytest.mark.parametrize(
    ("unit", "standard", "day"),
    [
        pytest.param(BAO_LAM, "xa_ntm", IN_FORCE, id="another commune"),
        pytest.param(THUY_HUNG, "xa_ntm_nang_cao", IN_FORCE, id="another standard"),
        pytest.param(THUY_HUNG, "xa_ntm", dt.date(2024, 11, 1), id="after the phase"),
        pytest.param(THUY_HUNG, None, IN_FORCE, id="no standard asked for"),
    ],
)
def test_outside_the_appraisal_phase_appraising_units_are_not_assigned(
    unit: str, standard: str | None, day: dt.date
) -> None:
    routing = route(in_appraisal(THUY_HUNG), unit, "food_safety_compliance", "agriculture", day, standard=standard)

    assert routing.phase is Phase.IMPLEMENTATION
    assert units_in(routing, Role.APPRAISING) == []


def test_a_phase_of_a_district_holds_for_its_communes() -> None:
    routing = route(
        in_appraisal("183"), THUY_HUNG, "food_safety_compliance", "agriculture", IN_FORCE, standard="xa_ntm"
    )

    assert units_in(routing, Role.APPRAISING) == ["vp_hdnd_ubnd", "phong_nnptnt"]


@pytest.mark.parametrize(
    ("unit", "indicator", "day", "copied"),
    [
        (THUY_HUNG, "bhyt_coverage", IN_FORCE, ["chu_tich", "pho_chu_tich", "lanh_dao_vp"]),
        (THUY_HUNG, "of_tomorrow", IN_FORCE, ["chu_tich", "pho_chu_tich", "lanh_dao_vp"]),
        (VINH_PHU, "stunting_u5", IN_GIANG_THANH, ["so_y_te", "ubnd_huyen", "ban_giam_doc"]),
    ],
)
def test_who_is_named_under_noi_nhan_is_informed_of_everything_with_the_line_that_says_so(
    unit: str, indicator: str, day: dt.date, copied: list[str]
) -> None:
    routing = route(shipped(), unit, indicator, "", day)

    informed = [found for found in routing.assignments if found.role is Role.INFORMED]
    assert [found.responsible_unit.id for found in informed] == copied
    assert {clause.section_vi for found in informed for clause in found.clauses} == {"Nơi nhận"}
    assert [len(found.clauses) for found in informed] == [1, 1, 1]


def test_a_unit_that_has_ended_is_followed_by_its_successor_with_its_clauses_from_the_next_day() -> None:
    catalog = with_units(
        CAO_LOC,
        bhxh={"effective_to": LAST_DAY, "successor": "ttyt"},
        ttyt={"effective_from": dt.date(2024, 1, 1)},
    )

    before = route(catalog, THUY_HUNG, "bhyt_coverage", "female", LAST_DAY)
    after = route(catalog, THUY_HUNG, "bhyt_coverage", "female", NEW_YEAR)

    assert units_in(before, Role.LEAD) == ["bhxh"]
    assert units_in(after, Role.LEAD) == ["ttyt"]
    assert [clause.id for clause in after.owners[0].clauses] == ["c7a"]
    assert after.owners[0].succeeds is not None
    assert after.owners[0].succeeds.id == "bhxh"
    assert after.gaps == ()


def test_a_unit_that_has_ended_without_a_successor_gets_nothing_and_the_gap_names_it_its_day_and_the_document() -> None:
    catalog = with_units(CAO_LOC, bhxh={"effective_to": LAST_DAY})

    routing = route(catalog, THUY_HUNG, "bhyt_coverage", "female", NEW_YEAR)

    assert "bhxh" not in {found.responsible_unit.id for found in routing.assignments}
    assert [gap.kind for gap in routing.gaps] == [GapKind.UNIT_ENDED]
    assert routing.lacks_lead
    assert routing.gaps[0].what_vi == (
        "Bảo hiểm xã hội huyện đã kết thúc hoạt động ngày 31/12/2024 và danh mục không có đơn vị kế thừa nhiệm vụ. "
        "Cần văn bản phân công mới của UBND huyện Cao Lộc hoặc cơ quan cấp trên."
    )


@pytest.mark.parametrize(("unit", "says"), [("bhxh", True), ("chu_tich", False)])
def test_the_office_is_told_of_an_ended_unit_in_the_mail_only_when_nobody_leads_for_it(unit: str, says: bool) -> None:
    catalog = with_units(CAO_LOC, **{unit: {"effective_to": LAST_DAY}})

    reached = Addressees(catalog).of(THUY_HUNG, "xa_ntm/15.1", "female", NEW_YEAR, NoticeKind.OPENED)

    gaps = [one.addressee.gap_vi for one in reached.places if one.addressee.role is Role.CONSOLIDATING]
    assert reached.lacks_lead is says
    assert [bool(gap and "đã kết thúc hoạt động ngày 31/12/2024" in gap) for gap in gaps] == [says]


def test_a_department_ends_with_the_unit_that_it_belongs_to() -> None:
    catalog = with_units(GIANG_THANH, ttyt={"effective_to": dt.date(2025, 3, 31)})

    routing = route(catalog, VINH_PHU, "stunting_u5", "", IN_GIANG_THANH)

    assert units_in(routing, Role.LEAD) == []
    assert units_in(routing, Role.IMPLEMENTING) == ["tram_y_te", "ubnd_xa"]
    ended = [gap.what_vi for gap in routing.gaps if gap.kind is GapKind.UNIT_ENDED]
    assert any(what.startswith("Khoa Kiểm soát bệnh tật") and "31/03/2025" in what for what in ended)


def test_an_ended_unit_is_neither_assigned_nor_addressed() -> None:
    catalog = with_units(CAO_LOC, bhxh={"effective_to": LAST_DAY, "successor": "ttyt"})

    routing = route(catalog, THUY_HUNG, "bhyt_coverage", "female", NEW_YEAR)

    found = [addresses_for(catalog, CAO_LOC, one.responsible_unit.id, one.commune) for one in routing.assignments]
    mails = {mail for address in found if address is not None for mail in address.mail}
    assert "bhxh.caoloc@langson.example" not in mails
    assert "ttyt.caoloc@langson.example" in mails
    assert {found.responsible_unit.id for found in routing.assignments if found.role is Role.DATA} == {"ttyt"}


def test_two_units_that_follow_into_one_are_told_once() -> None:
    catalog = with_units(CAO_LOC, chu_tich={"effective_to": LAST_DAY, "successor": "pho_chu_tich"})

    routing = route(catalog, THUY_HUNG, "stunting_u5", "", NEW_YEAR)

    assert units_in(routing, Role.INFORMED) == ["pho_chu_tich", "lanh_dao_vp"]


def test_a_dispatch_that_has_ended_is_named_with_its_last_day_and_the_document_that_is_missing() -> None:
    old = route(shipped(), THUY_HUNG, "bhyt_coverage", "", dt.date(2025, 7, 1))
    new = route(shipped(), "06184@2025-07-01", "bhyt_coverage", "", dt.date(2025, 7, 1))

    for routing in (old, new):
        (gap,) = routing.gaps
        assert routing.assignments == ()
        assert gap.kind is GapKind.NO_DISPATCH
        assert "của UBND huyện Cao Lộc, tháng 9 năm 2024" in gap.what_vi
        assert "đã hết hiệu lực ngày 30/06/2025 (ngày này chưa chắc chắn: văn bản không ghi)" in gap.what_vi
    assert old.gaps[0].what_vi.endswith("Cần văn bản phân công mới của UBND tỉnh Lạng Sơn.")
    assert new.gaps[0].what_vi.endswith("Cần văn bản phân công mới của UBND tỉnh Lạng Sơn hoặc UBND xã Đồng Đăng.")


def test_before_the_first_dispatch_the_gap_names_the_one_that_follows() -> None:
    (gap,) = route(shipped(), THUY_HUNG, "bhyt_coverage", "", dt.date(2024, 8, 31)).gaps

    assert "chỉ có hiệu lực từ ngày 01/09/2024" in gap.what_vi
    assert gap.what_vi.endswith("Cần văn bản phân công mới của UBND huyện Cao Lộc.")


def test_a_place_that_never_had_a_dispatch_is_told_so() -> None:
    commune = next(unit for unit in shipped().units if unit.parent == "198")

    (gap,) = route(shipped(), commune.id, "bhyt_coverage", "", IN_FORCE).gaps

    assert "Danh mục chưa có văn bản phân công nào của nơi này." in gap.what_vi
    assert gap.what_vi.endswith("Cần văn bản phân công mới của UBND huyện Bình Liêu.")
