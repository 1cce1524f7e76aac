"""Facts written behind, on a real PostgreSQL: whenever a writer is lost, the next one stands exactly where it stood."""

import asyncio
import datetime as dt
from collections.abc import AsyncIterator

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from services.evaluator.adapters import queries
from services.evaluator.domain.behind import BehindLimits
from shared.contracts.vocabulary import Part, VerdictReason, VerdictStatus
from shared.contracts.wire import IndicatorReportedBatch
from shared.testing.clocks import ManualClock
from shared.testing.factories import NOON, a_report
from tests.integration.evaluator.test_writer import Bench, a_writer, rate

pytestmark = pytest.mark.integration

AUGUST = {"period_start": dt.date(2024, 8, 1), "period_end": dt.date(2024, 8, 31)}


@pytest.fixture
async def bench(database_url: str, redis_url: str) -> AsyncIterator[Bench]:
    bench = a_writer(database_url, redis_url, ManualClock(NOON), BehindLimits(facts=4, chunk=3, idle_seconds=0.0))
    assert await bench.lease.try_acquire()
    await bench.writer.restore()
    yield bench
    await bench.close()


async def test_facts_wait_in_their_messages_until_they_are_written(bench: Bench) -> None:
    await bench.report(rate(1, "male", 960), rate(2, "female", 910))
    assert (await bench.stored_events(), await bench.kept()) == ([], 1)

    await bench.writer.settle()

    assert (await bench.stored_events(), await bench.kept()) == (["e1", "e2"], 0)


async def test_beyond_the_limit_facts_are_written_at_once_and_messages_go_with_the_last_of_them(
    bench: Bench,
) -> None:
    await bench.report(rate(1, "male", 960), rate(2, "female", 910))
    await bench.report(rate(3, "male", 970, **AUGUST), rate(4, "female", 920, **AUGUST))
    assert await bench.stored_events() == []

    await bench.report(rate(5, "male", 961), a_report(6, unit="C2", indicator="kids", cell="", numerator=1))

    assert (await bench.stored_events(), await bench.kept()) == (["e2", "e3", "e5"], 3)
    await bench.report(rate(7, "male", 990, period_start=dt.date(2024, 7, 1), period_end=dt.date(2024, 7, 31)))
    await bench.report(rate(8, "male", 962), rate(9, "female", 911))
    assert (await bench.stored_events(), await bench.kept()) == (["e2", "e3", "e4", "e5", "e6"], 2)


async def test_a_report_of_a_unit_nobody_knows_is_kept_as_a_fact_too(bench: Bench) -> None:
    await bench.report(a_report(1, unit="nowhere"))

    await bench.writer.settle()

    assert await bench.stored_events() == ["e1"]


async def test_an_older_report_never_replaces_a_stored_newer_one(bench: Bench) -> None:
    await bench.report(rate(2, "male", 960))
    await bench.writer.settle()
    await bench.report(rate(1, "male", 1))

    await bench.writer.settle()

    assert await bench.stored_events() == ["e2"]


async def test_a_lost_writers_successor_stands_there_when_only_a_part_of_what_was_closed_is_written(
    bench: Bench,
) -> None:
    await bench.report(rate(1, "male", 960), rate(2, "female", 910), rate(3, "male", 970, **AUGUST))
    await bench.report(rate(4, "female", 920, **AUGUST), a_report(5, unit="C2", indicator="kids", cell="", numerator=1))
    assert (len(await bench.stored_events()), await bench.kept()) == (3, 2)
    before = await bench.transitions()

    await bench.lose()
    await bench.report(rate(6, "female", 889))
    await bench.writer.settle()

    assert await bench.transitions() == before + 3
    assert (await bench.stored_events(), await bench.kept()) == (["e1", "e3", "e4", "e5", "e6"], 0)


async def test_pages_of_a_unit_are_merged_when_no_reports_come_and_only_the_newest_reports_stay(bench: Bench) -> None:
    for seq in range(1, 17):
        await bench.report(
            rate(seq, "male", 900 + seq, event_id=f"e{seq:02}"), rate(100 + seq, "female", 910, **AUGUST)
        )
        await bench.writer.settle()
    assert await bench.pages("C1") == 16

    await bench.writer.catch_up()

    assert await bench.pages("C1") == 1
    assert await bench.stored_events() == ["e116", "e16"]
    before = await bench.transitions()
    await bench.lose()
    assert await bench.transitions() == before


async def test_ids_with_signs_that_copy_and_arrays_take_for_something_else_are_stored_as_they_are(bench: Bench) -> None:
    strange = 'a\\nb"c{d},\\N'
    await bench.report(rate(1, "male", 960, event_id=strange, source="x\\t"), rate(2, "female", 100, event_id=strange))
    await bench.writer.settle()

    async with bench.engine.connect() as connection:
        history = await queries.history(connection, "C1", "base/1.1")
        facts = await queries.unit_facts(connection, "C1")
    assert [(fact.event_id, fact.source) for fact in facts] == [(strange, "bhxh"), (strange, "x\\t")]
    assert [row.event_ids for row in history] == [(strange,), (strange,)]


