"""What is wrong with the rules of one dispatch: dead or contradicting ones, units and clauses that do not fit."""

import datetime as dt
from collections.abc import Iterator

from shared.catalog.coverage import Coverage
from shared.catalog.dispatch_findings import DispatchFinding, FindingKind, error, rule_name, warning
from shared.catalog.dispatches import ANY_INDICATOR, OfficialDispatch, OwnershipRule
from shared.contracts.vocabulary import Role


def named_units(dispatch: OfficialDispatch) -> set[str]:
    """Return the units that a rule or Nơi nhận names."""
    named = {name for rule in dispatch.rules for names in rule.units_by_role().values() for name in names}
    return named | set(dispatch.cc)


def charged_units(dispatch: OfficialDispatch) -> frozenset[str]:
    """Return the units that a rule or Nơi nhận names, and those that take over from them."""
    charged = named_units(dispatch)
    successor = {unit.id: unit.successor for unit in dispatch.units}
    for name in tuple(charged):
        following = successor.get(name)
        while following is not None and following not in charged:
            charged.add(following)
            following = successor.get(following)
    return frozenset(charged)


def rule_findings(dispatch: OfficialDispatch, rows: tuple[Coverage, ...]) -> Iterator[DispatchFinding]:
    """Yield the rules that can never apply or that contradict themselves, and the want of a rule for all."""
    judged = {row.indicator for row in rows}
    for rule in dispatch.rules:
        if rule.indicator != ANY_INDICATOR and rule.indicator not in judged:
            what = "Quy tắc không bao giờ được dùng: khi văn bản có hiệu lực không chỉ tiêu nào của nó được xét."
            yield warning(FindingKind.DEAD_RULE, dispatch.id, rule_name(rule), what)
        if rule.indicator == ANY_INDICATOR and rule.sector is not None:
            what = "Quy tắc không bao giờ được dùng: quy tắc chung '*' không chia theo ngành; hãy bỏ sector."
            yield error(FindingKind.DEAD_RULE, dispatch.id, rule_name(rule), what)
        yield from _contradictions(dispatch, rule)
    if not any(rule.indicator == ANY_INDICATOR and rule.sector is None for rule in dispatch.rules):
        what = (
            "Không có quy tắc chung '*': chỉ tiêu không được nêu tên và kết quả tổng hợp không đến được ai. "
            "Hãy thêm một quy tắc với indicator: '*'."
        )
        yield error(FindingKind.NO_FALLBACK, dispatch.id, ANY_INDICATOR, what)


def _contradictions(dispatch: OfficialDispatch, rule: OwnershipRule) -> Iterator[DispatchFinding]:
    for name in dict.fromkeys(rule.coordinating):
        if name in rule.lead or name in rule.directing:
            what = f"{name} vừa phối hợp vừa chủ trì hoặc trực tiếp chỉ đạo cùng một chỉ tiêu."
            yield error(FindingKind.CONFLICT, dispatch.id, rule_name(rule), what)
    for role, names in rule.units_by_role().items():
        for name in dict.fromkeys(name for name in names if names.count(name) > 1):
            yield error(
                FindingKind.CONFLICT, dispatch.id, rule_name(rule), f"{name} được nêu hai lần ở vai trò {role}."
            )


def clause_findings(dispatch: OfficialDispatch) -> Iterator[DispatchFinding]:
    """Yield roles without a clause, clauses of another unit or role than the rule gives, and unused ones."""
    clauses = {clause.id: clause for clause in dispatch.clauses}
    for rule in dispatch.rules:
        holders = rule.units_by_role() | {Role.INFORMED: dispatch.copied_to(rule)}
        quoted = [clauses[name] for name in rule.clauses if name in clauses]
        for clause in quoted:
            if clause.unit not in holders.get(clause.role, ()):
                what = (
                    f"Điểm {clause.id} là căn cứ cho {clause.unit} ở vai trò {clause.role}, nhưng quy tắc không giao "
                    "vai trò đó cho đơn vị này."
                )
                yield error(FindingKind.WRONG_CLAUSE, dispatch.id, rule_name(rule), what)
        roles = {clause.role for clause in quoted}
        for role, names in rule.units_by_role().items():
            if names and role not in roles:
                what = f"Vai trò {role} của {', '.join(names)} không có điểm nào của văn bản làm căn cứ."
                yield warning(FindingKind.NO_CLAUSE, dispatch.id, rule_name(rule), what)
    yield from _clauses_of_copies(dispatch)


def _clauses_of_copies(dispatch: OfficialDispatch) -> Iterator[DispatchFinding]:
    used = {name for rule in dispatch.rules for name in rule.clauses}
    copied = {clause.unit for clause in dispatch.clauses if clause.role is Role.INFORMED}
    for name in dispatch.cc:
        if name not in copied:
            what = f"{name} có trong cc nhưng không có điểm nào trích 'Nơi nhận' với vai trò informed."
            yield warning(FindingKind.NO_CLAUSE, dispatch.id, name, what)
    for clause in dispatch.clauses:
        if clause.id not in used and not (clause.role is Role.INFORMED and clause.unit in dispatch.cc):
            what = f"Điểm {clause.id} ({clause.section_vi}) không được quy tắc nào viện dẫn."
            yield warning(FindingKind.UNUSED_CLAUSE, dispatch.id, clause.id, what)


def unit_findings(dispatch: OfficialDispatch) -> Iterator[DispatchFinding]:
    """Yield the units that nothing names, and those that end without a successor while the dispatch is in force."""
    charged = charged_units(dispatch)
    parents = {unit.parent for unit in dispatch.units if unit.id in charged}
    for unit in dispatch.units:
        if unit.id not in charged and unit.id not in parents:
            what = f"Đơn vị {unit.name_vi} không có trong quy tắc nào."
            yield warning(FindingKind.UNUSED_UNIT, dispatch.id, unit.id, what)
    known = {unit.id for unit in dispatch.units}
    for name in sorted(named_units(dispatch) & known):
        gone = next((day for day in _days_of_change(dispatch) if dispatch.holder(name, day) is None), None)
        if gone is not None:
            what = (
                f"Từ ngày {gone:%d/%m/%Y} đơn vị này không còn (hoặc chưa) hoạt động và không có đơn vị kế thừa "
                "(successor), trong khi văn bản còn hiệu lực. Cần văn bản phân công mới."
            )
            yield warning(FindingKind.UNIT_ENDED, dispatch.id, name, what)


def _days_of_change(dispatch: OfficialDispatch) -> list[dt.date]:
    """Return the first day of a dispatch, and the days of it on which one of its units first no longer exists."""
    first, last = dispatch.span
    ends = {unit.effective_to + dt.timedelta(days=1) for unit in dispatch.units if unit.effective_to is not None}
    return sorted({first, *(day for day in ends if first <= day <= last)})
