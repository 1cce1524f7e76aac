"""Dashboards and alert rules ask only for metrics and labels that the services export."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from prometheus_client import CollectorRegistry

from services.evaluator.metrics import EvaluatorMetrics
from services.ingest.metrics import IngestMetrics
from services.notifier.metrics import NotifierMetrics
from shared.runtime.metrics import RuntimeMetrics

METRIC = re.compile(r"\b(?P<name>datchuan_[a-z_]+)(?:\{(?P<matchers>[^}]*)\})?")
MATCHER = re.compile(r"(?P<label>[a-z_]+)\s*(?P<how>=~|!~|!=|=)\s*\"(?P<value>[^\"]*)\"")
GROUPING = re.compile(r"\b(?:by|without|on)\s*\((?P<labels>[^)]*)\)")
OF_PROMETHEUS = {"job", "instance", "le"}


@pytest.fixture(scope="module")
def exported() -> dict[str, set[str]]:
    """The label names of every sample that the services export, by the sample's name."""
    registry = CollectorRegistry()
    RuntimeMetrics(registry, ["stream"])
    for metrics in (IngestMetrics, EvaluatorMetrics, NotifierMetrics):
        metrics(registry)
    return {
        name: set(vars(metric)["_labelnames"])
        for metric, names in registry._collector_to_names.items()
        for name in names
    }


@pytest.fixture(scope="module")
def rules(root: Path) -> list[dict[str, Any]]:
    """The alert rules."""
    parsed = yaml.safe_load((root / "deploy/prometheus/alerts.yml").read_text(encoding="utf-8"))
    return [rule for group in parsed["groups"] for rule in group["rules"]]


@pytest.fixture(scope="module")
def panels(root: Path) -> list[dict[str, Any]]:
    """The panels of every dashboard."""
    return [
        panel
        for path in sorted((root / "deploy/grafana/dashboards").glob("*.json"))
        for panel in json.loads(path.read_text(encoding="utf-8"))["panels"]
    ]


@pytest.fixture(scope="module")
def queries(rules: list[dict[str, Any]], panels: list[dict[str, Any]]) -> dict[str, str]:
    """Every query, by where it stands."""
    asked = {f"alert {rule['alert']}": rule["expr"] for rule in rules}
    for panel in panels:
        asked |= {f"panel {panel['title']} {target['refId']}": target["expr"] for target in panel.get("targets", [])}
    return asked


def used(queries: dict[str, str]) -> Iterator[tuple[str, str, list[tuple[str, str, str]]]]:
    for place, query in queries.items():
        for match in METRIC.finditer(query):
            yield place, match["name"], MATCHER.findall(match["matchers"] or "")


def test_every_metric_that_is_asked_for_is_exported(queries: dict[str, str], exported: dict[str, set[str]]) -> None:
    asked = {(place, name) for place, name, _ in used(queries)}

    assert len(asked) > 20
    assert sorted(f"{place}: {name}" for place, name in asked if name not in exported) == []


def test_every_label_that_is_asked_for_is_on_its_metric(queries: dict[str, str], exported: dict[str, set[str]]) -> None:
    wrong = [
        f"{place}: {name}{{{label}}}"
        for place, name, matchers in used(queries)
        for label, _, _ in matchers
        if label not in exported[name] | OF_PROMETHEUS
    ]

    assert wrong == []


def test_every_label_that_results_are_grouped_by_is_on_a_metric_of_the_query(
    queries: dict[str, str], exported: dict[str, set[str]]
) -> None:
    wrong = []
    for place, query in queries.items():
        known = OF_PROMETHEUS.union(*(exported.get(match["name"], set()) for match in METRIC.finditer(query)))
        grouped = {label.strip() for match in GROUPING.finditer(query) for label in match["labels"].split(",")}
        wrong += [f"{place}: {label}" for label in grouped - known]

    assert wrong == []


def test_every_label_value_that_is_asked_for_is_there_from_the_start(queries: dict[str, str]) -> None:
    registry = CollectorRegistry()
    RuntimeMetrics(registry, ["stream"])
    for metrics in (IngestMetrics, EvaluatorMetrics, NotifierMetrics):
        metrics(registry)
    present = {
        (sample.name, label, value)
        for family in registry.collect()
        for sample in family.samples
        for label, value in sample.labels.items()
    }
    # These come from the catalog, so they are not there before it is read.
    from_the_catalog = {"datchuan_evaluator_verdicts", "datchuan_evaluator_rollup_communes"}

    missing = [
        f"{place}: {name}{{{label}={value}}}"
        for place, name, matchers in used(queries)
        for label, how, value in matchers
        if how == "=" and name not in from_the_catalog and label not in OF_PROMETHEUS
        if (name, label, value) not in present
    ]

    assert missing == []


def test_every_name_of_ours_follows_the_pattern(exported: dict[str, set[str]]) -> None:
    assert [name for name in exported if not re.fullmatch(r"datchuan(_[a-z0-9]+)+", name)] == []


def test_every_alert_has_a_section_for_the_operator_and_every_section_an_alert(
    root: Path, rules: list[dict[str, Any]]
) -> None:
    text = (root / "docs/operations.md").read_text(encoding="utf-8").split("## Alerts")[1]
    sections = re.findall(r"^### (.+)$", text, re.MULTILINE)

    assert sections == [rule["alert"] for rule in rules]
    for rule in rules:
        assert rule["labels"]["severity"] in ("critical", "warning"), rule["alert"]
        assert rule["annotations"]["summary"], rule["alert"]


def test_a_dashboard_shows_compliance_pipeline_notifications_and_duties_and_no_two_panels_overlap(
    panels: list[dict[str, Any]],
) -> None:
    taken: dict[tuple[int, int], str] = {}
    for panel in panels:
        place = panel["gridPos"]
        for x in range(place["x"], place["x"] + place["w"]):
            for y in range(place["y"], place["y"] + place["h"]):
                assert (x, y) not in taken, f"{panel['title']} lies over {taken[x, y]}"
                assert x < 24, panel["title"]
                taken[x, y] = panel["title"]

    assert [panel["title"] for panel in panels if panel["type"] == "row"] == [
        "Tuân thủ",
        "Đường ống",
        "Thông báo",
        "Trách nhiệm và thời hạn",
    ]


def test_the_dashboards_use_the_data_source_that_is_provisioned(root: Path, panels: list[dict[str, Any]]) -> None:
    provisioned = yaml.safe_load(
        (root / "deploy/grafana/provisioning/datasources/prometheus.yml").read_text(encoding="utf-8")
    )

    uids = {panel["datasource"]["uid"] for panel in panels if "datasource" in panel}

    assert uids == {source["uid"] for source in provisioned["datasources"]}
