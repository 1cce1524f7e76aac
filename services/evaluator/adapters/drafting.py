"""Drafting: an outcome as the very bytes that its transaction will write, so that nothing is left to compute in it."""

import uuid
from collections.abc import Iterator
from copy import copy

from services.evaluator.domain.outcome import Change, Outcome
from services.evaluator.domain.ports import Draft
from services.evaluator.domain.telling import before_cells, tell, verdicts_of
from shared.contracts.streams import MAX_EVENTS_PER_MESSAGE
from shared.contracts.wire import encode

TRANSITION_COLUMNS = (
    *("partition", "id", "unit", "node", "node_kind", "from_status", "to_status", "from_reason", "to_reason", "cause"),
    *("event_ids", "ruleset", "catalog", "occurred_at", "as_of", "observed_at", "before", "after"),
)
NULL = ""
"""What stands for NULL in the rows; no column of a transition holds an empty text."""

# The cells come last in the message: its row takes them from there instead of encoding them again.
_CELLS = b'"cells":'


def draft_of(outcome: Outcome, partition: int) -> Draft:
    """Return what an outcome writes; it stays the same however far the engine moves on."""
    told: list[bytes] = []
    when = f"{outcome.catalog}\t{outcome.now.isoformat()}\t{outcome.as_of.isoformat()}"
    rows = [f"{partition}\t{_row(change, outcome, when, told)}" for change in outcome.transitions]
    told += [encode(tell(change, outcome)) for change in outcome.evidence]
    return Draft(
        verdicts=verdicts_of(outcome),
        transitions=_escaped("".join(rows)),
        rollups={key: copy(rollup.counts) for key, rollup in outcome.rollups.items()},
        messages=list(_messages(told, partition)),
    )


def _row(change: Change, outcome: Outcome, when: str, told: list[bytes]) -> str:
    """Return the row of a transition but for its partition; its message, which says the same, is added to `told`.

    `when` are the columns that are the same for the whole outcome.
    """
    message = encode(tell(change, outcome))
    told.append(message)
    before, after = before_cells(change, outcome), message.rfind(_CELLS)
    node, old, new, report = change.node, change.old, change.new, change.report
    fields = (
        *(str(change.sequence), change.unit, node.name, node.kind),
        *(old.status, new.status, old.reason, new.reason, change.cause),
        *(_array(report.event_id) if report else "{}", node.ruleset, when),
        report.observed_at.isoformat() if report else NULL,
        encode(before).decode() if before else NULL,
        message[after + len(_CELLS) : -1].decode() if after >= 0 else NULL,
    )
    return "\t".join(fields) + "\n"


def _array(event_id: str) -> str:
    """Return a PostgreSQL array of one text.

    >>> _array('say "yes"')
    '{"say \\\\"yes\\\\""}'
    """
    return '{"' + event_id.replace("\\", "\\\\").replace('"', '\\"') + '"}'


def _escaped(rows: str) -> bytes:
    """Return the rows for COPY, which reads the backslash as something else: no field holds control characters."""
    return rows.replace("\\", "\\\\").encode()


def _messages(told: list[bytes], partition: int) -> Iterator[tuple[str, bytes]]:
    for first in range(0, len(told), MAX_EVENTS_PER_MESSAGE):
        message_id = uuid.uuid4().hex
        head = b'{"schema_version":1,"message_id":"%b","partition":%d,"changes":[' % (message_id.encode(), partition)
        yield message_id, head + b",".join(told[first : first + MAX_EVENTS_PER_MESSAGE]) + b"]}"
