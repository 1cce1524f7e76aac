"""What only a look at a whole dispatch finds: dead rules, contradictions, clauses, units, addresses, dates.

Each test that stands for a behaviour of Alertmanager, or for probe D7 of our own list, names it in its docstring.
"""

import datetime as dt
from functools import cache
from typing import Any

import pytest

from shared.catalog.catalog import Catalog
from shared.catalog.checks.quotes import nearest_passage
from shared.catalog.dispatch_problems import DispatchFinding, FindingKind, Severity, dispatch_problems
from shared.catalog.dispatches import Address, OfficialDispatch, OwnershipRule, ResponsibleUnit
from shared.catalog.load import load_catalog

CAO_LOC = "caoloc-ubnd-vp-2024-09"
GIANG_THANH = "giangthanh-ttyt-496-2025"


@cache
def shipped() -> Catalog:
    return load_catalog()


def changed(**changes: Any) -> Catalog:
    """The shipped catalog with other parts; a copy of the model would keep the look-ups of the original."""
    return Catalog(**{name: changes.get(name, getattr(shipped(), name)) for name in Catalog.model_fields})


def cao_loc(**changes: Any) -> OfficialDispatch:
    return shipped().dispatch_by_id[CAO_LOC].model_copy(update=changes)


def with_rules(*more: OwnershipRule, without: tuple[str, ...] = (), **changes: Any) -> Catalog:
    """The shipped catalog with only the Cao Lộc dispatch, with other rules."""
    kept = tuple(rule for rule in cao_loc().rules if rule.indicator not in without)
    return changed(dispatches=(cao_loc(rules=(*kept, *more), **changes),))


def of_kind(catalog: Catalog, kind: FindingKind) -> list[DispatchFinding]:
    return [finding for finding in dispatch_problems(catalog) if finding.kind is kind]


def subjects(catalog: Catalog, kind: FindingKind) -> list[tuple[Severity, str]]:
    return [(finding.severity, finding.subject) for finding in of_kind(catalog, kind)]


def test_a_dispatch_without_a_rule_for_whatever_it_does_not_name_is_an_error() -> None:
    """AM TestRootRouteExists."""
    assert subjects(shipped(), FindingKind.NO_FALLBACK) == []
    assert subjects(with_rules(without=("*",)), FindingKind.NO_FALLBACK) == [(Severity.ERROR, "*")]


def test_a_rule_that_names_a_unit_which_the_dispatch_does_not_have_is_an_error_in_every_role() -> None:
    """AM TestReceiverExistsForDeepSubRoute."""
    rule = OwnershipRule(indicator="of_tomorrow", lead=("nobody",), informed=("nobody_either",))
    found = of_kind(with_rules(rule), FindingKind.CATALOG)

    told = [(finding.subject.rpartition(".")[2], finding.what_vi.partition(";")[0]) for finding in found]
    assert ("lead", "is not defined in units of this dispatch (nobody)") in told
    assert ("informed", "is not defined in units of this dispatch (nobody_either)") in told


def test_two_units_with_one_id_are_an_error() -> None:
    """AM TestReceiverNameIsUnique."""
    twice = (*cao_loc().units, ResponsibleUnit(id="bhxh", name_vi="Bảo hiểm khác", kind="office"))

    (found,) = of_kind(changed(dispatches=(cao_loc(units=twice),)), FindingKind.CATALOG)

    assert found.severity is Severity.ERROR
    assert "(bhxh)" in found.subject


def test_two_rules_for_one_indicator_and_sector_are_an_error() -> None:
    """D7: duplicate rule."""
    found = of_kind(with_rules(OwnershipRule(indicator="stunting_u5", lead=("bhxh",))), FindingKind.CATALOG)

    assert [finding.what_vi.partition(" (")[0] for finding in found] == ["is also the indicator/sector of rules[2]"]


@pytest.mark.parametrize(
    ("rule", "severity"),
    [
        pytest.param(OwnershipRule(indicator="health_management", lead=("ttyt",)), Severity.WARNING, id="never judged"),
        pytest.param(OwnershipRule(indicator="*", sector="health", lead=("ttyt",)), Severity.ERROR, id="shadowed"),
    ],
)
def test_a_rule_that_can_never_apply_is_found(rule: OwnershipRule, severity: Severity) -> None:
    """D7: unreachable rule."""
    assert subjects(shipped(), FindingKind.DEAD_RULE) == []

    name = rule.indicator if rule.sector is None else f"{rule.indicator}/{rule.sector}"
    assert subjects(with_rules(rule), FindingKind.DEAD_RULE) == [(severity, name)]


