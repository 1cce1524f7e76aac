"""The closed lists of words that services, messages, tables and metrics share (docs/glossary.md is the authority)."""

from enum import StrEnum


class Sex(StrEnum):
    """Sex group of a disaggregated indicator (nam, nữ)."""

    MALE = "male"
    FEMALE = "female"


class Sector(StrEnum):
    """Managing sector of food safety (ngành quản lý): y tế, công thương, nông nghiệp."""

    HEALTH = "health"
    INDUSTRY_TRADE = "industry_trade"
    AGRICULTURE = "agriculture"


class UnitLevel(StrEnum):
    """Level of an administrative unit (đơn vị hành chính)."""

    PROVINCE = "province"
    DISTRICT = "district"
    COMMUNE = "commune"


class CommuneType(StrEnum):
    """Kind of a commune-level unit: only a xã can hold an NTM title."""

    XA = "xa"
    THI_TRAN = "thi_tran"
    PHUONG = "phuong"
    DAC_KHU = "dac_khu"


class Operator(StrEnum):
    """How a chỉ tiêu compares a measure with its threshold. Never assumed: decisions say ≥, plans say "trên" (>)."""

    AT_LEAST = ">="
    AT_MOST = "<="
    MORE_THAN = ">"
    LESS_THAN = "<"
    IS_TRUE = "is_true"
    NO_EVENT_IN_WINDOW = "no_event_in_window"
    CERTIFICATE_VALID = "certificate_valid"


class Combine(StrEnum):
    """How the cells of a disaggregated chỉ tiêu make one verdict."""

    EVERY_GROUP = "every_group"
    SUM = "sum"
    ANY_BREAKS = "any_breaks"


class MeasureKind(StrEnum):
    """What a report may carry for an indicator: counts, a percentage, yes/no, or a number of events."""

    RATIO = "ratio"
    PERCENT = "percent"
    BOOLEAN = "boolean"
    COUNT = "count"


class Part(StrEnum):
    """Which part of a fact one event carries: a whole measure, a yes/no attestation, or one half of a ratio.

    An attestation is kept beside the rates of the same indicator: a rate that comes later does not undo it.
    """

    MEASURE = "measure"
    ATTESTATION = "attestation"
    NUMERATOR = "numerator"
    DENOMINATOR = "denominator"


class Stage(StrEnum):
    """Whether the sender calls a report provisional or final."""

    PROVISIONAL = "provisional"
    FINAL = "final"


class Confidence(StrEnum):
    """How far a legal number may be trusted: read in a source, recalled, or uncertain."""

    VERIFIED = "verified"
    RECALLED = "recalled"
    UNCERTAIN = "uncertain"


class NodeKind(StrEnum):
    """Level of a verdict inside one unit: chỉ tiêu, tiêu chí, or the health part of a standard."""

    INDICATOR = "indicator"
    CRITERION = "criterion"
    STANDARD = "standard"


class VerdictStatus(StrEnum):
    """The four verdicts (đạt, chưa đạt, chưa đánh giá được, không áp dụng)."""

    MET = "met"
    NOT_MET = "not_met"
    NOT_EVALUABLE = "not_evaluable"
    NOT_APPLICABLE = "not_applicable"


class VerdictReason(StrEnum):
    """Why a verdict is what it is."""

    TARGET_MET = "target_met"
    BELOW_TARGET = "below_target"
    ABOVE_CEILING = "above_ceiling"
    ATTESTED = "attested"
    ATTESTED_NOT = "attested_not"
    NO_INCIDENT = "no_incident"
    INCIDENT_OPEN = "incident_open"
    NO_POSITIVE_REPORT = "no_positive_report"
    CERTIFICATE_VALID = "certificate_valid"
    CERTIFICATE_EXPIRED = "certificate_expired"
    NO_CERTIFICATE = "no_certificate"
    NO_DATA = "no_data"
    MISSING_SEX = "missing_sex"
    MISSING_SECTOR = "missing_sector"
    MISSING_PART = "missing_part"
    STALE_DATA = "stale_data"
    NO_ATTESTATION = "no_attestation"
    ZERO_DENOMINATOR = "zero_denominator"
    NUMERATOR_OVER_DENOMINATOR = "numerator_over_denominator"
    RULE_UNKNOWN = "rule_unknown"
    RULE_ENDED = "rule_ended"
    UNIT_ENDED = "unit_ended"
    NO_TITLE_FOR_UNIT = "no_title_for_unit"
    ALL_MET = "all_met"
    CHILD_NOT_MET = "child_not_met"
    CHILD_NOT_EVALUABLE = "child_not_evaluable"
    NONE_APPLICABLE = "none_applicable"


