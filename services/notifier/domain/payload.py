"""The message for machines: the same facts as the mail, with stable keys, as the body of a webhook."""

from collections.abc import Sequence
from typing import Any

import msgspec

from services.notifier.domain.alerts import Alert
from services.notifier.domain.grouping import Duty, Group, Item
from services.notifier.domain.views import ItemView, Message


def payload_of(
    message: Message, group: Group, views: Sequence[ItemView], delivery_id: str, message_id: str, text: str
) -> dict[str, Any]:
    """Return the webhook body, with the `views` of all items of the group. Fields are only ever added.

    `brief` are the headlines of the items that the text tells no more of.
    """
    return {
        "schema_version": 1,
        "id": delivery_id,
        "message_id": message_id,
        "subject": message.subject,
        "text": text,
        "items": [_item(item, view) for item, view in zip(group.items, views, strict=True)],
        "brief": list(message.brief),
        "banner": message.banner,
        "ack_url": message.ack_url,
    }


def _item(item: Item, view: ItemView) -> dict[str, Any]:
    entry = item.entry
    found: dict[str, Any] = {
        "kind": item.kind.value,
        "headline": view.headline,
        "unit": entry.unit,
        "place": view.place,
        "node": entry.node,
        "cell": entry.cell,
        "as_of": entry.as_of.isoformat(),
        "cause": entry.cause.value,
        "duties": [_duty(duty) for duty in item.duties],
        "citations": msgspec.to_builtins(view.citations),
        "notes": list(view.notes),
        "others": list(view.others),
        "deadlines": list(view.deadlines),
        "deadlines_policy": view.policy,
        "acknowledgement": view.acknowledgement,
        "escalation": view.escalation,
        "states": list(view.states),
    }
    if view.alert is not None:
        found["alert"] = _alert(view.alert, view)
    if view.change is not None:
        found["change"] = {"from": view.change.from_status.value, "to": view.change.to_status.value}
    return found


def _alert(alert: Alert, view: ItemView) -> dict[str, Any]:
    evidence = alert.evidence
    status, reason = alert.verdict
    return {
        "id": alert.id,
        "kind": alert.kind.value,
        "occurrence": alert.occurrence,
        "opened_at": alert.opened_at.isoformat(),
        "ended_at": None if alert.ended_at is None else alert.ended_at.isoformat(),
        "status": status.value,
        "reason": reason.value,
        "indicator_status": evidence.status.value,
        "indicator_reason": evidence.reason.value,
        "operator": evidence.operator,
        "threshold": evidence.threshold,
        "threshold_source": view.basis,
        "threshold_confidence": view.confidence,
        "ruleset": evidence.ruleset,
        "cells": msgspec.to_builtins(evidence.cells),
    }


def _duty(duty: Duty) -> dict[str, Any]:
    return {
        "responsible_unit": duty.responsible_unit,
        "role": duty.role.value,
        "dispatch": duty.dispatch,
        "clauses": list(duty.clauses),
    }
