"""What is wrong with the dispatches or left open by them: leads, clauses, units, addresses, places without one."""

import datetime as dt
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

from shared.catalog.catalog import Catalog
from shared.catalog.checks.dispatches import check_dispatch_names, check_dispatch_places, check_dispatch_rules
from shared.catalog.coverage import Coverage, dispatch_coverage
from shared.catalog.dispatches import OfficialDispatch
from shared.catalog.units import AdminUnit
from shared.contracts.vocabulary import UnitLevel


class Severity(StrEnum):
    """Whether a finding makes routing wrong (error) or leaves something open that routing reports (warning)."""

    ERROR = "error"
    WARNING = "warning"


class FindingKind(StrEnum):
    """What a dispatch check finds."""

    CATALOG = "catalog"
    NO_LEAD = "no_lead"
    TWO_LEADS = "two_leads"
    NOT_NAMED = "not_named"
    NOBODY = "nobody"
    NO_CLAUSE = "no_clause"
    NO_ADDRESS = "no_address"
    UNUSED_UNIT = "unused_unit"
    UNUSED_CLAUSE = "unused_clause"
    NO_DISPATCH = "no_dispatch"


@dataclass(frozen=True, slots=True)
class DispatchFinding:
    """One thing found in a dispatch, or for want of one; `subject` is the chỉ tiêu, unit, clause or place."""

    severity: Severity
    kind: FindingKind
    dispatch: str | None
    subject: str
    what_vi: str


def dispatch_problems(catalog: Catalog, on: dt.date | None = None) -> tuple[DispatchFinding, ...]:
    """Return what is wrong with or left open by the dispatches; with `on`, also the places without one on that day."""
    ids = tuple(dispatch.id for dispatch in catalog.dispatches)
    found = [
        DispatchFinding(
            Severity.ERROR, FindingKind.CATALOG, problem.file, problem.key, f"{problem.what}; {problem.remedy}"
        )
        for check in (check_dispatch_names, check_dispatch_rules, check_dispatch_places)
        for problem in check(catalog, ids)
    ]
    for dispatch in catalog.dispatches:
        for row in dispatch_coverage(catalog, dispatch):
            found += _row_findings(row)
        found += _unused(dispatch)
        found += _without_clause(dispatch)
        found += _without_address(catalog, dispatch)
    return tuple(found) + (without_dispatch(catalog, on) if on else ())


def without_dispatch(catalog: Catalog, on: dt.date) -> tuple[DispatchFinding, ...]:
    """Return one finding for each district or province whose communes have no dispatch in force on a day."""
    missing = Counter(
        unit.parent or unit.id
        for unit in catalog.units
        if unit.level is UnitLevel.COMMUNE and unit.in_force(on) and catalog.dispatch_for(unit, on) is None
    )
    findings = []
    for place, count in missing.items():
        above = catalog.unit_by_id[place]
        what = f"{count} đơn vị cấp xã thuộc {above.name_vi} không có văn bản phân công có hiệu lực ngày {on:%d/%m/%Y}."
        findings.append(DispatchFinding(Severity.WARNING, FindingKind.NO_DISPATCH, None, above.id, what))
    return tuple(findings)


def _row_findings(row: Coverage) -> Iterator[DispatchFinding]:
    subject = f"{', '.join(row.nodes)} {row.indicator}"
    if row.sectored:
        subject += f"/{row.sector or '?'}"

    def finding(severity: Severity, kind: FindingKind, what_vi: str) -> DispatchFinding:
        return DispatchFinding(severity, kind, row.dispatch, subject, what_vi)

    rule = row.rule
    if rule is None or not any(rule.units_by_role().values()):
        yield finding(
            Severity.ERROR,
            FindingKind.NOBODY,
            "Không đơn vị nào được báo: văn bản không nêu và không có quy tắc chung '*'.",
        )
    elif len(rule.lead) > 1:
        yield finding(
            Severity.ERROR, FindingKind.TWO_LEADS, f"Có {len(rule.lead)} đơn vị chủ trì: {', '.join(rule.lead)}."
        )
    elif not row.named:
        yield finding(
            Severity.WARNING, FindingKind.NOT_NAMED, "Văn bản không nêu chỉ tiêu này: chỉ áp dụng quy tắc chung '*'."
        )
    elif not rule.lead:
        directing = f" Trực tiếp chỉ đạo: {', '.join(rule.directing)}." if rule.directing else ""
        what = f"Không có đơn vị chủ trì.{directing}" + (f" {row.gap_vi}" if row.gap_vi else "")
        yield finding(Severity.WARNING, FindingKind.NO_LEAD, what)


def _unused(dispatch: OfficialDispatch) -> Iterator[DispatchFinding]:
    used_units = {name for rule in dispatch.rules for names in rule.units_by_role().values() for name in names}
    used_clauses = {name for rule in dispatch.rules for name in rule.clauses}
    for unit in dispatch.units:
        if unit.id not in used_units:
            what = f"Đơn vị {unit.name_vi} không có trong quy tắc nào."
            yield DispatchFinding(Severity.WARNING, FindingKind.UNUSED_UNIT, dispatch.id, unit.id, what)
    for clause in dispatch.clauses:
        if clause.id not in used_clauses:
            what = f"Điểm {clause.id} ({clause.section_vi}) không được quy tắc nào viện dẫn."
            yield DispatchFinding(Severity.WARNING, FindingKind.UNUSED_CLAUSE, dispatch.id, clause.id, what)


def _without_clause(dispatch: OfficialDispatch) -> Iterator[DispatchFinding]:
    """Yield the roles that a rule gives without a clause that speaks of that role."""
    roles = {clause.id: clause.role for clause in dispatch.clauses}
    for rule in dispatch.rules:
        quoted = {roles[name] for name in rule.clauses if name in roles}
        for role, names in rule.units_by_role().items():
            if names and role not in quoted:
                subject = rule.indicator if rule.sector is None else f"{rule.indicator}/{rule.sector}"
                what = f"Vai trò {role} của {', '.join(names)} không có điểm nào của văn bản làm căn cứ."
                yield DispatchFinding(Severity.WARNING, FindingKind.NO_CLAUSE, dispatch.id, subject, what)


def _without_address(catalog: Catalog, dispatch: OfficialDispatch) -> Iterator[DispatchFinding]:
    known = catalog.address_by_place
    communes = list(_communes(catalog, dispatch))
    for unit in dispatch.units:
        if (dispatch.id, unit.id, None) in known:
            continue
        if not unit.one_per_commune:
            what = f"Đơn vị {unit.name_vi} chưa có địa chỉ nhận thông báo."
            yield DispatchFinding(Severity.WARNING, FindingKind.NO_ADDRESS, dispatch.id, unit.id, what)
            continue
        missing = [place.name_vi for place in communes if (dispatch.id, unit.id, place.id) not in known]
        if missing:
            what = f"{unit.name_vi}: {len(missing)} nơi chưa có địa chỉ nhận thông báo ({', '.join(missing)})."
            yield DispatchFinding(Severity.WARNING, FindingKind.NO_ADDRESS, dispatch.id, unit.id, what)


def _communes(catalog: Catalog, dispatch: OfficialDispatch) -> Iterator[AdminUnit]:
    for unit in catalog.units:
        if unit.level is UnitLevel.COMMUNE and unit.overlaps(dispatch):
            places = {unit.id, *(above.id for above in catalog.ancestors(unit))}
            if places & set(dispatch.scope):
                yield unit
