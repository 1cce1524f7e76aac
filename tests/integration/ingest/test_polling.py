"""Polling a DHIS2 instance: what changed comes into the journal, once, and nothing else."""

import asyncio
import datetime as dt
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from services.ingest.app import build
from services.ingest.domain.errors import StoreUnavailableError
from services.ingest.settings import IngestSettings
from shared.embedded.ports import free_port
from shared.runtime.settings import SettingsError
from shared.testing.clocks import ManualClock
from shared.testing.polling import until
from tests.integration.ingest.conftest import NOW, the_catalog
from tests.integration.ingest.dhis2_server import TOKEN, Dhis2, hanging, running
from tests.integration.ingest.polling_world import PollWorld, polling_world, process, stopped, write_polls

pytestmark = pytest.mark.integration


@pytest.fixture
async def dhis2() -> AsyncIterator[Dhis2]:
    async with running(Dhis2()) as instance:
        yield instance


@pytest.fixture
async def world(database_url: str, dhis2: Dhis2, tmp_path: Path) -> AsyncIterator[PollWorld]:
    async with polling_world(database_url, dhis2, tmp_path) as made:
        yield made


def said(event: dict[str, Any]) -> tuple[Any, ...]:
    return (
        event["unit"],
        event.get("part", "measure"),
        event.get("numerator"),
        event.get("denominator"),
        event.get("deleted", False),
    )


async def test_the_first_window_brings_what_changed_since_the_configured_day(world: PollWorld) -> None:
    world.dhis2.put("Cards", "C1", "9")
    world.dhis2.put("People", "C1", "10")
    world.dhis2.clock = dt.datetime(2023, 12, 31, tzinfo=dt.UTC)
    world.dhis2.put("Cards", "C2", "8")
    world.dhis2.clock = dt.datetime(2024, 10, 15, 5, 0, 30, tzinfo=dt.UTC)

    pause = await world.turn()

    assert [said(event) for event in await world.events()] == [("C1", "measure", 9, 10, False)]
    (asked,) = world.dhis2.asked
    assert asked["lastUpdated"] == ["2024-01-01T00:00:00.000+0000"]
    assert (asked["includeDeleted"], asked["children"]) == (["true"], ["true"])
    assert pause == world.poll.interval_seconds


async def test_windows_overlap_and_what_comes_twice_is_no_news(world: PollWorld) -> None:
    world.dhis2.put("Cards", "C1", "9")
    await world.turn()
    world.dhis2.advance(600)
    world.dhis2.put("People", "C1", "10")

    await world.turn()

    assert [said(event) for event in await world.events()] == [
        ("C1", "numerator", 9, None, False),
        ("C1", "denominator", None, 10, False),
    ]
    asked = dt.datetime.fromisoformat(world.dhis2.asked[-1]["lastUpdated"][0])
    assert dt.datetime(2024, 10, 15, 3, 59, 58, tzinfo=dt.UTC) < asked <= dt.datetime(2024, 10, 15, 4, 0, tzinfo=dt.UTC)
    assert world.process.metric("values_total", outcome="duplicate") == 1
    assert world.process.metric("values_total", outcome="accepted") == 2


async def test_two_halves_saved_at_one_moment_are_one_report_and_neither_comes_again_without_the_other(
    world: PollWorld,
) -> None:
    world.dhis2.put("Cards", "C1", "9")
    world.dhis2.put("People", "C1", "10")
    await world.turn()
    world.dhis2.advance(60)
    world.dhis2.put("Cards", "C1", "8")  # the denominator comes again, its mate of then does not

    await world.turn()

    assert [said(event) for event in await world.events()] == [
        ("C1", "measure", 9, 10, False),
        ("C1", "numerator", 8, None, False),
    ]


async def test_two_halves_saved_one_after_the_other_are_two_reports_with_their_own_times(world: PollWorld) -> None:
    world.dhis2.put("Cards", "C1", "9")
    world.dhis2.advance(60)
    world.dhis2.put("People", "C1", "10")

    await world.turn()

    events = await world.events()
    assert [said(event)[1] for event in events] == ["numerator", "denominator"]
    assert events[0]["observed_at"] < events[1]["observed_at"]


