"""Local policy on a real PostgreSQL: what is told near a threshold, and what a silent source does to the verdicts."""

import datetime as dt
from collections.abc import AsyncIterator

import pytest

from services.evaluator.adapters import queries
from shared.contracts.vocabulary import Cause, ChangeKind, VerdictReason, VerdictStatus
from shared.contracts.wire import VerdictChanged
from shared.testing.clocks import ManualClock
from shared.testing.factories import NOON, a_catalog
from tests.integration.evaluator.test_writer import Bench, a_writer, rate

pytestmark = pytest.mark.integration

CATALOG = a_catalog(
    policies={
        "at_risk": [{"indicator": "rate", "margin": 0.5, "watch": 3}],
        "silence": [{"indicator": "rate", "stale_after_days": 30}],
    }
)
NODE = "base/1.1"


@pytest.fixture
async def bench(database_url: str, redis_url: str) -> AsyncIterator[Bench]:
    bench = a_writer(database_url, redis_url, ManualClock(NOON), catalog=CATALOG)
    assert await bench.lease.try_acquire()
    await bench.writer.restore()
    yield bench
    await bench.close()


async def told(bench: Bench) -> list[VerdictChanged]:
    return [change for change in await bench.changes() if change.node == NODE]


async def test_a_met_rate_is_told_inside_its_band_and_once_more_when_it_leaves_it_also_after_a_restart(
    bench: Bench,
) -> None:
    await bench.report(rate(1, "male", 960), rate(2, "female", 950))
    await bench.report(rate(3, "male", 920), rate(4, "female", 940))
    await bench.lose()
    await bench.report(rate(5, "male", 970))
    await bench.report(rate(6, "male", 980))

    _, _, inside, outside = await told(bench)

    assert {change.kind for change in (inside, outside)} == {ChangeKind.EVIDENCE}
    assert [(cell.numerator, cell.before) for cell in inside.cells] == [(920, 96.0), (940, None)]
    assert [(cell.numerator, cell.before) for cell in outside.cells] == [(970, 92.0), (940, None)]


async def test_a_silent_source_leaves_its_verdict_open_by_the_clock_until_it_reports_again(bench: Bench) -> None:
    await bench.report(rate(1, "male", 960), rate(2, "female", 889))

    bench.clock.advance(dt.timedelta(days=16))
    await bench.writer.on_tick()
    stale = await bench.verdict("C1", NODE)
    transitions = await bench.transitions()
    await bench.lose()

    assert stale == (VerdictStatus.NOT_EVALUABLE, VerdictReason.STALE_DATA, ("male", "female"))
    assert await bench.transitions() == transitions
    async with bench.engine.connect() as connection:
        status = {s.node.name: s for s in await queries.unit_status(connection, CATALOG, "C1", bench.clock.today())}
    assert [(cell.reason, cell.numerator) for cell in status[NODE].cells] == [
        (VerdictReason.STALE_DATA, 960),
        (VerdictReason.STALE_DATA, 889),
    ]

    october = {"period_start": dt.date(2024, 10, 1), "period_end": dt.date(2024, 10, 31)}
    await bench.report(rate(3, "male", 960, **october), rate(4, "female", 930, **october))

    assert await bench.verdict("C1", NODE) == (VerdictStatus.MET, VerdictReason.TARGET_MET, ())
    assert [change.cause for change in await told(bench)][-3:] == [Cause.CLOCK, Cause.DATA, Cause.DATA]
