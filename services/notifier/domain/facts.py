"""One alert with its place in the catalog: the unit, the chỉ tiêu, the rule that judged it, and their words."""

from dataclasses import dataclass
from decimal import Decimal

from services.notifier.domain.alerts import Alert, Evidence
from services.notifier.domain.labels_vi import (
    CEILINGS,
    CELL_VI,
    CONFIDENCE_VI,
    HOLDS_SIGN,
    MISSES_SIGN,
    NO_DATA_VI,
    SILENT,
)
from services.notifier.domain.numbers_vi import count_vi, percent_of, percent_vi, threshold_vi
from shared.catalog.catalog import Catalog
from shared.catalog.indicators import Indicator
from shared.catalog.rulesets import IndicatorRule
from shared.catalog.units import AdminUnit
from shared.contracts.labels_vi import REASON_VI, STATUS_VI
from shared.contracts.vocabulary import Combine, Operator, VerdictStatus
from shared.contracts.wire import CellFinding

# Words that officials abbreviate themselves; a subject line has little room.
_SHORTER = (
    ("Tỷ lệ ", ""),
    ("bảo hiểm y tế", "BHYT"),
    ("khám chữa bệnh", "KCB"),
    ("an toàn thực phẩm", "ATTP"),
    ("suy dinh dưỡng", "SDD"),
)
_SHORT_NAME_CHARACTERS = 60


