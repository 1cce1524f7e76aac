"""Every replica counts the same tables, so what they count is never added up."""

import json
import re
from pathlib import Path

import yaml
from prometheus_client import CollectorRegistry

from services.notifier.metrics import NotifierMetrics

DEPLOY = Path(__file__).parents[3] / "deploy"
OUTERMOST = re.compile(r"(?P<how>[a-z_]+)\s*(?:by\s*\([^)]*\)\s*)?\(\s*(?P<name>datchuan_notifier_[a-z_]+)")


def queries() -> list[str]:
    rules = yaml.safe_load((DEPLOY / "prometheus/alerts.yml").read_text(encoding="utf-8"))
    panels = json.loads((DEPLOY / "grafana/dashboards/dat-chuan.json").read_text(encoding="utf-8"))["panels"]
    return [rule["expr"] for group in rules["groups"] for rule in group["rules"]] + [
        target["expr"] for panel in panels for target in panel.get("targets", [])
    ]


def gauges() -> set[str]:
    registry = CollectorRegistry()
    NotifierMetrics(registry)
    return {family.name for family in registry.collect() if family.type == "gauge"}


def test_what_every_notifier_counts_from_the_same_tables_is_not_added_up() -> None:
    counted = gauges()

    asked = [(found["how"], found["name"]) for query in queries() for found in OUTERMOST.finditer(query)]

    assert {name for _, name in asked} >= counted
    assert {how for how, name in asked if name in counted} == {"max"}
