"""A forecast on a real database says what then really happens, and writes nothing."""

import asyncio
import datetime as dt
from collections.abc import Sequence
from random import Random
from typing import Any

import pytest
from pydantic import SecretStr
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from datchuan.forecasting import notes
from datchuan.forecasting.forecaster import Forecaster
from datchuan.forecasting.portion import Bounds
from datchuan.forecasting.snapshot import snapshot
from services.ingest.domain.forecast import Forecast
from shared.catalog.catalog import Catalog
from shared.contracts.streams import INDICATOR_REPORTED, VERDICT_CHANGED, partition_stream
from shared.contracts.vocabulary import MeasureKind, Part
from shared.contracts.wire import IndicatorReported
from shared.embedded.ports import free_port
from shared.runtime import mailbox
from shared.runtime.database import create_database
from shared.testing.factories import NOON, a_report
from tests.integration.forecasting.conftest import Told, World

pytestmark = pytest.mark.integration

UNITS = ("06208", "06184", "06190")
NIL: dict[str, Any] = {"numerator": None, "denominator": None}
MONTHS = ((dt.date(2024, 8, 1), dt.date(2024, 8, 31)), (dt.date(2024, 9, 1), dt.date(2024, 9, 30)))


def men(seq: int, numerator: int, **more: Any) -> IndicatorReported:
    return a_report(seq, cell="male", numerator=numerator, **more)


def women(seq: int, numerator: int, **more: Any) -> IndicatorReported:
    return a_report(seq, cell="female", numerator=numerator, **more)


def told_by(forecast: Forecast) -> Told:
    return frozenset(
        (a.unit, a.node, a.cell, a.notice, a.addressee_vi, a.role, a.dispatch, a.channel, a.unroutable)
        for a in forecast.alerts
    )


async def expect_the_same(world: World, reports: Sequence[IndicatorReported]) -> Forecast:
    """Forecast reports, then commit them for good, and compare; return the forecast."""
    forecast = await world.forecaster.foresee(reports)
    await world.judge()
    await world.tell()
    before, last = await world.statuses(), await world.last_entry()

    await world.take(*reports)

    after = await world.statuses()
    changed = {key: (before[key], after[key]) for key in after if before[key] != after[key]}
    assert {(v.unit, v.node): (v.from_status, v.to_status) for v in forecast.verdicts} == changed
    assert told_by(forecast) == await world.told_since(last)
    assert (forecast.omitted, forecast.alerts_omitted, forecast.note, forecast.note_vi) == (0, 0, "", "")
    assert forecast.as_of == world.clock.today()
    return forecast


async def test_a_fall_is_forecast_with_its_gap_and_all_who_are_then_told(world: World) -> None:
    await world.take(men(1, 950), women(2, 950))

    forecast = await expect_the_same(world, [women(3, 883)])

    assert [(v.node, v.gap) for v in forecast.verdicts if v.gap] == [("xa_ntm/15.1", 17), ("xa_ntm_nang_cao/14.1", 67)]
    assert "còn thiếu 17 nữ tham gia BHYT" in forecast.verdicts[0].text_vi
    assert {a.role for a in forecast.alerts} == {"lead", "consolidating", "implementing", "data"}


async def test_a_recovery_is_forecast_with_the_good_news(world: World) -> None:
    await world.take(men(1, 980), women(2, 850))

    forecast = await expect_the_same(world, [women(3, 990)])

    assert {a.notice for a in forecast.alerts} == {"resolved"}


async def test_a_condition_that_is_open_already_is_told_to_nobody_again(world: World) -> None:
    await world.take(men(1, 950), women(2, 850))

    forecast = await expect_the_same(world, [women(3, 840)])

    assert (forecast.verdicts, forecast.alerts) == ((), ())


async def test_the_other_sex_that_falls_as_well_is_told_while_the_verdict_stands(world: World) -> None:
    await world.take(men(1, 950), women(2, 850))

    forecast = await expect_the_same(world, [men(3, 880)])

    assert {a.cell for a in forecast.alerts if a.node == "xa_ntm/15.1"} == {"male"}


async def test_an_older_observation_changes_nothing(world: World) -> None:
    await world.take(men(1, 950), women(2, 950))

    forecast = await expect_the_same(world, [women(3, 100, observed_at=NOON - dt.timedelta(days=1))])

    assert (forecast.verdicts, forecast.alerts) == ((), ())