def test_a_unit_that_leads_and_coordinates_the_same_indicator_contradicts_itself() -> None:
    rule = OwnershipRule(indicator="stunting_u5", lead=("ttyt",), coordinating=("ttyt",), implementing=("bhxh", "bhxh"))

    found = of_kind(with_rules(rule, without=("stunting_u5",)), FindingKind.CONFLICT)

    assert [finding.severity for finding in found] == [Severity.ERROR, Severity.ERROR]
    assert [finding.what_vi.partition(" ")[0] for finding in found] == ["ttyt", "bhxh"]


def test_a_clause_of_another_unit_or_role_than_the_rule_gives_is_an_error() -> None:
    wrong_unit = OwnershipRule(indicator="stunting_u5", lead=("ttyt",), clauses=("c7a",))
    wrong_role = OwnershipRule(indicator="stunting_u5", coordinating=("ttyt",), clauses=("c5",))

    for rule in (wrong_unit, wrong_role):
        catalog = with_rules(rule, without=("stunting_u5",))
        assert subjects(catalog, FindingKind.WRONG_CLAUSE) == [(Severity.ERROR, "stunting_u5")]
    assert subjects(shipped(), FindingKind.WRONG_CLAUSE) == []


def test_who_only_receives_a_dispatch_needs_the_line_that_says_so() -> None:
    clauses = tuple(clause for clause in cao_loc().clauses if clause.id != "n2")

    found = subjects(changed(dispatches=(cao_loc(clauses=clauses),)), FindingKind.NO_CLAUSE)

    assert found == [(Severity.WARNING, "pho_chu_tich")]


def test_a_quote_that_is_not_in_the_text_is_an_error_with_the_nearest_passage() -> None:
    clauses = tuple(
        clause.model_copy(update={"quote": clause.quote.replace("truyền truyền", "tuyên truyền")})
        for clause in cao_loc().clauses
    )

    (found,) = of_kind(changed(dispatches=(cao_loc(clauses=clauses),)), FindingKind.CATALOG)

    assert (found.severity, "(c7a).quote" in found.subject) == (Severity.ERROR, True)
    assert "nearest: “Chủ trì phối hợp" in found.what_vi
    assert "truyền truyền" in found.what_vi


def test_spaces_and_line_ends_do_not_count_in_a_quote() -> None:
    clauses = tuple(
        clause.model_copy(update={"quote": clause.quote.replace(" ", " \n ")}) for clause in cao_loc().clauses
    )

    assert of_kind(changed(dispatches=(cao_loc(clauses=clauses),)), FindingKind.CATALOG) == []


def test_a_quote_that_resembles_nothing_has_no_nearest_passage() -> None:
    assert nearest_passage("một hai ba bốn", "năm sáu bảy tám") == ""


def test_a_dispatch_without_its_text_is_warned_of() -> None:
    catalog = changed(texts={GIANG_THANH: shipped().texts[GIANG_THANH]})

    assert subjects(catalog, FindingKind.NO_TEXT) == [(Severity.WARNING, "text_file")]


def test_an_addressee_that_nothing_names_is_found_with_its_address() -> None:
    """D7: unused addressee."""
    more = ResponsibleUnit(id="phong_lao_dong", name_vi="Phòng Lao động", kind="office")
    address = Address(dispatch=CAO_LOC, unit="phong_lao_dong", mail=("laodong@langson.example",))
    catalog = changed(
        dispatches=(cao_loc(units=(*cao_loc().units, more)),),
        addresses=(*(a for a in shipped().addresses if a.dispatch == CAO_LOC), address),
    )

    assert subjects(catalog, FindingKind.UNUSED_UNIT) == [(Severity.WARNING, "phong_lao_dong")]
    assert subjects(catalog, FindingKind.UNUSED_ADDRESS) == [(Severity.WARNING, "phong_lao_dong")]


def test_an_address_for_a_commune_outside_the_scope_is_never_used() -> None:
    address = Address(dispatch=CAO_LOC, unit="ubnd_xa", commune="30791", mail=("xa@kiengiang.example",))

    found = subjects(changed(addresses=(*shipped().addresses, address)), FindingKind.UNUSED_ADDRESS)

    assert found == [(Severity.WARNING, "ubnd_xa/30791")]


