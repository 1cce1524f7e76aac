"""New alerts, marks, roll-up changes and ledger entries as lines of COPY's text format: half of what tuples would cost.

Fields are parted by a control character, which no id, word or JSON text holds. What else COPY takes for something of
its own is escaped once for all lines; line breaks, which only the free text of a catalog may hold, where it is written.
"""

import functools
from collections.abc import Iterable

import msgspec

from services.notifier.adapters.alert_rows import moments
from services.notifier.domain.alerts import Alert
from services.notifier.domain.ledger import Entry
from services.notifier.domain.mark import Mark
from shared.contracts.wire import VerdictChanged

DELIMITER = "\x1f"
NULL = "\x1e"
_LINE_BREAKS = {"\n": "\x1d", "\r": "\x1c"}

ALERT_COLUMNS = (
    *("id", "unit", "node", "cell", "occurrence", "opened_as", "kind", "opened_at", "opened_cause", "revision"),
    *("breaches", "evidence", "ended_at", "end_reason", "end_cause", "openings", "flapping"),
)
MARK_COLUMNS = Mark.__struct_fields__
ROLLUP_COLUMNS = (
    *("unit", "occurred_at", "node", "sequence", "node_kind", "from_status", "to_status", "to_reason", "cause"),
)
ENTRY_COLUMNS = (
    *("subject", "kind", "alert_id", "unit", "node", "cell", "as_of", "cause", "sequence", "due_at"),
    *("responsible_unit", "role", "channel", "address", "dispatch", "clauses", "gap_vi", "no_address_units"),
    *("status", "reason", "held_for"),
)

_encode = msgspec.json.Encoder().encode
_part = DELIMITER.join


def alert_line(alert: Alert) -> str:
    """Return an alert in the order of ALERT_COLUMNS."""
    key = alert.key
    return _part(
        (
            alert.id,
            key.unit,
            key.node,
            key.cell,
            str(alert.occurrence),
            alert.opened_as,
            alert.kind,
            alert.opened_at.isoformat(),
            alert.opened_cause,
            str(alert.revision),
            str(alert.breaches),
            _encode(alert.evidence).decode(),
            NULL if alert.ended_at is None else alert.ended_at.isoformat(),
            alert.end_reason or NULL,
            alert.end_cause or NULL,
            moments(alert.openings),
            str(alert.flapping),
        )
    )


def mark_line(mark: Mark) -> str:
    """Return a mark in the order of MARK_COLUMNS."""
    return _part((mark.unit, mark.node, mark.status, mark.reason, str(mark.sequence), mark.occurred_at.isoformat()))


def rollup_line(change: VerdictChanged) -> str:
    """Return a change in the order of ROLLUP_COLUMNS."""
    return _part(
        (
            change.unit,
            change.occurred_at.isoformat(),
            change.node,
            str(change.sequence),
            change.node_kind,
            change.from_status,
            change.to_status,
            change.to_reason,
            change.cause,
        )
    )


def entry_line(entry: Entry, due_at: str) -> str:
    """Return an entry in the order of ENTRY_COLUMNS."""
    return _part(
        (
            entry.subject,
            entry.kind,
            entry.alert_id or NULL,
            entry.unit,
            entry.node,
            entry.cell,
            entry.as_of.isoformat(),
            entry.cause,
            str(entry.sequence),
            due_at,
            entry.responsible_unit,
            entry.role,
            entry.channel or "",
            entry.address,
            entry.dispatch or NULL,
            _array(entry.clauses),
            NULL if entry.gap_vi is None else _free(entry.gap_vi),
            _array(entry.no_address_units),
            entry.status,
            entry.reason or NULL,
            entry.held_for or NULL,
        )
    )


def escaped(lines: Iterable[str]) -> bytes:
    """Return the lines as COPY reads them."""
    text = "\n".join(lines).replace("\\", "\\\\")
    for line_break, stand_in in _LINE_BREAKS.items():
        text = text.replace(stand_in, repr(line_break)[1:-1])
    return text.encode()


@functools.lru_cache(maxsize=1_000)
def _free(text: str) -> str:
    for line_break, stand_in in _LINE_BREAKS.items():
        text = text.replace(line_break, stand_in)
    return text


@functools.lru_cache(maxsize=1_000)
def _array(values: tuple[str, ...]) -> str:
    quoted = (value.replace("\\", "\\\\").replace('"', '\\"') for value in values)
    return _free("{" + ",".join(f'"{value}"' for value in quoted) + "}")
