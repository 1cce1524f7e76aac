"""What a finding about the dispatches is: how grave, of which kind, about what, in Vietnamese words."""

from dataclasses import dataclass
from enum import StrEnum

from shared.catalog.dispatches import OwnershipRule


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
    NO_FALLBACK = "no_fallback"
    DEAD_RULE = "dead_rule"
    CONFLICT = "conflict"
    NO_CLAUSE = "no_clause"
    WRONG_CLAUSE = "wrong_clause"
    UNUSED_CLAUSE = "unused_clause"
    NO_TEXT = "no_text"
    UNUSED_UNIT = "unused_unit"
    UNIT_ENDED = "unit_ended"
    NO_ADDRESS = "no_address"
    UNUSED_ADDRESS = "unused_address"
    DATES = "dates"
    DATE_GAP = "date_gap"
    NO_DISPATCH = "no_dispatch"


@dataclass(frozen=True, slots=True)
class DispatchFinding:
    """One thing found in a dispatch, or for want of one; `subject` is the chỉ tiêu, unit, clause or place."""

    severity: Severity
    kind: FindingKind
    dispatch: str | None
    subject: str
    what_vi: str


def error(kind: FindingKind, dispatch: str, subject: str, what_vi: str) -> DispatchFinding:
    """Return a finding that makes routing wrong."""
    return DispatchFinding(Severity.ERROR, kind, dispatch, subject, what_vi)


def warning(kind: FindingKind, dispatch: str, subject: str, what_vi: str) -> DispatchFinding:
    """Return a finding that leaves something open."""
    return DispatchFinding(Severity.WARNING, kind, dispatch, subject, what_vi)


def rule_name(rule: OwnershipRule) -> str:
    """Return the name by which a person knows a rule: its indicator, with the sector if it has one."""
    return rule.indicator if rule.sector is None else f"{rule.indicator}/{rule.sector}"
