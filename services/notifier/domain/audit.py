"""What the audit keeps for good: every routing, sending, acknowledgement, silence and escalation, with its cause."""

from enum import StrEnum

import msgspec


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
    ACKNOWLEDGEMENT_LAPSED = "acknowledgement_lapsed"
    REMINDED = "reminded"
    ESCALATED = "escalated"
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
    actor: str = "datchuan"
