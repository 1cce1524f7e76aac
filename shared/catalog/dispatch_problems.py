"""What is wrong with the dispatches or left open by them: leads, rules, clauses, units, addresses, dates."""

import datetime as dt
from collections.abc import Iterator

from shared.catalog.address_findings import address_findings
from shared.catalog.catalog import Catalog
from shared.catalog.checks.dispatches import check_dispatch_names, check_dispatch_places, check_dispatch_rules
from shared.catalog.checks.quotes import check_quotes
from shared.catalog.coverage import Coverage, dispatch_coverage
from shared.catalog.date_findings import date_findings, without_dispatch
from shared.catalog.dispatch_findings import DispatchFinding, FindingKind, Severity, error, warning
from shared.catalog.ownership_findings import clause_findings, rule_findings, unit_findings
from shared.catalog.problems import Problem

__all__ = ["DispatchFinding", "FindingKind", "Severity", "as_finding", "dispatch_problems", "without_dispatch"]


def dispatch_problems(catalog: Catalog, on: dt.date | None = None) -> tuple[DispatchFinding, ...]:
    """Return what is wrong with or left open by the dispatches; with `on`, also the places without one on that day."""
    ids = tuple(dispatch.id for dispatch in catalog.dispatches)
    checks = (check_dispatch_names, check_dispatch_rules, check_dispatch_places, check_quotes)
    wrong = [as_finding(problem) for check in checks for problem in check(catalog, ids)]
    return (*wrong, *left_open(catalog), *(without_dispatch(catalog, on) if on else ()))


def left_open(catalog: Catalog) -> Iterator[DispatchFinding]:
    """Yield what the dispatches themselves leave open or contradict, one after the other, places without one apart."""
    for dispatch in catalog.dispatches:
        rows = dispatch_coverage(catalog, dispatch)
        for row in rows:
            yield from _row_findings(row)
        yield from rule_findings(dispatch, rows)
        yield from unit_findings(dispatch)
        yield from clause_findings(dispatch)
        if dispatch.id not in catalog.texts:
            what = "Không có toàn văn (text_file): trích dẫn của văn bản không được đối chiếu từng chữ."
            yield warning(FindingKind.NO_TEXT, dispatch.id, "text_file", what)
        yield from address_findings(catalog, dispatch)
        yield from date_findings(catalog, dispatch)


def as_finding(problem: Problem) -> DispatchFinding:
    """Return what a check of the catalog's files says as a finding of a dispatch check; `dispatch` is the file."""
    value = f" ({problem.value})" if problem.value is not None else ""
    return error(FindingKind.CATALOG, problem.file, problem.key, f"{problem.what}{value}; {problem.remedy}")


def _row_findings(row: Coverage) -> Iterator[DispatchFinding]:
    subject = f"{', '.join(row.nodes)} {row.indicator}"
    if row.sectored:
        subject += f"/{row.sector or '?'}"
    rule = row.rule
    if rule is None or not any(rule.units_by_role().values()):
        what = "Không đơn vị nào được báo: văn bản không nêu và không có quy tắc chung '*'."
        yield error(FindingKind.NOBODY, row.dispatch, subject, what)
    elif len(rule.lead) > 1:
        what = f"Có {len(rule.lead)} đơn vị chủ trì: {', '.join(rule.lead)}."
        yield error(FindingKind.TWO_LEADS, row.dispatch, subject, what)
    elif not row.named:
        what = "Văn bản không nêu chỉ tiêu này: chỉ áp dụng quy tắc chung '*'."
        yield warning(FindingKind.NOT_NAMED, row.dispatch, subject, what)
    elif not rule.lead:
        directing = f" Trực tiếp chỉ đạo: {', '.join(rule.directing)}." if rule.directing else ""
        what = f"Không có đơn vị chủ trì.{directing}" + (f" {row.gap_vi}" if row.gap_vi else "")
        yield warning(FindingKind.NO_LEAD, row.dispatch, subject, what)
