"""Runs the scenarios one after the other on one stack, against a deadline, and puts everything into one result."""

import asyncio
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.chaos import avalanche, kills, mail_faults, partitions, poison, pressure, servers, writers
from tests.chaos.checks import Findings, check, come_to_rest
from tests.chaos.scenario import Scenario
from tests.chaos.world import World, open_world

SCENARIOS: tuple[Scenario, ...] = (
    *kills.SCENARIOS,
    *servers.SCENARIOS,
    *writers.SCENARIOS,
    *poison.SCENARIOS,
    *mail_faults.SCENARIOS,
    avalanche.SCENARIO,
    partitions.SCENARIO,
    *pressure.SCENARIOS,  # last: all that was ever posted is posted again after every scenario
)
WHOLE_SECONDS = 480
# Left for the last check, and for the orderly end of all processes.
_CHECK_SECONDS, _STOP_SECONDS = 20, 25
_LONGEST_SCENARIO_SECONDS = 120

Tell = Callable[[str], None]


@dataclass(frozen=True)
class Played:
    """How one scenario went."""

    name: str
    ok: bool
    seconds: float
    detail: dict[str, Any]

    def as_json(self) -> dict[str, Any]:
        """Return name, outcome and time first, then the evidence or the fault."""
        return {"name": self.name, "ok": self.ok, "seconds": round(self.seconds, 1), **self.detail}


@dataclass(frozen=True)
class Result:
    """What the one line says."""

    findings: Findings | None
    played: tuple[Played, ...]
    answers: dict[str, int]
    seconds: float
    error: str = ""

    @property
    def is_right(self) -> bool:
        """Tell whether everything is right and every fault has struck."""
        found = self.findings
        return found is not None and found.is_right and not self.error and all(played.ok for played in self.played)

    def as_json(self) -> dict[str, Any]:
        """Return the line: what is wrong in numbers, then each scenario."""
        numbers = (self.findings or Findings()).as_json()
        rest = {"answers": self.answers, "seconds": round(self.seconds, 1)} | (
            {"error": self.error} if self.error else {}
        )
        return {"ok": self.is_right, **numbers, **rest, "scenarios": [played.as_json() for played in self.played]}


class Suite:
    """One run over the chosen scenarios."""

    def __init__(self, chosen: Sequence[Scenario], tell: Tell) -> None:
        self._chosen = chosen
        self._tell = tell
        self._began = time.monotonic()
        self._played: list[Played] = []
        self._findings: Findings | None = None
        self._answers: dict[str, int] = {}

    async def run(self, folder: Path, small_disk: Path | None, why_not: str) -> Result:
        """Play all scenarios and check everything; what the time does not suffice for has failed."""
        error = ""
        try:
            async with open_world(folder, small_disk, why_not, self._tell) as world:
                error = await self._play_in_time(world)
                async with asyncio.timeout(self._left(_STOP_SECONDS)):
                    self._findings, self._answers = await check(world), dict(world.sender.answers)
        except Exception as fault:  # noqa: BLE001 - whatever it is, the line says so
            error = error or _words(fault)
        done = {played.name for played in self._played}
        missed = [each.name for each in self._chosen if each.name not in done]
        played = [
            *self._played,
            *(Played(name, ok=False, seconds=0, detail={"error": "not played"}) for name in missed),
        ]
        return Result(self._findings, tuple(played), self._answers, time.monotonic() - self._began, error)

    async def _play_in_time(self, world: World) -> str:
        """Play until the end or until the time is over, and return what went wrong with the suite itself."""
        try:
            async with asyncio.timeout(self._left(_STOP_SECONDS + _CHECK_SECONDS)):
                await self._play_all(world)
        except TimeoutError:
            return "out of time"
        return ""

    def _left(self, reserve: float) -> float:
        return max(1.0, WHOLE_SECONDS - reserve - (time.monotonic() - self._began))

    async def _play_all(self, world: World) -> None:
        await come_to_rest(world)
        for scenario in self._chosen:
            self._played.append(await self._play(world, scenario))

    async def _play(self, world: World, scenario: Scenario) -> Played:
        began = time.monotonic()
        self._tell(f"{scenario.name}: {scenario.proves}")
        detail: dict[str, Any] = {}
        try:
            async with asyncio.timeout(_LONGEST_SCENARIO_SECONDS):
                world.sender.resume()
                detail |= await scenario.strike(world)
                await come_to_rest(world)
                found = await check(world)
            ok = found.is_right and not world.sender.wrong_answers
            detail |= {} if ok else {"found": found.as_json(), "wrong_answers": world.sender.wrong_answers}
        except Exception as fault:  # noqa: BLE001 - a scenario that fails must not end the suite
            ok = False
            detail["error"] = _words(fault)
        if not ok:
            detail["logs"] = world.complaints()
        played = Played(scenario.name, ok, time.monotonic() - began, detail)
        self._tell(f"  {'ok' if ok else 'FAILED'} after {played.seconds:.1f} s: {detail}")
        return played


def _words(fault: BaseException) -> str:
    return f"{type(fault).__name__}: {fault}".removesuffix(": ")[:500]
