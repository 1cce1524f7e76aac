"""Facts written behind: what waits, in which order it is written, and which messages may then be forgotten."""

import datetime as dt
from collections.abc import Sequence

from hypothesis import given
from hypothesis import strategies as st

from services.evaluator.domain.behind import Behind, BehindLimits
from shared.contracts.wire import IndicatorReported
from shared.testing.factories import NOON, a_report


def fact(seq: int, unit: str, minutes: int | None = None) -> IndicatorReported:
    return a_report(seq, unit=unit, observed_at=NOON + dt.timedelta(minutes=seq if minutes is None else minutes))


def write_next(behind: Behind) -> tuple[list[str], list[str]]:
    """Write one chunk; return the events written and the messages forgotten."""
    chunk = behind.next()
    behind.written(chunk)
    return [report.event_id for page in chunk.pages for report in page], list(chunk.messages)


def test_messages_are_forgotten_with_the_last_of_the_facts_that_were_closed_with_them() -> None:
    behind = Behind(BehindLimits(chunk=2))
    behind.add(["m1"], [fact(1, "C"), fact(2, "B"), fact(3, "A")], 0.0)
    behind.add(["m2"], [fact(4, "D"), fact(5, "E")], 0.0)

    assert write_next(behind) == (["e3", "e2"], [])
    behind.add(["m3"], [fact(6, "A")], 0.0)
    assert write_next(behind) == (["e1", "e4"], [])
    assert write_next(behind) == (["e5"], ["m1", "m2"])
    assert write_next(behind) == (["e6"], ["m3"])
    assert behind.is_empty


def test_a_page_holds_facts_of_one_unit_and_no_more_than_a_chunk() -> None:
    behind = Behind(BehindLimits(chunk=3))
    behind.add(["m1"], [fact(n, "A") for n in (1,)] + [a_report(n, unit="B", cell=f"c{n}") for n in range(2, 6)], 0.0)

    chunks = [behind.next()]
    behind.written(chunks[0])
    chunks.append(behind.next())

    assert [[[r.seq for r in page] for page in chunk.pages] for chunk in chunks] == [[[1], [2, 3, 4]], [[5]]]


def test_many_messages_of_few_facts_are_forgotten_a_chunk_at_a_time() -> None:
    behind = Behind(BehindLimits(chunk=2))
    for number in range(5):
        behind.add([f"m{number}"], [fact(number, "A")], 0.0)

    assert [write_next(behind) for _ in range(3)] == [(["e4"], ["m0", "m1"]), ([], ["m2", "m3"]), ([], ["m4"])]
    assert behind.is_empty


def test_a_newer_report_of_a_waiting_fact_is_written_in_its_place() -> None:
    behind = Behind()
    behind.add(["m1"], [fact(1, "A")], 0.0)
    behind.add(["m2"], [fact(2, "B")], 0.0)
    behind.add(["m3"], [fact(3, "A"), fact(4, "A", minutes=2)], 0.0)

    assert write_next(behind) == (["e3", "e2"], ["m1", "m2", "m3"])


def test_a_message_whose_reports_were_all_older_is_kept_as_long_as_those_before_it() -> None:
    behind = Behind(BehindLimits(chunk=1))
    behind.add(["m1"], [fact(9, "A"), fact(8, "B")], 0.0)
    behind.add(["m2"], [fact(1, "A")], 0.0)

    assert write_next(behind) == (["e9"], [])
    assert "m2" in behind
    assert write_next(behind) == (["e8"], ["m1"])
    assert "m2" in behind
    assert write_next(behind) == ([], ["m2"])
    assert "m2" not in behind


def test_of_two_reports_of_one_moment_the_later_in_the_journal_counts() -> None:
    behind = Behind()
    behind.add(["m1"], [fact(2, "A", minutes=5), fact(1, "A", minutes=5), fact(3, "A", minutes=4)], 0.0)

    assert [report.seq for page in behind.next().pages for report in page] == [2]


def test_it_is_over_its_limit_by_facts_or_by_the_reports_of_kept_messages() -> None:
    by_facts, by_reports = Behind(BehindLimits(facts=2)), Behind(BehindLimits(facts=2))
    by_facts.add(["m1"], [fact(1, "A"), fact(2, "B")], 0.0)
    by_reports.add(["m1"], [fact(n, "A") for n in range(8)], 0.0)
    assert not by_facts.is_over
    assert not by_reports.is_over

    by_facts.add(["m2"], [fact(3, "C")], 0.0)
    by_reports.add(["m2"], [fact(9, "A")], 0.0)

    assert (by_facts.is_over, by_reports.is_over) == (True, True)
    write_next(by_reports)
    assert not by_reports.is_over


def test_it_is_due_when_the_oldest_fact_is_too_old_or_no_step_has_come_for_a_while() -> None:
    behind = Behind(BehindLimits(seconds=10.0, idle_seconds=1.0))
    assert not behind.is_due(at=100.0, last_step=0.0)
    behind.add(["m1"], [fact(1, "A")], 0.0)

    due = [behind.is_due(at, last_step) for at, last_step in ((9.0, 8.5), (9.0, 7.5), (11.0, 10.9))]

    assert due == [False, True, True]


def test_the_waiting_reports_of_a_cell_are_found() -> None:
    behind = Behind()
    behind.add(["m1"], [fact(1, "A"), a_report(2, unit="A", cell="male"), fact(3, "B")], 0.0)

    wanted = [("A", "bhyt_coverage", "female")]
    assert [report.seq for report in behind.of(wanted)] == [1]
    behind.next()  # closes what has gathered
    behind.add(["m2"], [fact(4, "A"), fact(5, "B")], 0.0)
    assert sorted(report.seq for report in behind.of(wanted)) == [1, 4]


STEPS = st.lists(st.lists(st.tuples(st.sampled_from("ABCDEF"), st.integers(0, 9)), max_size=6), max_size=12)


@given(STEPS, st.integers(1, 4), st.integers(0, 20))
def test_what_is_stored_and_what_is_kept_always_make_the_newest_of_every_fact(
    steps: Sequence[Sequence[tuple[str, int]]], chunk: int, writes: int
) -> None:
    behind = Behind(BehindLimits(chunk=chunk))
    log: dict[str, list[IndicatorReported]] = {}
    stored: dict[str, IndicatorReported] = {}
    newest: dict[str, IndicatorReported] = {}
    seq = 0
    for number, step in enumerate(steps):
        reports = [fact(seq + i, unit, minutes) for i, (unit, minutes) in enumerate(step)]
        seq += len(reports)
        log[f"m{number}"] = reports
        _keep(newest, reports)
        behind.add([f"m{number}"], reports, 0.0)
        for _ in range(writes * (number % 2)):
            chunk_now = behind.next()
            for page in chunk_now.pages:
                assert len({report.unit for report in page}) == 1
                _keep(stored, page)
            for message in chunk_now.messages:
                del log[message]
            behind.written(chunk_now)
        _assert_recoverable(stored, log, newest)


def _keep(facts: dict[str, IndicatorReported], reports: Sequence[IndicatorReported]) -> None:
    for report in reports:
        known = facts.get(report.unit)
        if known is None or (known.observed_at, known.seq) < (report.observed_at, report.seq):
            facts[report.unit] = report


def _assert_recoverable(
    stored: dict[str, IndicatorReported], log: dict[str, list[IndicatorReported]], newest: dict[str, IndicatorReported]
) -> None:
    recovered = dict(stored)
    for reports in log.values():
        _keep(recovered, reports)
    assert recovered == newest