async def test_a_body_on_its_way_when_the_process_ended_is_taken_as_it_was(world: PollWorld) -> None:
    world.dhis2.put("Cards", "C1", "9")
    world.dhis2.put("People", "C1", "10")
    world.process.door.errors = [None, StoreUnavailableError("away")]
    await world.turn()
    world.dhis2.advance(60)
    world.dhis2.put("Cards", "C1", "8")

    await world.turn()

    assert [said(event) for event in await world.events()] == [
        ("C1", "measure", 9, 10, False),
        ("C1", "numerator", 8, None, False),
    ]
    assert (await world.state())["pending"] is None


async def test_a_deletion_is_brought_and_not_again(world: PollWorld) -> None:
    world.dhis2.put("Cards", "C1", "9")
    await world.turn()
    world.dhis2.advance(60)
    world.dhis2.put("Cards", "C1", None)

    await world.turn()
    await world.turn()

    assert [said(event)[-1] for event in await world.events()] == [False, True]
    assert world.process.metric("values_total", outcome="deleted") == 1


async def test_a_value_committed_late_is_not_missed(world: PollWorld) -> None:
    late = world.dhis2.put("Cards", "C1", "9")
    late.committed = False
    world.dhis2.advance(600)
    await world.turn()
    assert await world.events() == []
    late.committed = True

    await world.turn()

    assert [said(event) for event in await world.events()] == [("C1", "numerator", 9, None, False)]


async def test_what_changes_while_the_server_answers_belongs_to_the_next_window(world: PollWorld) -> None:
    world.dhis2.put("Cards", "C1", "9")

    def change() -> None:
        world.dhis2.before_answer = None
        world.dhis2.advance(30)
        world.dhis2.put("Cards", "C1", "8")

    world.dhis2.before_answer = change
    await world.turn()
    await world.turn()

    assert [event["numerator"] for event in await world.events()] == [9, 8]


async def test_after_an_outage_the_window_reaches_back_to_the_last_success(world: PollWorld) -> None:
    world.dhis2.advance(-20 * 86_400)
    await world.turn()
    before = (await world.state())["window_end"]
    world.dhis2.advance(10 * 86_400)
    world.dhis2.put("Cards", "C1", "9")
    world.dhis2.advance(10 * 86_400)

    await world.turn()

    asked = dt.datetime.fromisoformat(world.dhis2.asked[-1]["lastUpdated"][0])
    assert before - world.poll.overlap - dt.timedelta(seconds=1) <= asked <= before - world.poll.overlap
    assert len(await world.events()) == 1


async def test_a_clock_of_the_server_that_is_set_back_makes_the_window_reach_further_back(world: PollWorld) -> None:
    world.dhis2.advance(4 * 3600)
    await world.turn()
    world.dhis2.advance(-4 * 3600)
    world.dhis2.put("Cards", "C1", "9")  # bears a time four hours before the end of the last window

    await world.turn()

    assert [said(event) for event in await world.events()] == [("C1", "numerator", 9, None, False)]
    assert len(world.dhis2.asked) == 3


async def test_a_clock_of_the_server_that_is_off_by_minutes_changes_nothing(world: PollWorld) -> None:
    world.dhis2.advance(-17 * 60)
    for number in range(3):
        world.dhis2.advance(900)
        world.dhis2.put("Cards", "C1", str(number + 1))
        await world.turn()

    assert [event["numerator"] for event in await world.events()] == [1, 2, 3]


async def test_bad_values_go_to_the_quarantine_and_the_window_goes_on(world: PollWorld) -> None:
    world.dhis2.put("Cards", "C1", "nine")
    world.dhis2.put("Cards", "C2", "9")

    await world.turn()
    await world.turn()

    assert [said(event)[0] for event in await world.events()] == ["C2"]
    assert await world.reasons() == ["not_a_number"]
    assert (await world.state())["failures"] == 0


