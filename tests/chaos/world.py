"""What a scenario has in hand: the running stack, the sender, the mail server, the small disk, and ways to look."""

import asyncio
import os
import signal
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import httpx
import redis.asyncio
from pydantic import SecretStr
from sqlalchemy import RowMapping, text
from sqlalchemy.ext.asyncio import AsyncEngine

from datchuan.stack.access import LOCAL_SOURCE, ensure_token
from datchuan.stack.folder import DataFolder
from datchuan.stack.process import ChildProcess
from datchuan.stack.servers import Report
from datchuan.stack.stack import Stack, StackOptions
from shared.catalog.catalog import Catalog
from shared.catalog.load import POLICIES, load_catalog
from shared.runtime.clock import SystemClock
from shared.runtime.database import create_database, is_outage
from shared.runtime.faults import VARIABLE
from shared.testing.catalogs import folder_at_once
from shared.testing.polling import until
from tests.chaos.mail_server import MailServer
from tests.chaos.reports import AS_OF, ReportSource
from tests.chaos.sender import ReportSender

REPORTS_PER_SECOND = 100
_READY_SECONDS = 45
_FAST = {
    "GROUP_WINDOW_SECONDS": "1",
    "GROUP_PAUSE_SECONDS": "0",
    "DATA_GAP_WINDOW_SECONDS": "1",
    "POLL_SECONDS": "0.2",
    "SEND_TIMEOUT_SECONDS": "2",
    "RETRY_FIRST_SECONDS": "0.5",
    "RETRY_LONGEST_SECONDS": "2",
    # Given up after a hundred tries: a dead delivery in the suite is one that a server refused for good.
    "RETRY_ATTEMPTS": "100",
}


class FaultDidNotStrikeError(AssertionError):
    """A scenario could not show that its fault has happened, so it shows nothing."""


def require(condition: object, what: str) -> None:
    """Fail the scenario unless its fault has really struck and its promise is kept."""
    if not condition:
        raise FaultDidNotStrikeError(what)


@dataclass(frozen=True)
class World:
    """The parts that scenarios strike and look at."""

    stack: Stack
    sender: ReportSender
    mail: MailServer
    engine: AsyncEngine
    catalog: Catalog
    small_disk: Path | None
    no_small_disk: str = ""

    def child(self, name: str) -> ChildProcess:
        """Return the process of a service."""
        return self.stack.supervisor.child(name)

    async def pid(self, name: str) -> int:
        """Return the id of the running process of a service."""
        return await until(lambda: self.child(name).pid or 0, what=f"{name} runs")

    async def kill(self, name: str) -> None:
        """Kill a service without warning and wait until the supervisor has started it again."""
        ends = len(self.child(name).ends)
        os.kill(await self.pid(name), signal.SIGKILL)
        await until(lambda: len(self.child(name).ends) > ends, what=f"{name} is dead")
        await self.pid(name)

    async def restart(self, name: str, more_environment: dict[str, str] | None = None) -> int:
        """Stop a service as an operator does, start it with more environment, and return how the stop ended."""
        status = await self.stack.supervisor.halt(name)
        await self.stack.supervisor.resume(name, more_environment)
        return status

    async def dies_at(self, service: str, point: str) -> int:
        """Let a service die at its fault point in the next life, see it die there, and return by which signal."""
        status = await self.restart(service, {VARIABLE: f"{service}.{point}"})
        require(status == 0, f"{service} did not end in order before the fault: status {status}")
        child = self.child(service)
        lives = len(child.ends)
        await until(lambda: len(child.ends) > lives, timeout=30, what=f"{service} reaches {point}")
        end = child.ends[lives]
        require(end == -signal.SIGKILL, f"{service} ended with status {end}, not by SIGKILL")
        return -end

    async def ready(self, *services: str) -> None:
        """Wait until the services say that they are ready."""
        for name in services:
            await until(partial(self.is_ready, name), timeout=_READY_SECONDS, what=f"{name} is ready", interval=0.1)

    async def is_ready(self, service: str) -> bool:
        """Tell whether a service says that it is ready now."""
        return (await self.readiness(service)).startswith("200")

    async def readiness(self, service: str) -> str:
        """Return what a service says of its readiness, with the status in the first line."""
        return await self._get(service, "/readyz")

    async def metrics(self, service: str) -> str:
        """Return all metrics of a service; nothing while it does not answer."""
        status, _, text = (await self._get(service, "/metrics")).partition("\n")
        return text if status == "200" else ""

    async def metric(self, service: str, name: str) -> float:
        """Return a metric of a service, added up over its labels; 0 while the service does not answer."""
        lines = (await self.metrics(service)).splitlines()
        return sum(float(line.rsplit(" ", 1)[1]) for line in lines if line.split("{")[0].split(" ")[0] == name)

    async def _get(self, service: str, path: str) -> str:
        async with httpx.AsyncClient(timeout=5, trust_env=False) as client:
            try:
                answer = await client.get(self.stack.url(service) + path)
            except httpx.TransportError as error:
                return type(error).__name__
        return f"{answer.status_code}\n{answer.text}"

    async def rows(self, query: str, **values: Any) -> Sequence[RowMapping]:
        """Return the rows of a query; a server that has just been killed is waited for."""

        async def ask() -> list[Sequence[RowMapping]]:
            try:
                async with self.engine.connect() as connection:
                    return [(await connection.execute(text(query), values)).mappings().all()]
            except Exception as error:
                if not is_outage(error):
                    raise
                return []

        return (await until(ask, timeout=45, what="PostgreSQL answers", interval=0.1))[0]

    async def number(self, query: str, **values: Any) -> int:
        """Return the one number that a query gives."""
        (row,) = await self.rows(query, **values)
        return int(next(iter(row.values())) or 0)

    def complaints(self) -> list[str]:
        """Return the last errors in the logs of the services, cut short: why a scenario may have failed."""
        lines = []
        for child in self.stack.supervisor.children:
            log = child.log.read_text(encoding="utf-8", errors="replace").splitlines()
            errors = [line for line in log if '"level": "error"' in line or '"level": "critical"' in line]
            lines += [f"{child.name}: {line[:400]}" for line in errors[-2:]]
        return lines

    @asynccontextmanager
    async def redis(self) -> AsyncIterator["redis.asyncio.Redis"]:
        """Give a connection to Valkey."""
        client = redis.asyncio.Redis.from_url(self.stack.addresses.redis_url, socket_timeout=5)
        try:
            yield client
        finally:
            await client.aclose()


