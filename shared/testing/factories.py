"""Factories of valid objects: a test states only what it is about."""

import datetime as dt
from typing import Any

from shared.catalog.catalog import Catalog
from shared.contracts.vocabulary import Part
from shared.contracts.wire import IndicatorReported

NOON = dt.datetime(2024, 10, 15, 5, 0, tzinfo=dt.UTC)


def a_report(seq: int = 1, **fields: Any) -> IndicatorReported:
    """Return a report of BHYT for women in Xã Thụy Hùng: 950 of 1,000 in September 2024."""
    known: dict[str, Any] = {
        "event_id": f"e{seq}",
        "source": "bhxh",
        "unit": "06208",
        "indicator": "bhyt_coverage",
        "cell": "female",
        "period_start": dt.date(2024, 9, 1),
        "period_end": dt.date(2024, 9, 30),
        "observed_at": NOON + dt.timedelta(minutes=seq),
        "part": Part.MEASURE,
        "numerator": 950,
        "denominator": 1000,
    }
    return IndicatorReported(seq=seq, **(known | fields))


def a_catalog(**parts: Any) -> Catalog:
    """Return a small catalog: one province, one district, three communes and one ward, two standards.

    Indicators: `rate` by sex (>= 90 and >= 95), `kids` (ceiling by region), `food` summed by sector, `events` by sector
    in the calendar year, `paper` a certificate of 3 years, `mixed` a rate until the end of 2023, attested from 2024.
    """
    unit = {"level": "commune", "type": "xa", "parent": "D1", "region": "R1"}
    units = [
        {"id": "P1", "code": "P1", "level": "province", "name_vi": "Tỉnh Một"},
        {"id": "D1", "code": "D1", "level": "district", "name_vi": "Huyện Một", "parent": "P1"},
        unit | {"id": "C1", "code": "C1", "name_vi": "Xã Một"},
        unit | {"id": "C2", "code": "C2", "name_vi": "Xã Hai", "region": "R2"},
        unit | {"id": "T1", "code": "T1", "name_vi": "Thị trấn Ba", "type": "thi_tran"},
        unit | {"id": "W1", "code": "W1", "name_vi": "Phường Tư", "type": "phuong"},
        unit | {"id": "C9", "code": "C9", "name_vi": "Xã Chín", "effective_to": dt.date(2024, 12, 31)},
    ]
    indicators = [
        {"key": "rate", "name_vi": "Tỷ lệ", "measures": ["ratio", "percent"], "by": "sex"},
        {"key": "kids", "name_vi": "Thấp còi", "measures": ["ratio"]},
        {"key": "food", "name_vi": "ATTP", "measures": ["ratio"], "by": "sector", "zero_denominator": True},
        {"key": "events", "name_vi": "Sự cố", "measures": ["count"], "by": "sector"},
        {"key": "paper", "name_vi": "Giấy", "measures": ["boolean"]},
        {"key": "mixed", "name_vi": "Sổ", "measures": ["ratio", "boolean"]},
    ]
    return Catalog.model_validate(
        {
            "digest": "test",
            "regions": [{"code": "R1", "name_vi": "Vùng 1"}, {"code": "R2", "name_vi": "Vùng 2"}],
            "groups": [],
            "units": units,
            "indicators": indicators,
            "sources": [],
            "rulesets": [
                {"id": "A", "number": "A", "name_vi": "A", "issued": dt.date(2020, 1, 1), "confidence": "recalled"},
                {"id": "B", "number": "B", "name_vi": "B", "issued": dt.date(2024, 1, 1), "confidence": "recalled"},
            ],
            "standards": [
                {"id": "base", "name_vi": "Cơ bản", "level": "commune", "confidence": "recalled"},
                {
                    "id": "high",
                    "name_vi": "Cao",
                    "level": "commune",
                    "confidence": "recalled",
                    "requires": ["base"],
                },
            ],
            "rules": _rules(),
            "dispatches": [],
            "addresses": [],
            "profiles": [],
        }
        | parts
    )


def _rules() -> list[dict[str, Any]]:
    def rule(node: str, indicator: str, operator: str, threshold: str | None = None, **more: Any) -> dict[str, Any]:
        standard, code = node.split("/")
        return {
            "standard": standard,
            "criterion": code.split(".", maxsplit=1)[0],
            "criterion_name_vi": "Tiêu chí",
            "code": code,
            "indicator": indicator,
            "ruleset": "A",
            "name_vi": indicator,
            "operator": operator,
            "thresholds": {"default": threshold} if threshold else {},
            "legal_source": "thử nghiệm",
            "confidence": "recalled",
            "code_confidence": "recalled",
        } | more

    by_sector = {"window": "calendar_year"}
    return [
        rule("base/1.1", "rate", ">=", "90", combine="every_group"),
        rule("base/1.2", "paper", "certificate_valid", validity_years=3),
        rule("base/1.3", "kids", "<=", "24") | {"thresholds": {"default": "24", "R2": "21.8"}},
        rule("base/1.4", "mixed", ">=", "50", effective_to=dt.date(2023, 12, 31)),
        rule("base/1.4", "mixed", "is_true", ruleset="B", effective_from=dt.date(2024, 1, 1)),
        rule("base/2.1", "food", ">=", "100", combine="sum"),
        rule("high/3.1", "rate", ">=", "95", combine="every_group"),
        rule("high/3.2", "events", "no_event_in_window", "0", combine="any_breaks", **by_sector),
    ]
