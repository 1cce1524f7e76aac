"""Alerts, marks, roll-up changes and ledger entries as rows, and back."""

import datetime as dt
from collections.abc import Iterable, Mapping
from typing import Any, Protocol

import msgspec

from services.notifier.domain.alerts import Alert, AlertKey, EndReason, Evidence, alert_id
from services.notifier.domain.ledger import Entry
from services.notifier.domain.mark import Mark
from shared.contracts.vocabulary import AlertKind, Cause, VerdictReason, VerdictStatus

_SEPARATOR = "\x1f"
_NULL = "-"
_encode = msgspec.json.Encoder().encode
_decode_evidence = msgspec.json.Decoder(Evidence).decode


class Stored(Protocol):
    """A row as PostgreSQL gives it."""

    def __getitem__(self, name: str, /) -> Any:
        """Return the value of a column."""
        ...


def alert_of(row: Stored) -> Alert:
    """Return the alert that a row holds; its evidence is text."""
    key = AlertKey(row["unit"], row["node"], row["cell"])
    return Alert(
        id=alert_id(key, row["occurrence"]),
        key=key,
        occurrence=row["occurrence"],
        opened_as=AlertKind(row["opened_as"]),
        kind=AlertKind(row["kind"]),
        opened_at=row["opened_at"],
        opened_cause=Cause(row["opened_cause"]),
        evidence=_decode_evidence(row["evidence"]),
        revision=row["revision"],
        breaches=row["breaches"],
        ended_at=row["ended_at"],
        end_reason=None if row["end_reason"] is None else EndReason(row["end_reason"]),
        end_cause=None if row["end_cause"] is None else Cause(row["end_cause"]),
        openings=tuple(row["openings"]),
        flapping=row["flapping"],
    )


def mark_of(row: Stored) -> Mark:
    """Return the mark that a row holds."""
    return Mark(
        unit=row["unit"],
        node=row["node"],
        status=VerdictStatus(row["status"]),
        reason=VerdictReason(row["reason"]),
        sequence=row["sequence"],
        occurred_at=row["occurred_at"],
    )


def alert_update(alert: Alert) -> tuple[str, ...]:
    """Return what may change of an alert as texts, in the order in which UPDATE_ALERTS takes it."""
    return (
        alert.id,
        alert.kind,
        alert.opened_at.isoformat(),
        str(alert.revision),
        _encode(alert.evidence).decode(),
        _NULL if alert.ended_at is None else alert.ended_at.isoformat(),
        alert.end_reason or _NULL,
        alert.end_cause or _NULL,
        moments(alert.openings),
        str(alert.flapping),
    )


def moments(values: Iterable[dt.datetime]) -> str:
    """Return moments as the text of an array of PostgreSQL."""
    return "{" + ",".join([value.isoformat() for value in values]) + "}"


def mark_update(mark: Mark) -> tuple[str, ...]:
    """Return a mark as texts, in the order in which UPDATE_MARKS takes it."""
    return mark.unit, mark.node, mark.status, mark.reason, str(mark.sequence), mark.occurred_at.isoformat()


def joined(records: Iterable[tuple[str, ...]]) -> list[str]:
    """Return each column of the records as one text. JSON escapes the separator, and no id or word holds it."""
    return [_SEPARATOR.join(column) for column in zip(*records, strict=True)]


def as_json(rows: Iterable[Mapping[str, Any]]) -> str:
    """Return rows as the statements with a JSON array take them."""
    return _encode(list(rows)).decode()


def entry_row(entry: Entry) -> dict[str, Any]:
    """Return an entry by column, with the seconds that it waits."""
    row: dict[str, Any] = msgspec.to_builtins(entry)
    return row | {"channel": row["channel"] or ""}


def alert_row(alert: Alert) -> dict[str, Any]:
    """Return an alert by column."""
    row: dict[str, Any] = msgspec.to_builtins(alert)
    key: dict[str, Any] = row.pop("key")
    return key | row | {"evidence": _encode(alert.evidence).decode()}