@asynccontextmanager
async def open_world(
    folder: Path, small_disk: Path | None, why_not: str, tell: Report, settings: Mapping[str, str] | None = None
) -> AsyncIterator[World]:
    """Start everything, give every cell its first report, and take it all down afterwards."""
    # Without local policy everything is told at once: what is not told soon after a fault is missing. The cells here
    # fail and recover within seconds, which anywhere else would be flapping.
    catalog_at = folder_at_once(folder / "catalog")
    (catalog_at / POLICIES).write_text("flapping: {openings: 100, within_days: 1, calm_hours: 1}\n", encoding="utf-8")
    catalog = load_catalog(catalog_at)
    mail = MailServer(folder / "mails", folder / "mail-server.log")
    await mail.start()
    options = StackOptions(
        catalog=catalog_at,
        clock_offset_days=(AS_OF - SystemClock().today()).days,
        with_mail_sink=False,
        settings={**_FAST, "SMTP_HOST": "127.0.0.1", "SMTP_PORT": str(mail.port), **(settings or {})},
        environment={"PATH": os.environ["PATH"]},
    )
    try:
        async with Stack(DataFolder(folder / "stack"), options, tell) as stack:
            token = await ensure_token(stack.folder, stack.addresses.database_url, LOCAL_SOURCE)
            sender = ReportSender(stack.url("ingest"), token, ReportSource(catalog), REPORTS_PER_SECOND)
            engine = create_database(SecretStr(stack.addresses.database_url), "datchuan-chaos", pool_size=3)
            try:
                await sender.start()
                yield World(stack, sender, mail, engine, catalog, small_disk, why_not)
            finally:
                await sender.stop()
                await engine.dispose()
    finally:
        await mail.stop()


@contextmanager
def asleep(pid: int) -> Iterator[None]:
    """Freeze a process inside the block: it keeps its connections, and does nothing."""
    os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(pid, signal.SIGCONT)


async def hold_for(seconds: float) -> None:
    """Let a fault last; nothing is waited for, the time itself is the fault."""
    await asyncio.sleep(seconds)