async def test_the_state_survives_a_restart(world: PollWorld) -> None:
    world.dhis2.put("Cards", "C1", "9")
    await world.turn()
    end = (await world.state())["window_end"]

    async with process(world.database_url, world.polls) as again:
        await world.turn(again)

    asked = dt.datetime.fromisoformat(world.dhis2.asked[-1]["lastUpdated"][0])
    assert asked > dt.datetime(2024, 10, 1, tzinfo=dt.UTC)
    assert abs((await world.state())["window_end"] - end) < dt.timedelta(seconds=2)
    assert len(await world.events()) == 1


async def test_another_selection_begins_anew(world: PollWorld) -> None:
    await world.turn()
    world.poll = world.poll.model_copy(update={"org_units": ("C1", "C2")})

    await world.process.follower.turn(world.poll)  # is due at once, too

    assert world.dhis2.asked[-1]["lastUpdated"] == ["2024-01-01T00:00:00.000+0000"]


async def test_two_processes_poll_once(world: PollWorld) -> None:
    reached, released = asyncio.Event(), asyncio.Event()
    world.dhis2.faults.append(hanging(reached, released))
    async with process(world.database_url, world.polls) as other:
        first = asyncio.create_task(world.process.follower.turn(world.poll))
        await asyncio.wait_for(reached.wait(), 10)

        pause = await other.follower.turn(world.poll)
        released.set()
        await first
        later = await other.follower.turn(world.poll)

    assert 0 < pause <= 5
    assert 0 < later <= 5  # it is not due: the first has just polled
    assert len(world.dhis2.asked) == 1


async def test_the_other_process_takes_over_when_the_first_is_gone(world: PollWorld) -> None:
    world.dhis2.put("Cards", "C1", "9")
    reached, never = asyncio.Event(), asyncio.Event()
    world.dhis2.faults.append(hanging(reached, never))
    stop = asyncio.Event()
    loop = asyncio.create_task(world.process.follower.run(stop))
    await asyncio.wait_for(reached.wait(), 10)
    assert await stopped(loop, stop) < 1
    never.set()

    async with process(world.database_url, world.polls) as other:
        await other.follower.turn(world.poll)

    assert len(await world.events()) == 1


async def test_the_loop_polls_by_itself_again_and_again(database_url: str, dhis2: Dhis2, tmp_path: Path) -> None:
    async with polling_world(database_url, dhis2, tmp_path, interval_seconds=0.05) as world:
        stop = asyncio.Event()
        loop = asyncio.create_task(world.process.follower.run(stop))
        await until(lambda: len(world.dhis2.asked) >= 2, what="two windows")
        world.dhis2.put("Cards", "C1", "9")

        await until(world.events, what="the value")

        assert await stopped(loop, stop) < 1
        assert world.process.metric("last_success_timestamp_seconds") > 0


async def test_a_token_opens_the_instance_as_a_password_does(world: PollWorld) -> None:
    world.poll.credentials_file.write_text(f"ApiToken {TOKEN}\n", encoding="utf-8")
    world.dhis2.put("Cards", "C1", "9")

    await world.turn()

    assert len(await world.events()) == 1


async def test_the_service_follows_the_configured_polls_and_ends_in_order(
    database_url: str, redis_url: str, dhis2: Dhis2, tmp_path: Path
) -> None:
    dhis2.put("Cards", "C1", "9")
    polls = write_polls(tmp_path, dhis2.url)
    settings = IngestSettings(
        database_url=SecretStr(database_url), redis_url=SecretStr(redis_url), port=free_port(), polls=polls
    )
    async with polling_world(database_url, dhis2, tmp_path) as world:
        stop = asyncio.Event()
        service = asyncio.create_task(build(settings, the_catalog(), ManualClock(NOW)).run(stop))

        await until(world.events, what="the value", timeout=30)

        assert await stopped(service, stop) < 5


async def test_a_service_with_unusable_polls_does_not_start(database_url: str, redis_url: str, tmp_path: Path) -> None:
    polls = write_polls(tmp_path, "http://dhis2.example")
    settings = IngestSettings(database_url=SecretStr(database_url), redis_url=SecretStr(redis_url), polls=polls)

    with pytest.raises(SettingsError, match="allow_http"):
        build(settings, the_catalog())
