"""Alerts and silences as JSON objects, the same in the interface for programs and on the command line."""

import datetime as dt
from typing import Any

import msgspec

from services.notifier.adapters.alert_pages import AlertView
from services.notifier.adapters.queries import LedgerLine
from services.notifier.adapters.silence_store import SilenceLine
from services.notifier.domain.alerts import Alert
from services.notifier.domain.facts import Facts
from services.notifier.domain.route import name_in
from shared.catalog.catalog import Catalog
from shared.contracts.labels_vi import REASON_VI, STATUS_VI


def alert_document(catalog: Catalog, view: AlertView) -> dict[str, Any]:
    """Return an alert with its place by name, its newest numbers and how it stands; moments as they are."""
    alert, evidence = view.alert, view.alert.evidence
    status, reason = alert.verdict
    acknowledged = None
    if view.acknowledged_at is not None:
        acknowledged = {"at": view.acknowledged_at, "by": view.acknowledged_by, "until": view.acknowledged_until}
    return {
        "id": alert.id,
        "state": view.state.value,
        "kind": alert.kind.value,
        "unit": unit_document(catalog, alert.key.unit),
        "node": alert.key.node,
        "node_vi": node_vi(catalog, alert.key.node),
        "cell": alert.key.cell,
        "occurrence": alert.occurrence,
        "opened_as": alert.opened_as.value,
        "opened_at": alert.opened_at,
        "ended_at": alert.ended_at,
        "end_reason": None if alert.end_reason is None else alert.end_reason.value,
        "flapping": alert.flapping,
        "acknowledged": acknowledged,
        "silences": [msgspec.to_builtins(hush, builtin_types=(dt.datetime,)) for hush in view.silences],
        "status": status.value,
        "status_vi": STATUS_VI[status],
        "reason": reason.value,
        "reason_vi": REASON_VI[reason],
        **_numbers(catalog, alert),
        "indicator_status": evidence.status.value,
        "indicator_reason": evidence.reason.value,
        "operator": evidence.operator,
        "threshold": evidence.threshold,
        "as_of": evidence.as_of,
        "cells": msgspec.to_builtins(evidence.cells),
    }


def _numbers(catalog: Catalog, alert: Alert) -> dict[str, Any]:
    """Return the newest numbers of the alert's own cell, null where there are none."""
    facts = Facts.of(catalog, alert) if alert.key.unit in catalog.unit_by_id else None
    finding = None if facts is None else facts.finding()
    if facts is None or finding is None:
        return dict.fromkeys(("numerator", "denominator", "percent", "gap"))
    percent = facts.percent(finding)
    return {
        "numerator": finding.numerator,
        "denominator": finding.denominator,
        "percent": None if percent is None else round(float(percent), 4),
        "gap": finding.gap,
    }


def told_document(catalog: Catalog, line: LedgerLine, unit: str) -> dict[str, Any]:
    """Return one notification of an alert of a unit, with what became of it."""
    return {
        "kind": line.kind,
        "responsible_unit": line.responsible_unit,
        "responsible_unit_vi": name_in(catalog, line.dispatch, line.responsible_unit, unit),
        "role": line.role,
        "channel": line.channel,
        "address": line.address,
        "status": line.status,
        "reason": line.reason,
        "created_at": line.created_at,
        "settled_at": line.settled_at,
        "subject": line.subject,
    }


def silence_document(catalog: Catalog, line: SilenceLine, now: dt.datetime) -> dict[str, Any]:
    """Return a silence with its state at a moment; null in a matcher stands for all."""
    return {
        "id": line.id,
        "state": line.state(now),
        "units": None if line.roots is None else [unit_document(catalog, root) for root in line.roots],
        "nodes": line.nodes,
        "responsible_units": line.responsible_units,
        "author": line.author,
        "reason": line.reason,
        "created_at": line.created_at,
        "starts_at": line.starts_at,
        "ends_at": line.ends_at,
        "ended_at": line.ended_at,
        "ended_by": line.ended_by,
        "end_reason": line.end_reason,
    }


def unit_document(catalog: Catalog, unit_id: str) -> dict[str, Any]:
    """Return a unit by id, code and name with all above it; of one that the catalog no longer has, its id."""
    unit = catalog.unit_by_id.get(unit_id)
    if unit is None:
        return {"id": unit_id, "code": unit_id, "name_vi": unit_id, "place_vi": unit_id}
    place = ", ".join([unit.name_vi, *(above.name_vi for above in catalog.ancestors(unit))])
    return {"id": unit.id, "code": unit.code, "name_vi": unit.name_vi, "place_vi": place}


def node_vi(catalog: Catalog, node: str) -> str:
    """Return what a chỉ tiêu is called, or its id when the catalog has none such."""
    return next((rule.name_vi for rule in reversed(catalog.rules) if rule.node == node), node)
