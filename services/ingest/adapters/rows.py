"""The bytes of a batch: rows for COPY and the messages for the evaluator, both from one encoding of each report."""

import uuid
from collections.abc import Iterator, Sequence
from typing import Any, Final

import msgspec

from services.ingest.adapters.fresh import Run
from shared.contracts.streams import INDICATOR_REPORTED, MAX_EVENTS_PER_MESSAGE, partition_of, partition_stream
from shared.runtime.mailbox import Outgoing

JOURNAL_COLUMNS: Final = ("seq", "source", "event_id", "request_id", "row", "event")


class NumberedRows(msgspec.Struct, frozen=True):
    """The numbered reports of one message: their rows in COPY's text format, and the message that carries them."""

    runs: list[Run]
    first: int
    lines: bytes
    message: Outgoing


def deal(runs: Sequence[Run], partitions: int) -> dict[int, list[Run]]:
    """Return the runs of each partition: a unit's reports all go to the same one, in order."""
    if partitions == 1:
        return {0: list(runs)}
    dealt: dict[int, list[Run]] = {}
    for run in runs:
        own: dict[int, Run] = {}
        for draft in run.drafts:
            partition = partition_of(draft.unit, partitions)
            if partition not in own:
                own[partition] = Run(run.receipt)
                dealt.setdefault(partition, []).append(own[partition])
            own[partition].drafts.append(draft)
    return dealt


def in_messages(runs: Sequence[Run]) -> Iterator[list[Run]]:
    """Yield the runs in groups of no more reports than one message may carry."""
    group: list[Run] = []
    room = MAX_EVENTS_PER_MESSAGE
    for run in runs:
        start = 0
        while start < len(run.drafts):
            part = Run(run.receipt, run.drafts[start : start + room])
            group.append(part)
            start += len(part.drafts)
            room -= len(part.drafts)
            if not room:
                yield group
                group, room = [], MAX_EVENTS_PER_MESSAGE
    if group:
        yield group


def number_rows(runs: list[Run], first: int, partition: int) -> NumberedRows:
    """Number the reports of a message from `first` on."""
    documents: list[str] = []
    lines: list[str] = []
    number = first
    for run in runs:
        request_id = run.receipt.request_id
        for draft in run.drafts:
            source, event_id = draft.key
            document = f'{{"seq":{number}{draft.tail}'  # as `Draft.numbered` has it: a call less for every report
            documents.append(document)
            lines.append(f"{number}\t{source}\t{event_id}\t{request_id}\t{draft.row}\t{document}\n")
            number += 1
    message_id = str(uuid.uuid4())
    head = f'{{"schema_version":1,"message_id":"{message_id}","partition":{partition},"events":['
    payload = f"{head}{','.join(documents)}]}}".encode()
    message = Outgoing(partition_stream(INDICATOR_REPORTED, partition), message_id, payload)
    return NumberedRows(runs, first, _escaped("".join(lines)).encode(), message)


def _escaped(lines: str) -> str:
    """Return rows as COPY reads them.

    The backslash is the only character of them that COPY takes for something else: ids and sources are printable, and
    JSON holds no raw control characters.
    """
    return lines.replace("\\", "\\\\") if "\\" in lines else lines


def journal_parameters(numbered: Sequence[NumberedRows]) -> dict[str, list[Any]]:
    """Return the rows of the journal column by column: for few reports, which need no COPY."""
    rows = [
        (number, draft, run.receipt.request_id)
        for part in numbered
        for number, (run, draft) in enumerate(((run, draft) for run in part.runs for draft in run.drafts), part.first)
    ]
    return {
        "seqs": [number for number, _, _ in rows],
        "sources": [draft.key[0] for _, draft, _ in rows],
        "event_ids": [draft.key[1] for _, draft, _ in rows],
        "request_of": [request_id for _, _, request_id in rows],
        "row_of": [draft.row for _, draft, _ in rows],
        "events": [draft.numbered(number) for number, draft, _ in rows],
    }