async def test_a_deletion_brings_back_the_month_before(world: World) -> None:
    august = {"period_start": MONTHS[0][0], "period_end": MONTHS[0][1]}
    await world.take(men(1, 950), women(2, 880, **august), women(3, 950))

    forecast = await expect_the_same(world, [women(4, 950, deleted=True)])

    assert ("xa_ntm/15.1", "not_met") in {(v.node, v.to_status) for v in forecast.verdicts}


async def test_halves_that_meet_in_the_store_are_judged_together(world: World) -> None:
    await world.take(men(1, 950), women(2, 850, part=Part.NUMERATOR, denominator=None))

    forecast = await expect_the_same(
        world, [a_report(3, cell="female", part=Part.DENOMINATOR, numerator=None, denominator=1000)]
    )

    assert ("xa_ntm/15.1", "not_met") in {(v.node, v.to_status) for v in forecast.verdicts}


async def test_what_is_committed_and_not_judged_yet_is_counted_in(world: World) -> None:
    await world.take(men(1, 950), women(2, 950))
    await world.commit([women(3, 850)])

    forecast = await expect_the_same(world, [women(4, 860)])

    assert (forecast.verdicts, forecast.alerts) == ((), ())


async def test_what_is_judged_and_not_told_yet_is_counted_in(world: World) -> None:
    await world.take(men(1, 950), women(2, 950))
    await world.commit([women(3, 850)])
    await world.judge()

    forecast = await expect_the_same(world, [women(4, 990)])

    assert {a.notice for a in forecast.alerts} == {"resolved"}


async def test_facts_that_are_written_and_facts_that_are_not_count_alike(world: World) -> None:
    await world.take(men(1, 950), women(2, 850))
    await world.writer.settle()
    await world.take(men(3, 960))

    forecast = await expect_the_same(world, [women(4, 990)])

    assert ("xa_ntm/15.1", "met") in {(v.node, v.to_status) for v in forecast.verdicts}


def drawn(random: Random, catalog: Catalog, seq: int) -> IndicatorReported:
    """Return a report of any unit, chỉ tiêu and form; few of each, so that they meet."""
    rule = random.choice([rule for rule in catalog.rules_in_force(NOON.date()) if rule.standard.startswith("xa_")])
    indicator = catalog.indicator_by_key[rule.indicator]
    measure = random.choice(indicator.measures)
    start, end = random.choice(MONTHS)
    numbers: dict[str, Any] = NIL | {"value": float(random.choice((0, 1)))}
    if measure is MeasureKind.BOOLEAN:
        numbers["part"] = Part.ATTESTATION
    elif measure is MeasureKind.RATIO:
        numbers = {"numerator": random.choice((0, 500, 900, 999, 1000)), "denominator": 1000}
    elif measure is MeasureKind.PERCENT:
        numbers = NIL | {"value": random.choice((12.5, 89.9, 90.0, 99.0))}
    return a_report(
        seq,
        unit=random.choice(UNITS),
        indicator=indicator.key,
        cell=random.choice(indicator.cells_for(measure)),
        period_start=start,
        period_end=end,
        observed_at=NOON + dt.timedelta(minutes=random.randrange(-300, 1)),
        deleted=random.randrange(12) == 0,
        **numbers,
    )


@pytest.mark.parametrize("seed", range(4))
async def test_whatever_is_imported_the_forecast_is_what_then_happens(world: World, seed: int) -> None:
    random, seq = Random(seed), 0  # noqa: S311 - a drawn test, not a secret
    verdicts = alerts = 0
    for step in range(12):
        reports = [drawn(random, world.catalog, seq + n) for n in range(1, random.choice((1, 3, 12)) + 1)]
        seq += len(reports)
        world.clock.advance(dt.timedelta(minutes=1))
        if step % 5 == 4:
            await world.writer.settle()
        if step % 3 == 2:
            await world.commit([drawn(random, world.catalog, seq := seq + 1)])

        forecast = await expect_the_same(world, reports)

        verdicts += len(forecast.verdicts)
        alerts += len(forecast.alerts)
    assert verdicts > 10
    assert alerts > 10


