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


def write_oldest(behind: Behind) -> tuple[list[str], list[str]]:
    """Write one chunk; return the events written and the messages forgotten."""
    chunk = behind.oldest()
    behind.written(chunk)
    return [report.event_id for report in chunk.facts], list(chunk.messages)


def test_a_message_is_forgotten_with_the_last_of_its_facts_and_of_those_before_it() -> None:
    behind = Behind(BehindLimits(chunk=2))
    behind.add(["m1"], [fact(1, "C"), fact(2, "B"), fact(3, "A")], 0.0)
    behind.add(["m2", "m3"], [fact(4, "D")], 0.0)

    assert write_oldest(behind) == (["e2", "e1"], [])
    assert write_oldest(behind) == (["e3", "e4"], ["m1", "m2", "m3"])
    assert behind.is_empty


def test_a_newer_report_of_a_waiting_fact_is_written_in_its_place_and_keeps_no_message_longer() -> None:
    behind = Behind(BehindLimits(chunk=1))
    behind.add(["m1"], [fact(1, "A")], 0.0)
    behind.add(["m2"], [fact(2, "B")], 0.0)
    behind.add(["m3"], [fact(3, "A"), fact(4, "A", minutes=2)], 0.0)

    assert write_oldest(behind) == (["e3"], ["m1"])
    assert write_oldest(behind) == (["e2"], ["m2", "m3"])


def test_a_message_whose_reports_were_all_older_is_kept_until_the_debts_before_it_are_paid() -> None:
    behind = Behind(BehindLimits(chunk=1))
    behind.add(["m1"], [fact(9, "A"), fact(8, "B")], 0.0)
    behind.add(["m2"], [fact(1, "A")], 0.0)

    assert write_oldest(behind) == (["e9"], [])
    assert "m2" in behind
    assert write_oldest(behind) == (["e8"], ["m1", "m2"])
    assert "m2" not in behind


def test_of_two_reports_of_one_moment_the_later_in_the_journal_counts() -> None:
    behind = Behind()
    behind.add(["m1"], [fact(2, "A", minutes=5), fact(1, "A", minutes=5), fact(3, "A", minutes=4)], 0.0)

    assert [report.seq for report in behind.oldest().facts] == [2]


def test_it_is_over_its_limit_by_facts_or_by_the_reports_of_kept_messages() -> None:
    by_facts, by_reports = Behind(BehindLimits(facts=2)), Behind(BehindLimits(facts=2))
    by_facts.add(["m1"], [fact(1, "A"), fact(2, "B")], 0.0)
    by_reports.add(["m1"], [fact(n, "A") for n in range(8)], 0.0)
    assert not by_facts.is_over
    assert not by_reports.is_over

    by_facts.add(["m2"], [fact(3, "C")], 0.0)
    by_reports.add(["m2"], [fact(9, "A")], 0.0)

    assert (by_facts.is_over, by_reports.is_over) == (True, True)
    write_oldest(by_reports)
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

    assert [report.seq for report in behind.of([("A", "bhyt_coverage", "female")])] == [1]


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
            chunk_now = behind.oldest()
            _keep(stored, chunk_now.facts)
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