class Cause(StrEnum):
    """What made a verdict change: new data, a correction of old data, a change of the rules, or the passing of time."""

    DATA = "data"
    CORRECTION = "correction"
    RULESET = "ruleset"
    CLOCK = "clock"


class ChangeKind(StrEnum):
    """A message about a verdict: it changed (transition), or it stayed and its numbers moved (evidence)."""

    TRANSITION = "transition"
    EVIDENCE = "evidence"


class Role(StrEnum):
    """Role of a responsible unit. The verbs of a dispatch are kept apart; superiors come from local policy."""

    LEAD = "lead"
    DIRECTING = "directing"
    COORDINATING = "coordinating"
    CONSOLIDATING = "consolidating"
    APPRAISING = "appraising"
    IMPLEMENTING = "implementing"
    DATA = "data"
    INFORMED = "informed"
    SUPERIOR = "superior"


class Phase(StrEnum):
    """Where a commune stands on the way to its title: doing the work, or having its dossier appraised."""

    IMPLEMENTATION = "implementation"
    APPRAISAL = "appraisal"


class AlertKind(StrEnum):
    """What is wrong: a target is missed, data to judge it is missing, or it is met and about to be missed."""

    BREACH = "breach"
    DATA_GAP = "data_gap"
    AT_RISK = "at_risk"


class NoticeKind(StrEnum):
    """What a notification says of its subject."""

    OPENED = "opened"
    RESOLVED = "resolved"
    RULESET_CHANGE = "ruleset_change"
    DATA_LOST = "data_lost"
    AT_RISK = "at_risk"
    FLAPPING = "flapping"
    REMINDER = "reminder"
    ESCALATED = "escalated"
    ROLLUP = "rollup"
    DUTY = "duty"
    DOSSIER = "dossier"
    REPORT = "report"
    DRILL = "drill"
    CLOSED = "closed"


class Timing(StrEnum):
    """When news reaches an addressee: as it happens, or gathered until the next digest."""

    IMMEDIATE = "immediate"
    DIGEST = "digest"


class ReportPeriod(StrEnum):
    """What a consolidated report covers."""

    DAY = "day"
    WEEK = "week"
    MONTH = "month"
    QUARTER = "quarter"


class Channel(StrEnum):
    """How a message reaches a responsible unit."""

    MAIL = "mail"
    WEBHOOK = "webhook"
    CONSOLE = "console"
    APPRISE = "apprise"


class QuarantineReason(StrEnum):
    """Why a row was set aside instead of applied. Closed list: metrics, answers and the command line share it."""

    MALFORMED_JSON = "malformed_json"
    WRONG_TYPE = "wrong_type"
    MISSING_FIELD = "missing_field"
    MISSPELT_FIELD = "misspelt_field"
    UNKNOWN_COMMUNE = "unknown_commune"
    COMMUNE_NOT_VALID_THEN = "commune_not_valid_then"
    UNKNOWN_INDICATOR = "unknown_indicator"
    INDICATOR_NOT_FOR_LEVEL = "indicator_not_for_level"
    UNKNOWN_SEX = "unknown_sex"
    UNKNOWN_SECTOR = "unknown_sector"
    MISSING_SEX = "missing_sex"
    MISSING_SECTOR = "missing_sector"
    UNEXPECTED_SEX = "unexpected_sex"
    UNEXPECTED_SECTOR = "unexpected_sector"
    BAD_PERIOD = "bad_period"
    BAD_OBSERVED_AT = "bad_observed_at"
    OBSERVED_IN_FUTURE = "observed_in_future"
    NO_MEASURE = "no_measure"
    WRONG_MEASURE = "wrong_measure"
    NOT_A_NUMBER = "not_a_number"
    NOT_AN_INTEGER = "not_an_integer"
    NEGATIVE_NUMBER = "negative_number"
    NUMBER_TOO_LARGE = "number_too_large"
    ZERO_DENOMINATOR = "zero_denominator"
    NUMERATOR_OVER_DENOMINATOR = "numerator_over_denominator"
    SOURCE_NOT_ALLOWED = "source_not_allowed"
    ID_REUSED = "id_reused"
    UNKNOWN_ALIAS = "unknown_alias"
    CONTRADICTED = "contradicted"
    COMMUNE_SPLIT = "commune_split"
    COMMUNE_PART = "commune_part"
    COMMUNE_NAME_DIFFERS = "commune_name_differs"
    AMBIGUOUS_COMMUNE = "ambiguous_commune"
    AMBIGUOUS_NUMBER = "ambiguous_number"
    UNCOMPUTED_FORMULA = "uncomputed_formula"
    UNSUPPORTED_DATA = "unsupported_data"
