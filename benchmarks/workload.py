"""Workload v1 as a catalog folder: the units, indicators and rules that its events are judged by.

Three scales: a province of today, the nation of today, and the nation before 2025-07-01. The rules are the
workload's own (benchmarks/README.md), not law.
"""

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

AS_OF = dt.date(2027, 1, 15)
"""The day the services take for today: all periods of the workload, the months of 2026, are over."""

SECTORS = ("health", "industry_trade", "agriculture")
STUNTING_CEILINGS = ("24", "22", "19", "20", "28", "15", "20.5")
NODE_ORDER = (
    *("ntm/15.1", "ntm/15.2", "ntm/15.3", "ntm/15.4", "ntm/17.9"),
    *("nc/14.1", "nc/14.2", "nc/14.3", "nc/14.4", "nc/18.4", "nc/18.5"),
    *("ntm/15", "ntm", "nc/14", "nc"),
)
"""The fifteen verdicts of a commune, in the order in which the workload's hashes list them."""

NODE_NAMES = ("15.1", "15.2", "15.3", "15.4", "17.9", "14.1", "14.2", "14.3", "14.4", "18.4", "18.5")
WORKLOAD_NAMES = dict(zip(NODE_ORDER, (*NODE_NAMES, "C15", "NTM", "C14", "NC"), strict=True))


@dataclass(frozen=True)
class Scale:
    """How many units a scale has."""

    communes: int
    districts: int
    provinces: int

    @property
    def places(self) -> tuple[str, ...]:
        """The ids of all districts and provinces."""
        return (*(f"D{d:03d}" for d in range(self.districts)), *(f"P{p:02d}" for p in range(self.provinces)))


SCALES = {
    "province": Scale(200, 10, 1),
    "national": Scale(3_321, 34, 1),
    "historic": Scale(10_598, 705, 63),
}


def units(scale: Scale) -> dict[str, Any]:
    """Return units.yaml of a scale: communes are dealt to districts, and districts to provinces, in turn."""
    provinces = [
        {"id": f"P{p:02d}", "code": f"P{p:02d}", "level": "province", "name_vi": f"Tỉnh {p}"}
        for p in range(scale.provinces)
    ]
    districts = [
        {
            "id": f"D{d:03d}",
            "code": f"D{d:03d}",
            "level": "district",
            "name_vi": f"Huyện {d}",
            "parent": f"P{d % scale.provinces:02d}",
        }
        for d in range(scale.districts)
    ]
    communes = [
        {
            "id": f"X{c:05d}",
            "code": f"X{c:05d}",
            "level": "commune",
            "type": "xa",
            "name_vi": f"Xã {c}",
            "parent": f"D{c % scale.districts:03d}",
            "region": f"R{c % scale.districts % 7}",
        }
        for c in range(scale.communes)
    ]
    regions = [{"code": f"R{r}", "name_vi": f"Vùng {r}"} for r in range(7)]
    return {"regions": regions, "units": provinces + districts + communes}


def indicators() -> dict[str, Any]:
    """Return indicators.yaml: eleven indicators in sixteen cells."""

    def one(key: str, measures: list[str], by: str | None = None) -> dict[str, Any]:
        return {"key": key, "name_vi": f"Chỉ tiêu {key}", "measures": measures, "by": by}

    ratio = ["ratio"]
    return {
        "indicators": [
            one("15.1", ratio, "sex"),
            one("15.2", ["boolean"]),
            one("15.3", ratio),
            one("15.4", ["ratio", "boolean"]),
            one("17.9", ratio, "sector"),
            one("14.1", ratio, "sex"),
            one("14.2", ratio, "sex"),
            one("14.3", ratio),
            one("14.4", ratio),
            one("18.4", ratio),
            one("18.5", ["count"]),
        ]
    }


def rulesets(targets: Mapping[str, int] | None = None) -> dict[str, Any]:
    """Return rulesets.yaml: the thresholds of the workload, or other percentages for some chỉ tiêu, by number."""
    others = targets or {}

    def rule(standard: str, code: str, operator: str, threshold: str | None = None, **more: Any) -> dict[str, Any]:
        criterion = code.split(".", maxsplit=1)[0]
        return {
            "standard": standard,
            "criterion": criterion,
            "criterion_name_vi": f"Tiêu chí {criterion}",
            "code": code,
            "indicator": code,
            "ruleset": "V1",
            "name_vi": f"Chỉ tiêu {code}",
            "operator": operator,
            "thresholds": {} if threshold is None else {"default": str(others.get(code, threshold))},
            "legal_source": "workload v1",
            "confidence": "uncertain",
            "code_confidence": "uncertain",
            **more,
        }

    ceilings = {"default": "24"} | {f"R{r}": value for r, value in enumerate(STUNTING_CEILINGS)}
    groups = {"combine": "every_group"}
    return {
        "sources": [{"id": "V1", "kind": "benchmark", "what": "workload v1"}],
        "rulesets": [
            {
                "id": "V1",
                "number": "workload v1",
                "name_vi": "Khối lượng công việc v1",
                "issued": dt.date(2020, 1, 1),
                "confidence": "uncertain",
            }
        ],
        "standards": [
            {"id": "ntm", "name_vi": "NTM (v1)", "level": "commune", "confidence": "uncertain"},
            {
                "id": "nc",
                "name_vi": "Nâng cao (v1)",
                "level": "commune",
                "requires": ["ntm"],
                "confidence": "uncertain",
            },
        ],
        "rules": [
            rule("ntm", "15.1", ">=", "90", **groups),
            rule("ntm", "15.2", "is_true"),
            rule("ntm", "15.3", "<=") | {"thresholds": ceilings},
            rule("ntm", "15.4", ">=", "50", either_attested_or_rate=True),
            rule("ntm", "17.9", ">=", "100", **groups),
            rule("nc", "14.1", ">=", "95", **groups),
            rule("nc", "14.2", ">=", "90", **groups),
            rule("nc", "14.3", ">=", "40"),
            rule("nc", "14.4", ">=", "70"),
            rule("nc", "18.4", ">=", "100"),
            rule("nc", "18.5", "no_event_in_window", "0"),
        ],
    }


def write_catalog(scale: Scale, folder: Path, targets: Mapping[str, int] | None = None) -> None:
    """Write the catalog of a scale as a folder that `DATCHUAN_CATALOG` can point at; for `targets` see `rulesets`."""
    folder.mkdir(parents=True, exist_ok=True)
    files = {"units.yaml": units(scale), "indicators.yaml": indicators(), "rulesets.yaml": rulesets(targets)}
    for name, content in files.items():
        text = yaml.dump(content, Dumper=yaml.CSafeDumper, allow_unicode=True, sort_keys=False)
        (folder / name).write_text(text, encoding="utf-8")
