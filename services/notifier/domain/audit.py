"""What the audit keeps for good: every routing, sending, acknowledgement, silence and escalation, with its cause."""

import datetime as dt
from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import StrEnum

import msgspec

from services.notifier.domain.alerts import AlertAction, EndReason, Step
from services.notifier.domain.ledger import Entry, HeldFor, LedgerStatus, UnroutableReason
from shared.contracts.vocabulary import AlertKind, Channel, NoticeKind, Role, VerdictReason, VerdictStatus

PRODUCT = "datchuan"
# Somebody at the command line of whom nothing more is known.
OPERATOR = "operator"


class AuditKind(StrEnum):
    """What happened."""

    OPENED = "opened"
    ROUTED = "routed"
    ENDED = "ended"
    SENT = "sent"
    REFUSED = "refused"
    DEAD = "dead"
    REPLAYED = "replayed"
    DISCARDED = "discarded"
    ACKNOWLEDGED = "acknowledged"
    ACKNOWLEDGEMENT_WITHDRAWN = "acknowledgement_withdrawn"
    ACKNOWLEDGEMENT_LAPSED = "acknowledgement_lapsed"
    REMINDED = "reminded"
    ESCALATED = "escalated"
    SUPERSEDED = "superseded"
    SILENCED = "silenced"
    SILENCE_ENDED = "silence_ended"
    RELEASED = "released"
    REPORTED = "reported"
    DRILLED = "drilled"


class AuditLine(msgspec.Struct, frozen=True, gc=False):
    """One line of the audit to be written. `details` is a JSON object; `actor` a person, an address or "datchuan"."""

    kind: AuditKind
    details: str
    alert_id: str | None = None
    delivery_id: str | None = None
    actor: str = PRODUCT


class ToldTo(msgspec.Struct, frozen=True, gc=False, omit_defaults=True):
    """One addressee of news, as the audit keeps it; `due` only where it differs from that of the line.

    `status` and `reason` are said when the news does not wait to be sent.
    """

    unit: str
    role: Role
    channel: Channel | None = Channel.MAIL
    address: str = ""
    clauses: tuple[str, ...] = ()
    due: str = ""
    held_for: HeldFor | None = None
    status: LedgerStatus = LedgerStatus.WAITING
    reason: UnroutableReason | None = None
    gap_vi: str | None = None


class Routing(msgspec.Struct, frozen=True, gc=False, omit_defaults=True):
    """One step of an alert, or one roll-up change, and who is told of it: by which rules and which dispatch.

    What the alert's id says already is left out: its unit, node and cell, and the subject where it is the id itself.
    """

    action: str
    cause: str
    as_of: dt.date
    notice: NoticeKind | None = None
    unit: str = ""
    node: str = ""
    subject: str = ""
    alert: AlertKind | None = None
    status: VerdictStatus | None = None
    reason: VerdictReason | None = None
    ruleset: str = ""
    rules: str = ""
    catalog: str = ""
    dispatch: str | None = None
    numerator: int | None = None
    denominator: int | None = None
    threshold: float | None = None
    events: tuple[str, ...] = ()
    end_reason: EndReason | None = None
    due: str = ""
    told: tuple[ToldTo, ...] = ()


_KIND = {
    AlertAction.OPENED: AuditKind.OPENED,
    AlertAction.RESOLVED: AuditKind.ENDED,
    AlertAction.CLOSED: AuditKind.ENDED,
}
# A change of state that nobody is told of is a line all the same; newer numbers of an alert that stays are not.
_STATES = frozenset({*_KIND, AlertAction.DATA_LOST, AlertAction.DATA_BACK})
_encode = msgspec.json.Encoder().encode


def routing_lines(
    steps: Iterable[Step], entries: Iterable[Entry], now: dt.datetime, catalog_digest: str
) -> list[AuditLine]:
    """Return a line for every step that changed an alert or is told, and for every roll-up change that is told.

    `catalog_digest` is that of the catalog whose dispatches chose the addressees.
    """
    told, rollups = _told(entries, now)
    lines = [
        AuditLine(
            _KIND.get(step.action, AuditKind.ROUTED),
            _encode(_routing(step, told.get((step.subject, step.notice), _NOBODY), catalog_digest)).decode(),
            step.alert.id,
        )
        for step in steps
        if step.notice is not None or step.action in _STATES
    ]
    lines += [_rollup_line(entry, found, catalog_digest) for entry, found in rollups]
    return lines


@dataclass(slots=True)
class _Told:
    """Who is told of one step: by which dispatch, and when most of them."""

    dispatch: str | None = None
    due: str = ""
    told: list[ToldTo] = field(default_factory=list)


_NOBODY = _Told()


def _told(
    entries: Iterable[Entry], now: dt.datetime
) -> tuple[dict[tuple[str, NoticeKind | None], _Told], list[tuple[Entry, _Told]]]:
    """Return the addressees by subject and notice, and those of each roll-up change with its first entry."""
    due: dict[float, str] = {}
    told: dict[tuple[str, NoticeKind | None], _Told] = {}
    rollups: list[tuple[Entry, _Told]] = []
    for entry in entries:
        wait = entry.wait_seconds
        if wait not in due:
            moment = (now + dt.timedelta(seconds=wait)).astimezone(dt.UTC).replace(tzinfo=None)
            due[wait] = f"{moment.isoformat(timespec='seconds')}Z"
        key = (entry.subject, entry.kind)
        found = told.get(key)
        if found is None:
            found = told[key] = _Told(entry.dispatch, due[wait])
            if entry.alert_id is None:
                rollups.append((entry, found))
        found.told.append(_addressee(entry, "" if due[wait] == found.due else due[wait]))
    return told, rollups


def _addressee(entry: Entry, due: str) -> ToldTo:
    return ToldTo(
        entry.responsible_unit,
        entry.role,
        entry.channel,
        entry.address,
        entry.clauses,
        due,
        entry.held_for,
        entry.status,
        entry.reason,
        entry.gap_vi,
    )


def _routing(step: Step, told: _Told, catalog_digest: str) -> Routing:
    alert, evidence = step.alert, step.alert.evidence
    subject = step.subject
    return Routing(
        step.action,
        step.cause,
        step.as_of,
        step.notice,
        "",
        "",
        "" if subject == alert.id else subject,
        alert.kind,
        evidence.status,
        evidence.reason,
        evidence.ruleset,
        evidence.catalog,
        catalog_digest,
        told.dispatch,
        *_figures(step),
        evidence.event_ids,
        alert.end_reason,
        told.due,
        tuple(told.told),
    )


def _figures(step: Step) -> tuple[int | None, int | None, float | None]:
    """Return what was measured in the alert's own cell, and the threshold."""
    evidence = step.alert.evidence
    finding = evidence.finding(step.alert.key.cell)
    if finding is None:
        return None, None, evidence.threshold
    return finding.numerator, finding.denominator, evidence.threshold


def _rollup_line(entry: Entry, told: _Told, catalog_digest: str) -> AuditLine:
    routing = Routing(
        action="rollup",
        cause=entry.cause,
        as_of=entry.as_of,
        notice=entry.kind,
        unit=entry.unit,
        node=entry.node,
        subject=entry.subject,
        catalog=catalog_digest,
        dispatch=told.dispatch,
        due=told.due,
        told=tuple(told.told),
    )
    return AuditLine(AuditKind.ROUTED, _encode(routing).decode())