def test_a_department_is_reachable_through_its_unit_and_the_unit_is_not_unused() -> None:
    departments = ("khoa_ksbt", "khoa_atvstp", "phong_khnv", "phong_tchc")
    kept = tuple(a for a in shipped().addresses if a.unit not in departments)
    neither = tuple(a for a in kept if a.unit != "ttyt" or a.dispatch != GIANG_THANH)

    assert subjects(changed(addresses=kept), FindingKind.NO_ADDRESS) == []
    missing = {finding.subject for finding in of_kind(changed(addresses=neither), FindingKind.NO_ADDRESS)}
    assert missing == {*departments, "ban_giam_doc"}
    assert subjects(shipped(), FindingKind.UNUSED_UNIT) == []


def test_a_unit_that_ends_before_the_dispatch_needs_a_successor() -> None:
    ends = dt.date(2024, 12, 31)
    alone = tuple(u.model_copy(update={"effective_to": ends}) if u.id == "bhxh" else u for u in cao_loc().units)
    followed = tuple(u.model_copy(update={"successor": "ttyt"}) if u.id == "bhxh" else u for u in alone)

    (found,) = of_kind(changed(dispatches=(cao_loc(units=alone),)), FindingKind.UNIT_ENDED)

    assert (found.subject, "01/01/2025" in found.what_vi) == ("bhxh", True)
    assert subjects(changed(dispatches=(cao_loc(units=followed),)), FindingKind.UNIT_ENDED) == []


def test_two_dispatches_for_one_place_on_one_day_are_an_error() -> None:
    """D7: overlapping effective dates."""
    other = cao_loc(id="cao-loc-2", effective_from=dt.date(2025, 6, 30))

    found = of_kind(changed(dispatches=(cao_loc(), other)), FindingKind.CATALOG)

    assert [(finding.dispatch, finding.subject) for finding in found] == [("cao-loc-2", "scope")]


def test_days_between_two_dispatches_of_one_place_are_found() -> None:
    """D7: gap in coverage."""
    earlier = cao_loc(id="cao-loc-0", effective_from=dt.date(2023, 1, 1), effective_to=dt.date(2024, 8, 15))
    adjoining = cao_loc(id="cao-loc-0", effective_from=dt.date(2023, 1, 1), effective_to=dt.date(2024, 8, 31))

    (found,) = of_kind(changed(dispatches=(earlier, cao_loc())), FindingKind.DATE_GAP)

    assert (found.dispatch, found.subject) == (CAO_LOC, "183")
    assert "Từ 16/08/2024 đến 31/08/2024" in found.what_vi
    assert subjects(changed(dispatches=(adjoining, cao_loc())), FindingKind.DATE_GAP) == []


@pytest.mark.parametrize(
    ("dates", "subject"),
    [({"effective_from": None}, "effective_from"), ({"effective_to": None}, "183")],
    ids=["no first day", "no last day although the district has one"],
)
def test_a_missing_date_is_found(dates: dict[str, Any], subject: str) -> None:
    assert subjects(changed(dispatches=(cao_loc(**dates),)), FindingKind.DATES) == [(Severity.WARNING, subject)]


def test_a_place_without_a_dispatch_is_told_which_ended_and_whose_document_is_missing() -> None:
    found = [f for f in dispatch_problems(shipped(), dt.date(2025, 7, 1)) if f.kind is FindingKind.NO_DISPATCH]

    what = {finding.subject: finding.what_vi for finding in found}
    assert "của UBND huyện Cao Lộc" in what["20"]
    assert "đã hết hiệu lực ngày 30/06/2025" in what["20"]
    assert what["20"].endswith("Cần văn bản phân công mới của UBND tỉnh Lạng Sơn hoặc UBND từng xã, phường.")
    assert "Văn bản gần nhất" not in what["22"], "Quảng Ninh never had one"


def test_everything_that_is_wrong_is_told_at_once() -> None:
    rules = (
        OwnershipRule(indicator="stunting_u5", lead=("bhxh", "ttyt")),
        OwnershipRule(indicator="nonsense", lead=("nobody",)),
    )

    found = dispatch_problems(with_rules(*rules, without=("stunting_u5", "*"), effective_from=None))

    kinds = {finding.kind for finding in found}
    assert {
        FindingKind.CATALOG, FindingKind.TWO_LEADS, FindingKind.NO_FALLBACK, FindingKind.DEAD_RULE,
        FindingKind.NO_CLAUSE, FindingKind.DATES,
    } <= kinds  # fmt: skip