async def test_a_forecast_writes_nothing(world: World) -> None:
    await world.take(men(1, 950), women(2, 950))
    before = await world.contents()

    forecast = await world.forecaster.foresee([women(3, 883)])

    assert forecast.verdicts
    assert await world.contents() == before


async def test_a_forecast_could_not_write_if_it_tried(world: World) -> None:
    async with snapshot(world.engine, Bounds()) as view:
        with pytest.raises(DBAPIError, match="read-only"):
            await view._connection.execute(text("DELETE FROM evaluator.verdict"))


async def test_before_anything_was_judged_the_forecast_says_so(world: World) -> None:
    async with world.engine.begin() as connection:
        await connection.execute(text("DELETE FROM evaluator.writer_state"))

    forecast = await world.forecaster.foresee([women(1, 883)])

    assert (forecast.note, forecast.as_of, forecast.verdicts) == (notes.NEVER_JUDGED.en, None, ())


async def test_without_a_database_there_is_no_forecast_and_it_says_why(world: World) -> None:
    engine = create_database(SecretStr(f"postgresql+asyncpg://nobody@127.0.0.1:{free_port()}/none"), "test")

    forecast = await Forecaster(engine, world.catalog, world.clock).foresee([women(1, 883)])

    await engine.dispose()
    assert (forecast.note, forecast.note_vi, forecast.as_of) == (*notes.AWAY, None)


async def test_a_forecast_gives_up_when_the_database_is_slow_and_who_waits_for_it_is_told_so(world: World) -> None:
    forecaster = Forecaster(world.engine, world.catalog, world.clock, Bounds(statement_seconds=0.5, turn_seconds=0.1))
    async with world.engine.begin() as connection:
        await connection.execute(text("LOCK TABLE evaluator.verdict IN ACCESS EXCLUSIVE MODE"))
        found = await asyncio.gather(forecaster.foresee([women(1, 883)]), forecaster.foresee([women(1, 883)]))

    assert [each.note for each in found] == [notes.AWAY.en, notes.BUSY.en]
    assert (await forecaster.foresee([women(1, 883)])).note == ""


async def test_more_units_than_one_forecast_takes_are_left_out_and_counted(world: World) -> None:
    await world.take(*(cell(n, 950, unit=unit) for n, unit in enumerate(UNITS) for cell in (men, women)))
    forecaster = Forecaster(world.engine, world.catalog, world.clock, Bounds(units=2, listed=5))

    forecast = await forecaster.foresee([women(n, 800, unit=unit) for n, unit in enumerate(UNITS, 50)])

    assert {v.unit for v in forecast.verdicts} <= set(UNITS[:2])
    assert len(forecast.verdicts) + forecast.omitted == 10
    assert (len(forecast.verdicts), len(forecast.alerts)) == (5, 5)
    assert forecast.alerts_omitted > 0
    assert (forecast.note, forecast.note_vi) == tuple(notes.left_out(1))


async def test_a_forecast_that_takes_too_long_is_partial(world: World) -> None:
    forecaster = Forecaster(world.engine, world.catalog, world.clock, Bounds(work_seconds=-1.0))

    forecast = await forecaster.foresee([women(n, 800, unit=unit) for n, unit in enumerate(UNITS)])

    assert (forecast.verdicts, forecast.note) == ((), notes.left_out(3).en)


async def test_too_much_that_waits_is_left_aside_and_said(world: World) -> None:
    await world.take(men(1, 950), women(2, 950))
    await world.commit([women(3, 850)])
    forecaster = Forecaster(world.engine, world.catalog, world.clock, Bounds(waiting_bytes=10))

    forecast = await forecaster.foresee([women(4, 840)])

    assert "xa_ntm/15.1" in {v.node for v in forecast.verdicts}
    assert forecast.note == notes.BACKLOG.en


@pytest.mark.parametrize("stream", [INDICATOR_REPORTED, VERDICT_CHANGED])
async def test_a_message_that_nobody_can_read_spoils_no_forecast(world: World, stream: str) -> None:
    await world.take(men(1, 950), women(2, 950))
    async with world.engine.begin() as connection:
        await mailbox.put(connection, [mailbox.Outgoing(partition_stream(stream, 0), "bad", b"{")])

    forecast = await world.forecaster.foresee([women(3, 883)])

    assert "xa_ntm/15.1" in {v.node for v in forecast.verdicts}
    assert forecast.note == ""
