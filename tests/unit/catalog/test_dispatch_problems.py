"""What a check of the dispatches finds: gaps of the text as warnings, wrong routing as errors."""

import datetime as dt
from functools import cache
from typing import Any

from shared.catalog.catalog import Catalog
from shared.catalog.coverage import dispatch_coverage
from shared.catalog.dispatch_problems import DispatchFinding, FindingKind, Severity, dispatch_problems
from shared.catalog.load import load_catalog

CAO_LOC = "caoloc-ubnd-vp-2024-09"
IN_FORCE = dt.date(2024, 10, 1)


@cache
def shipped() -> Catalog:
    return load_catalog()


def changed(**changes: Any) -> Catalog:
    """The shipped catalog with other parts; a copy of the model would keep the look-ups of the original."""
    return Catalog(**{name: changes.get(name, getattr(shipped(), name)) for name in Catalog.model_fields})


def with_cao_loc(**changes: Any) -> Catalog:
    """The shipped catalog with only the Cao Lộc dispatch, changed."""
    dispatch = shipped().dispatch_by_id[CAO_LOC].model_copy(update=changes)
    return changed(dispatches=(dispatch,))


def of_kind(catalog: Catalog, kind: FindingKind) -> list[DispatchFinding]:
    return [finding for finding in dispatch_problems(catalog) if finding.kind is kind]


def test_the_shipped_dispatches_have_gaps_but_nothing_wrong() -> None:
    findings = dispatch_problems(shipped())

    assert {finding.severity for finding in findings} == {Severity.WARNING}
    assert {finding.kind for finding in findings} == {FindingKind.NO_LEAD, FindingKind.NOT_NAMED}


def test_food_safety_of_the_health_sector_has_no_lead_in_the_words_of_the_dispatch() -> None:
    found = [f for f in of_kind(shipped(), FindingKind.NO_LEAD) if f.dispatch == CAO_LOC and "/health" in f.subject]

    assert [finding.subject.split()[0] for finding in found] == [
        "xa_ntm/17.10",
        "xa_ntm_nang_cao/18.4",
        "xa_ntm_nang_cao/18.5",
    ]
    assert all("Cần UBND huyện xác định đơn vị chủ trì" in finding.what_vi for finding in found)


def test_the_coverage_has_a_row_for_every_indicator_and_sector_judged_while_the_dispatch_is_in_force() -> None:
    rows = dispatch_coverage(shipped(), shipped().dispatch_by_id[CAO_LOC])

    by_question = {(row.indicator, row.sector): row for row in rows}
    assert by_question["bhyt_coverage", None].nodes == ("xa_ntm/15.1", "xa_ntm_nang_cao/14.1")
    assert len([row for row in rows if row.indicator == "food_safety_compliance"]) == 4
    assert "health_management" not in {row.indicator for row in rows}, "a rate that ended before the dispatch"
    assert all(row.named for row in rows)


def test_two_leads_are_an_error() -> None:
    rules = list(shipped().dispatch_by_id[CAO_LOC].rules)
    rules[0] = rules[0].model_copy(update={"lead": ("bhxh", "ttyt")})

    found = of_kind(with_cao_loc(rules=tuple(rules)), FindingKind.TWO_LEADS)

    assert [(f.severity, f.subject) for f in found] == [
        (Severity.ERROR, "xa_ntm/15.1, xa_ntm_nang_cao/14.1 bhyt_coverage")
    ]


def test_an_indicator_that_nobody_would_be_told_about_is_an_error() -> None:
    rules = shipped().dispatch_by_id[CAO_LOC].rules
    without = tuple(rule for rule in rules if rule.indicator not in ("*", "stunting_u5"))

    found = of_kind(with_cao_loc(rules=without), FindingKind.NOBODY)

    assert [(f.severity, f.subject) for f in found] == [(Severity.ERROR, "xa_ntm/15.3 stunting_u5")]


def test_units_and_clauses_without_a_use_are_warned_of() -> None:
    rules = shipped().dispatch_by_id[CAO_LOC].rules
    without = tuple(rule for rule in rules if rule.indicator != "bhyt_coverage")

    catalog = with_cao_loc(rules=without)

    assert [finding.subject for finding in of_kind(catalog, FindingKind.UNUSED_UNIT)] == ["bhxh"]
    assert [finding.subject for finding in of_kind(catalog, FindingKind.UNUSED_ADDRESS)] == ["bhxh"]
    assert [finding.subject for finding in of_kind(catalog, FindingKind.UNUSED_CLAUSE)] == ["c7a", "c7b"]


def test_a_role_without_a_clause_is_warned_of() -> None:
    rules = list(shipped().dispatch_by_id[CAO_LOC].rules)
    rules[0] = rules[0].model_copy(update={"clauses": ("c1", "c7a", "c8a")})

    found = of_kind(with_cao_loc(rules=tuple(rules)), FindingKind.NO_CLAUSE)

    assert [finding.what_vi for finding in found] == ["Vai trò data của bhxh không có điểm nào của văn bản làm căn cứ."]


def test_a_unit_and_a_commune_without_an_address_are_warned_of() -> None:
    kept = tuple(a for a in shipped().addresses if a.unit != "bhxh" and a.commune != "06208")

    found = of_kind(changed(addresses=kept), FindingKind.NO_ADDRESS)

    assert [(finding.dispatch, finding.subject) for finding in found] == [(CAO_LOC, "bhxh"), (CAO_LOC, "ubnd_xa")]
    assert any("Xã Thụy Hùng" in finding.what_vi for finding in found)


def test_unknown_units_are_errors_when_a_catalog_was_not_loaded_from_files() -> None:
    found = of_kind(with_cao_loc(scope=("1830",)), FindingKind.CATALOG)

    assert [(finding.severity, finding.subject) for finding in found] == [(Severity.ERROR, "scope")]


def test_places_without_a_dispatch_on_a_day_are_counted_by_the_unit_above() -> None:
    before = [f.subject for f in dispatch_problems(shipped(), IN_FORCE) if f.kind is FindingKind.NO_DISPATCH]
    after = [f.subject for f in dispatch_problems(shipped(), dt.date(2025, 7, 1)) if f.kind is FindingKind.NO_DISPATCH]

    assert before == ["914", "198", "202"]
    assert after == ["20", "22", "91@2025-07-01"]