async def test_a_lost_writers_successor_knows_the_facts_that_were_not_written(bench: Bench) -> None:
    await bench.report(rate(1, "male", 960), rate(2, "female", 910))
    before = await bench.transitions()

    await bench.lose()
    assert await bench.transitions() == before
    await bench.report(rate(3, "female", 889))

    assert await bench.verdict("C1", "base/1.1") == (VerdictStatus.NOT_MET, VerdictReason.BELOW_TARGET, ("female",))
    await bench.writer.settle()
    assert await bench.stored_events() == ["e1", "e3"]


async def test_after_a_loss_a_deletion_still_finds_the_stored_and_the_unwritten_periods_behind_it(bench: Bench) -> None:
    await bench.report(rate(1, "male", 990, **AUGUST))
    await bench.writer.settle()
    await bench.report(rate(2, "female", 980, **AUGUST))
    await bench.report(rate(3, "female", 100), rate(4, "male", 100))
    await bench.lose()

    await bench.report(
        rate(5, "female", None, denominator=None, deleted=True), rate(6, "male", None, denominator=None, deleted=True)
    )

    assert (await bench.verdict("C1", "base/1.1"))[0] is VerdictStatus.MET


async def test_a_deletion_that_was_not_written_is_still_one_after_a_loss(bench: Bench) -> None:
    await bench.report(rate(1, "male", 990, **AUGUST), rate(2, "female", 980, **AUGUST), rate(3, "female", 100))
    await bench.writer.settle()
    await bench.report(rate(4, "female", None, denominator=None, deleted=True))
    before = await bench.transitions()

    await bench.lose()

    assert await bench.transitions() == before
    assert (await bench.verdict("C1", "base/1.1"))[0] is VerdictStatus.MET


async def test_halves_that_were_not_written_come_together_after_a_loss(bench: Bench) -> None:
    halves = {"unit": "C1", "indicator": "kids", "cell": ""}
    await bench.report(a_report(1, part=Part.NUMERATOR, numerator=24, denominator=None, **halves))
    await bench.lose()

    await bench.report(a_report(2, part=Part.DENOMINATOR, numerator=None, denominator=100, **halves))

    assert (await bench.verdict("C1", "base/1.3"))[0] is VerdictStatus.MET


async def test_what_is_shown_of_a_unit_includes_what_is_not_written_yet(bench: Bench) -> None:
    await bench.report(rate(1, "male", 960), rate(2, "female", 910))
    await bench.writer.settle()
    await bench.report(rate(3, "female", 889), a_report(4, unit="C2", indicator="kids", cell="", numerator=1))

    async with bench.engine.connect() as connection:
        shown = await queries.unit_facts(connection, "C1")

    assert [(fact.cell, fact.numerator) for fact in shown] == [("female", 889), ("male", 960)]


async def test_batches_in_flight_are_committed_in_their_order(bench: Bench) -> None:
    await bench.report(rate(1, "male", 960))
    first, second = await bench.send(rate(2, "female", 910)), await bench.send(rate(3, "female", 100))

    done = await asyncio.gather(
        bench.writer.on_indicator_reported([first]), bench.writer.on_indicator_reported([second])
    )

    assert list(done) == [0, 0]
    chain = [(c.from_status, c.to_status) for c in await bench.changes() if c.node == "base/1.1"][-2:]
    assert chain == [("not_evaluable", "met"), ("met", "not_met")]


async def test_when_a_commit_fails_what_was_judged_upon_it_is_judged_again(bench: Bench) -> None:
    await bench.report(rate(1, "male", 960))
    lost = IndicatorReportedBatch(message_id="m-lost", events=(rate(2, "female", 910),))
    good = await bench.send(rate(3, "female", 920))

    done = await asyncio.gather(bench.writer.on_indicator_reported([lost]), bench.writer.on_indicator_reported([good]))

    assert list(done) == [1, 0]  # the first was never in the mailbox: done before, as far as anybody knows
    assert (await bench.verdict("C1", "base/1.1"))[0] is VerdictStatus.MET
    assert [c.event_ids for c in await bench.changes() if c.node == "base/1.1"][-1] == ("e3",)


async def test_a_message_that_comes_again_when_nothing_of_it_is_kept_changes_nothing(bench: Bench) -> None:
    first = await bench.send(rate(1, "male", 960), rate(2, "female", 910))
    await bench.writer.on_indicator_reported([first])
    await bench.report(rate(3, "female", 100))
    await bench.writer.settle()
    new = await bench.send(rate(4, "female", 990))

    done = await bench.writer.on_indicator_reported([first, new])

    assert done == 1
    chain = [c.event_ids for c in await bench.changes() if c.node == "base/1.1"]
    assert chain == [("e1",), ("e2",), ("e3",), ("e4",)]


async def test_a_writer_whose_connection_is_gone_writes_nothing_behind(bench: Bench) -> None:
    await bench.report(rate(1, "male", 960))
    async with bench.engine.connect() as connection:
        await connection.execute(
            text(
                "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity "
                "WHERE application_name = 'test-writer' AND pid <> pg_backend_pid()"
            )
        )

    with pytest.raises(DBAPIError):
        await bench.writer.settle()

    assert (await bench.stored_events(), await bench.kept()) == ([], 1)
