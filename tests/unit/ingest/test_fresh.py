"""New reports, replays and reused ids inside one process."""

import datetime as dt
from collections.abc import Callable
from typing import Any

from services.ingest.adapters.fresh import Fresh, is_same_report
from services.ingest.adapters.known_ids import KnownIds
from services.ingest.adapters.rows import number_rows
from services.ingest.adapters.submission import Submission
from services.ingest.domain.reading import Reading
from shared.contracts.vocabulary import QuarantineReason
from shared.contracts.wire import decode_indicator_reported, encode

NOW = dt.datetime(2024, 10, 15, 5, 0, tzinfo=dt.UTC)
Event = Callable[..., dict[str, Any]]
Read = Callable[..., Reading]


def fresh(read: Read, *rows: Any, known: KnownIds | None = None) -> Fresh:
    result = Fresh(known or KnownIds(), [Submission("hmis", "", b"", NOW, read(*rows))])
    result.count()
    return result


def test_a_replay_in_the_same_request_is_a_duplicate(read: Read, an_event: Event) -> None:
    sorted_ = fresh(read, an_event(), an_event(), an_event(id="e2"))

    assert (sorted_.receipts[0].accepted, sorted_.receipts[0].duplicates) == (2, 1)


def test_the_same_content_written_otherwise_is_a_duplicate(read: Read, an_event: Event) -> None:
    again = an_event(observed_at="2024-10-02T01:30:00Z", period="202409", numerator=950.0, extra=1)

    assert fresh(read, an_event(), again).receipts[0].duplicates == 1


def test_an_id_used_for_other_content_is_set_aside(read: Read, an_event: Event) -> None:
    sorted_ = fresh(read, an_event(), an_event(numerator=951))

    (bad,) = sorted_.receipts[0].quarantined
    assert (bad.fault.reason, bad.row, bad.event_id) == (QuarantineReason.ID_REUSED, 2, "e1")
    assert [draft.row for draft in sorted_.runs[0].drafts] == [1]


def test_the_same_id_of_another_source_is_another_report(read: Read, an_event: Event) -> None:
    assert fresh(read, an_event(), an_event(source="bhxh")).receipts[0].accepted == 2


def test_committed_ids_are_remembered_with_their_content(read: Read, an_event: Event) -> None:
    known = KnownIds()
    known.remember(fresh(read, an_event()).marks)

    again = fresh(read, an_event(), an_event(numerator=1), known=known)

    assert again.receipts[0].duplicates == 1
    assert again.receipts[0].quarantined[0].fault.reason is QuarantineReason.ID_REUSED
    assert fresh(read, an_event(), known=known).is_settled


def test_the_memory_is_bounded_and_forgets_the_oldest_generation() -> None:
    known = KnownIds(generation_size=2)
    for number in range(5):
        known.remember({("s", str(number)): number})

    assert [known.mark_of(("s", str(number))) for number in range(5)] == [None, None, 2, 3, 4]


def test_a_stored_report_is_the_same_whatever_its_number(read: Read, an_event: Event) -> None:
    event = read(an_event()).good[0].event
    stored = encode(event).decode().replace('"seq":0', '"seq":77')

    assert is_same_report(stored, event)
    assert not is_same_report(stored.replace("950", "951"), event)


def test_the_message_and_the_journal_rows_carry_the_same_numbered_reports(read: Read, an_event: Event) -> None:
    sorted_ = fresh(read, an_event(id="a\\b"), an_event(id="ế 2", numerator=None, denominator=None, value=12.5))
    sorted_.receipts[0].request_id = 9

    numbered = number_rows(sorted_.runs, 500, 3)
    message = decode_indicator_reported(numbered.message.payload)
    lines = numbered.lines.decode().splitlines()

    assert [(event.seq, event.event_id) for event in message.events] == [(500, "a\\b"), (501, "ế 2")]
    assert (message.partition, message.message_id) == (3, numbered.message.message_id)
    assert numbered.message.stream == "datchuan.indicator.reported.v1.p3"
    assert lines[0].split("\t")[:5] == ["500", "hmis", "a\\\\b", "9", "1"]
    assert [line.count("\t") for line in lines] == [5, 5]