@dataclass(frozen=True, slots=True)
class Facts:
    """An alert and what the catalog says of it. `rule` and `indicator` are None when the catalog has lost them."""

    catalog: Catalog
    alert: Alert
    unit: AdminUnit
    rule: IndicatorRule | None
    indicator: Indicator | None

    @classmethod
    def of(cls, catalog: Catalog, alert: Alert) -> "Facts":
        """Look up the parts of an alert."""
        rule = rule_of(catalog, alert.key.node, alert.evidence)
        return cls(
            catalog=catalog,
            alert=alert,
            unit=catalog.unit_by_id[alert.key.unit],
            rule=rule,
            indicator=None if rule is None else catalog.indicator_by_key.get(rule.indicator),
        )

    @property
    def code(self) -> str:
        """The printed number of the chỉ tiêu."""
        return self.alert.key.node.partition("/")[2]

    @property
    def name(self) -> str:
        """The full name of the chỉ tiêu under its rule."""
        return self.alert.key.node if self.rule is None else self.rule.name_vi

    @property
    def short_name(self) -> str:
        """A name that fits a subject line."""
        if self.indicator is None:
            return _shorten(self.name)
        name = _shorten(self.indicator.name_vi)
        return name if len(name) <= _SHORT_NAME_CHARACTERS else _shorten(self.indicator.counted_vi)

    @property
    def cell_suffix(self) -> str:
        """The alert's cell in brackets, or nothing when the alert is about the whole."""
        return f" ({CELL_VI.get(self.alert.key.cell, self.alert.key.cell)})" if self.alert.key.cell else ""

    @property
    def operator(self) -> Operator | None:
        """The comparison that judged: the message's own, else the rule's."""
        word = self.alert.evidence.operator or (self.rule.operator if self.rule else None)
        return None if word is None else Operator(word)

    def confidence(self) -> str:
        """How far the applied threshold, the chỉ tiêu's number and its window can be trusted; "" without a rule."""
        rule = self.rule
        if rule is None:
            return ""
        applied = rule.applied_confidence((self.unit.group, self.unit.region))
        said = {"ngưỡng": applied, "số hiệu chỉ tiêu": rule.code_confidence}
        if applied is not rule.confidence:
            said = {
                "ngưỡng chung": rule.confidence,
                "ngưỡng theo vùng": applied,
                "số hiệu chỉ tiêu": rule.code_confidence,
            }
        if rule.window_confidence is not None:
            said["khoảng thời gian xét (trong năm)"] = rule.window_confidence
        if len(set(said.values())) == 1:
            return CONFIDENCE_VI[applied]
        return "; ".join(f"{what}: {CONFIDENCE_VI[degree]}" for what, degree in said.items())

    def requirement(self) -> str:
        """What the chỉ tiêu asks for."""
        threshold, operator = self.alert.evidence.threshold, self.operator
        match operator:
            case Operator.IS_TRUE:
                return "được xác nhận là đạt"
            case Operator.CERTIFICATE_VALID:
                years = self.rule.validity_years if self.rule else None
                return "có quyết định công nhận còn hiệu lực" + (f" ({years} năm)" if years else "")
            case Operator.NO_EVENT_IN_WINDOW:
                window = " trong năm" if self.rule and self.rule.window else ""
                most = f"không quá {threshold_vi(threshold)} sự cố" if threshold else "không để xảy ra sự cố"
                return most + window
        if operator is None or threshold is None:
            return "chưa có ngưỡng"
        return f"{HOLDS_SIGN[operator]} {threshold_vi(threshold)} %{self._combination()}"

    def _combination(self) -> str:
        if self.rule is None or self.indicator is None or self.indicator.by is None:
            return ""
        if self.rule.combine is Combine.SUM:
            return ", tính chung các ngành"
        return ", áp dụng cho cả nam và nữ" if self.indicator.by == "sex" else ", áp dụng cho từng ngành"

    def finding(self) -> CellFinding | None:
        """The newest finding of the alert's own cell."""
        cell = self.alert.key.cell
        return self.alert.evidence.finding(cell) or (self._total() if cell == "" else None)

    def _total(self) -> CellFinding | None:
        """The sum of all cells, for a chỉ tiêu that is judged on their sum."""
        cells = self.alert.evidence.cells
        if self.rule is None or self.rule.combine is not Combine.SUM:
            return None
        if not cells or any(cell.numerator is None or cell.denominator is None for cell in cells):
            return None
        return CellFinding(
            cell="",
            status=self.alert.evidence.status,
            reason=self.alert.evidence.reason,
            numerator=sum(cell.numerator or 0 for cell in cells),
            denominator=sum(cell.denominator or 0 for cell in cells),
            before=next((cell.before for cell in cells if cell.before is not None), None),
        )

    def measure(self, finding: CellFinding) -> str:
        """The number of a cell as a reader needs it: counts and rate, incidents, or a word."""
        if self.operator is Operator.NO_EVENT_IN_WINDOW:
            return NO_DATA_VI if finding.value is None else f"{count_vi(int(finding.value))} sự cố"
        percent = self.percent(finding)
        if percent is None:
            return NO_DATA_VI if finding.reason in SILENT else REASON_VI[finding.reason]
        missed = self.operator if finding.status is VerdictStatus.NOT_MET else None
        rate = f"{percent_vi(percent, missed, self.alert.evidence.threshold)} %"
        if finding.numerator is None or finding.denominator is None:
            return rate
        return f"{count_vi(finding.numerator)}/{count_vi(finding.denominator)} = {rate}"

    def percent(self, finding: CellFinding) -> Decimal | None:
        """The exact percentage of a cell, None where the chỉ tiêu is no rate or nothing is known."""
        if self.operator is None or self.operator not in HOLDS_SIGN:
            return None
        return percent_of(finding.numerator, finding.denominator, finding.value)

    def comparison(self, finding: CellFinding) -> str:
        """The number of a cell against the target, for a subject line: "88,93 % < 90 %"."""
        percent, threshold, operator = self.percent(finding), self.alert.evidence.threshold, self.operator
        if percent is None or threshold is None or operator is None:
            return self.measure(finding)
        if finding.status is not VerdictStatus.NOT_MET:
            return f"{percent_vi(percent)} %"
        return f"{percent_vi(percent, operator, threshold)} % {MISSES_SIGN[operator]} {threshold_vi(threshold)} %"

    def nearness(self, finding: CellFinding) -> str:
        """How near a met cell is to its threshold, and from where it came when that was farther away."""
        percent, threshold, operator = self.percent(finding), self.alert.evidence.threshold, self.operator
        if percent is None or threshold is None or operator is None:
            return self.measure(finding)
        limit = Decimal(str(threshold))
        apart = percent_vi(abs(percent - limit))
        words = f"{percent_vi(percent)} %, đạt nhưng chỉ cách ngưỡng {threshold_vi(threshold)} % {apart} điểm phần trăm"
        before = None if finding.before is None else Decimal(str(finding.before))
        if before is None or abs(before - limit) <= abs(percent - limit):
            return words
        return f"{words}, đang {'tăng' if operator in CEILINGS else 'giảm'} (trước đó {percent_vi(before)} %)"

    def counted(self, cell: str) -> str:
        """What the numerator of a cell counts."""
        if self.indicator is None:
            return "đối tượng"
        return self.indicator.counted_by_cell_vi.get(cell, self.indicator.counted_vi)

    def gap(self, finding: CellFinding) -> str:
        """How many are missing, or too many; empty when it cannot be counted."""
        if finding.status is not VerdictStatus.NOT_MET or not finding.gap or self.operator not in HOLDS_SIGN:
            return ""
        verb = "vượt" if self.operator in CEILINGS else "còn thiếu"
        return f"{verb} {count_vi(finding.gap)} {self.counted(finding.cell)}"

    def cell_line(self, finding: CellFinding) -> str:
        """One line of the table of cells."""
        label = CELL_VI.get(finding.cell, finding.cell)
        verdict = STATUS_VI[finding.status]
        measure = self.measure(finding)
        words = f"{label}: {measure} – {verdict}"
        if finding.status is VerdictStatus.NOT_EVALUABLE and measure not in (NO_DATA_VI, REASON_VI[finding.reason]):
            words += f" ({REASON_VI[finding.reason]})"
        gap = self.gap(finding)
        return f"{words}, {gap}" if gap else words


def _shorten(name: str) -> str:
    name = name.partition(" (")[0]
    for long, short in _SHORTER:
        name = name.replace(long, short)
    return name


def rule_of(catalog: Catalog, node: str, evidence: Evidence) -> IndicatorRule | None:
    """Return the rule that judged: that of the named ruleset, else the one in force on the day."""
    of_node = [rule for rule in catalog.rules if rule.node == node]
    judged = [rule for rule in of_node if rule.ruleset == evidence.ruleset and rule.in_force(evidence.as_of)]
    if judged:
        return judged[0]
    return catalog.rule_for(node, evidence.as_of) or (of_node[0] if of_node else None)


def place_of(catalog: Catalog, unit: AdminUnit) -> str:
    """Return a unit with the units above it: "xã Thụy Hùng, huyện Cao Lộc, tỉnh Lạng Sơn"."""
    names = [each.name_vi for each in (unit, *catalog.ancestors(unit))]
    return ", ".join([names[0], *(name[:1].lower() + name[1:] for name in names[1:])])
