"""Whatever happens between two windows: at the end the journal knows what the instance knows, and nothing twice."""

import asyncio
import datetime as dt
import random
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest
from starlette.responses import Response

from tests.integration.ingest.dhis2_server import Dhis2, Value, answering, cut_off, hanging, message, running
from tests.integration.ingest.polling_world import PollWorld, polling_world, process

pytestmark = pytest.mark.integration

STEPS = 120
UNITS = ("C1", "C2", "T1")
ROLES = {"Cards": "numerator", "People": "denominator", "Paper": "value"}
Version = tuple[str, str, str, dt.datetime, object]
FAULTS: tuple[Callable[[], Response], ...] = (
    cut_off,
    lambda: message(500, "down"),
    lambda: message(401, "no"),
    lambda: message(429, "slow", **{"retry-after": "7"}),
    lambda: Response(b"<html>", media_type="text/html"),
)


@pytest.fixture
async def dhis2() -> AsyncIterator[Dhis2]:
    async with running(Dhis2(clock=dt.datetime(2024, 10, 1, tzinfo=dt.UTC))) as instance:
        yield instance


class Story:
    """A random course of edits, deletions, late commits, outages, restarts and crashes."""

    def __init__(self, world: PollWorld, seed: int, stack: AsyncExitStack) -> None:
        self.world = world
        self.dhis2 = world.dhis2
        self.chance = random.Random(seed)  # noqa: S311 - nothing secret
        self.stack = stack
        self.running = world.process
        self.clock_was_set_back = False
        self.late: list[tuple[tuple[str, str, str, str], Value, dt.datetime]] = []
        self.acts: list[tuple[int, Callable[[], Any]]] = [
            (30, self.edit), (10, self.edit_both), (8, self.delete), (8, self.begin_late), (25, self.poll),
            (6, self.fail), (3, self.restart), (3, self.crash), (2, self.outage),
            (2 if seed % 3 == 0 else 0, self.set_clock_back),
        ]  # fmt: skip

    async def run(self) -> None:
        weights = [weight for weight, _ in self.acts]
        for _ in range(STEPS):
            (act,) = self.chance.choices([act for _, act in self.acts], weights)
            await act()
            self.dhis2.advance(self.chance.uniform(0.5, 240))
            self.commit_late(before=self.dhis2.clock - dt.timedelta(seconds=3000))
        self.commit_late(before=self.dhis2.clock)
        self.dhis2.faults.clear()
        await self.poll()

    async def edit(self) -> None:
        element, unit = self.chance.choice(list(ROLES)), self.chance.choice(UNITS)
        self.write(element, unit, deleted=False)

    async def edit_both(self) -> None:
        unit = self.chance.choice(UNITS)
        for element in ("Cards", "People"):
            self.write(element, unit, deleted=False)

    async def delete(self) -> None:
        self.write(self.chance.choice(list(ROLES)), self.chance.choice(UNITS), deleted=True)

    def write(self, element: str, unit: str, *, deleted: bool) -> None:
        if key_of(element, unit) in [key for key, _, _ in self.late]:
            return  # the row is locked by a transaction
        self.dhis2.put(element, unit, None if deleted else self.number(element), key_of(element, unit)[3])

    def number(self, element: str) -> str:
        if element == "Paper":
            return self.chance.choice(["true", "false"])
        return str(self.chance.randint(0, 50) if element == "Cards" else self.chance.randint(60, 99))

    async def begin_late(self) -> None:
        """Write a value whose transaction ends later: until then others see the old one."""
        element, unit = self.chance.choice(list(ROLES)), self.chance.choice(UNITS)
        if key_of(element, unit) not in [key for key, _, _ in self.late]:
            value = Value(self.number(element), self.dhis2.clock)
            self.late.append((key_of(element, unit), value, self.dhis2.clock))

    def commit_late(self, before: dt.datetime) -> None:
        for item in [item for item in self.late if item[2] <= before or self.chance.random() < 0.1]:
            self.late.remove(item)
            self.dhis2.values[item[0]] = item[1]

    async def poll(self) -> None:
        await self.world.turn(self.running)

    async def fail(self) -> None:
        self.dhis2.faults.append(answering(self.chance.choice(FAULTS)))

    async def restart(self) -> None:
        self.running = await self.stack.enter_async_context(process(self.world.database_url, self.world.polls))

    async def crash(self) -> None:
        """End the process in the middle of a request or right after it was answered."""
        reached, released = asyncio.Event(), asyncio.Event()
        self.dhis2.faults.insert(0, hanging(reached, released))
        turn = asyncio.create_task(self.world.turn(self.running))
        await asyncio.wait_for(reached.wait(), 10)
        if self.chance.random() < 0.7:
            released.set()
            for _ in range(self.chance.randint(0, 60)):
                await asyncio.sleep(0)
        turn.cancel()
        released.set()
        await asyncio.gather(turn, return_exceptions=True)
        await self.restart()

    async def outage(self) -> None:
        """Nobody polls for hours."""
        self.dhis2.advance(self.chance.uniform(3600, 20_000))

    async def set_clock_back(self) -> None:
        """An administrator corrects the clock of the server; open transactions end before."""
        self.commit_late(before=self.dhis2.clock)
        self.clock_was_set_back = True
        self.dhis2.advance(-self.chance.uniform(30, 9000))


def key_of(element: str, unit: str) -> tuple[str, str, str, str]:
    return (element, "202409", unit, "HllvX50cXC0" if element == "Paper" else "Male")


def versions(events: list[dict[str, Any]]) -> list[Version]:
    """Every version of a single value that reports in the journal bring, a pair bringing two."""
    found: list[Version] = []
    for event in events:
        part, at = event.get("part", "measure"), dt.datetime.fromisoformat(event["observed_at"])
        roles = {"measure": ("numerator", "denominator"), "attestation": ("value",)}.get(part, (part,))
        for role in roles:
            number = "deleted" if event.get("deleted") else event.get(role)
            found.append((event["unit"], role, "202409", at, number))
    return found


def current(dhis2: Dhis2) -> list[Version]:
    """The version of every value that the instance has at the end."""
    found: list[Version] = []
    for (element, period, unit, _), value in dhis2.values.items():
        number: object = float(value.value == "true") if element == "Paper" else int(value.value)
        at = value.last_updated.replace(microsecond=value.last_updated.microsecond // 1000 * 1000)
        found.append((unit, ROLES[element], period, at, "deleted" if value.deleted else number))
    return found


@pytest.mark.parametrize("seed", range(3))
async def test_the_journal_ends_as_the_instance_does_and_no_version_of_a_value_is_in_it_twice(
    database_url: str, dhis2: Dhis2, tmp_path: Path, seed: int
) -> None:
    async with AsyncExitStack() as stack:
        world = await stack.enter_async_context(
            polling_world(database_url, dhis2, tmp_path, values_per_request=4 if seed % 2 else 20_000)
        )
        story = Story(world, seed, stack)
        await story.run()
        found = versions(await world.events())
        reasons = await world.reasons()
        newest = {version[:2]: version for version in sorted(found, key=lambda version: version[3])}

        assert reasons == []
        assert [version for version in current(dhis2) if version not in found] == []
        assert [version for version, count in Counter(found).items() if count > 1] == []
        # A clock that was set back gives later values earlier times: then only the times tell what is newest.
        if not story.clock_was_set_back:
            assert set(newest.values()) == set(current(dhis2))
        assert len(found) > 20
