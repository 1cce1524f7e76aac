"""The rig: a fresh stack for one run, the sender beside it, and what can be seen of the run without disturbing it."""

import asyncio
import contextlib
import os
import sys
import tempfile
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import msgspec
from pydantic import SecretStr
from sqlalchemy import TextClause, text
from sqlalchemy.ext.asyncio import AsyncEngine

from benchmarks.duties import write_duties
from benchmarks.sender import TOKEN_VARIABLE, Sent
from benchmarks.workload import AS_OF, SCALES, Scale, write_catalog
from datchuan.stack.environment import without_settings
from datchuan.stack.folder import DataFolder
from datchuan.stack.stack import SERVICES, Stack, StackOptions
from services.ingest.adapters.tokens import SqlTokenStore
from shared.contracts.streams import INDICATOR_REPORTED
from shared.runtime.clock import SystemClock
from shared.runtime.database import create_database

APPLICATION_NAME = "datchuan-bench"
POLL_SECONDS = 0.02
SLOW_POLL_SECONDS = 0.1
_UNJUDGED = text(
    "SELECT EXISTS (SELECT FROM messaging.mailbox WHERE handled_at IS NULL AND stream LIKE :stream) "
    "OR (SELECT count(*) FROM evaluator.writer_state) < :partitions"
)
_UNDRAINED = text("SELECT EXISTS (SELECT FROM messaging.mailbox)")


@dataclass(frozen=True)
class Load:
    """What the sender posts: a file, over how many connections, how many reports a body, posts a second if fixed."""

    workload: Path
    connections: int
    lines_per_post: int
    posts_per_s: float | None = None

    def arguments(self, port: int) -> list[str]:
        """Return the sender's arguments."""
        rate = [] if self.posts_per_s is None else ["--rate", str(self.posts_per_s)]
        sizes = ["--connections", str(self.connections), "--lines", str(self.lines_per_post)]
        return [str(self.workload), "--port", str(port), *sizes, *rate]


@dataclass(frozen=True)
class Setup:
    """What differs between the stacks of the benchmarks."""

    scale_name: str
    services: tuple[str, ...] = SERVICES
    with_mail: bool = False
    settings: Mapping[str, str] | None = None
    postgres_settings: Mapping[str, str] | None = None
    launcher: tuple[str, ...] = ()
    partitions: int = 1
    evaluators: int = 1
    add_to_catalog: Callable[[Path], None] | None = None

    @property
    def all_settings(self) -> dict[str, str]:
        """The settings of the services; of several evaluators each leads its share of the partitions, no more."""
        share = -(-self.partitions // self.evaluators)
        shares = {"PARTITIONS_LED": str(share)} if self.evaluators > 1 else {}
        return {"PARTITIONS": str(self.partitions), **shares, **(self.settings or {})}

    @property
    def scale(self) -> Scale:
        """The scale of the workload."""
        return SCALES[self.scale_name]


@dataclass(frozen=True)
class Rig:
    """A running stack, made for one run."""

    stack: Stack
    engine: AsyncEngine
    token: str
    catalog: Path

    async def until_judged(self, timeout_seconds: float) -> None:
        """Return once every partition has a writer and no report waits for its verdict."""
        partitions = self.stack.addresses.partitions
        asked: dict[str, str | int] = {"stream": f"{INDICATOR_REPORTED}%", "partitions": partitions}
        await self.until_not(_UNJUDGED, asked, timeout_seconds, POLL_SECONDS)

    async def until_drained(self, timeout_seconds: float) -> None:
        """Return once nothing is left to do: all messages handled, and the facts written that they were kept for."""
        await self.until_not(_UNDRAINED, {}, timeout_seconds)

    async def until_not(
        self,
        query: TextClause,
        parameters: Mapping[str, str | int],
        timeout_seconds: float,
        poll_seconds: float = SLOW_POLL_SECONDS,
    ) -> None:
        """Return once a query says no; it is asked rarely, so that asking costs nothing."""
        async with asyncio.timeout(timeout_seconds), self.engine.connect() as connection:
            await connection.execution_options(isolation_level="AUTOCOMMIT")
            while True:
                if not await connection.scalar(query, parameters):
                    return
                await asyncio.sleep(poll_seconds)

    @contextlib.asynccontextmanager
    async def sender(self, load: Load) -> AsyncIterator["RunningSender"]:
        """Yield a sender that has read its workload and holds its connections."""
        port = int(self.stack.url("ingest").rsplit(":", 1)[1])
        with tempfile.TemporaryDirectory(prefix="datchuan-bench-") as folder:
            out = Path(folder) / "sent.json"
            process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-m", "benchmarks.sender", *load.arguments(port), "--out", str(out)),
                env=os.environ | {TOKEN_VARIABLE: self.token},
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
            )
            try:
                assert process.stdout is not None
                await process.stdout.readline()
                yield RunningSender(process, out)
            finally:
                if process.returncode is None:
                    process.kill()
                await process.wait()


class RunningSender:
    """A sender process that waits for its start."""

    def __init__(self, process: asyncio.subprocess.Process, out: Path) -> None:
        self._process = process
        self._out = out

    async def post_all(self) -> Sent:
        """Let it post everything and return what it saw."""
        await self._process.communicate(b"go\n")
        if self._process.returncode != 0:
            raise RuntimeError(f"the sender ended with status {self._process.returncode}: see its error above")
        return msgspec.json.decode(self._out.read_bytes(), type=Sent)


@contextlib.asynccontextmanager
async def start(setup: Setup) -> AsyncIterator[Rig]:
    """Yield a fresh stack with a leading writer and a token for every source; it is gone afterwards."""
    with _folder() as folder:
        catalog = folder / "catalog"
        write_catalog(setup.scale, catalog)
        if setup.with_mail:
            write_duties(setup.scale, catalog)
        if setup.add_to_catalog is not None:
            setup.add_to_catalog(catalog)
        data = DataFolder(folder / "data")
        data.create()
        options = StackOptions(
            catalog=catalog,
            clock_offset_days=(AS_OF - SystemClock().today()).days,
            with_mail_sink=setup.with_mail,
            environment=without_settings(os.environ),
            services=setup.services,
            settings=setup.all_settings,
            postgres_settings=setup.postgres_settings or {},
            launcher=setup.launcher,
        )
        async with Stack(data, options, lambda line: print(line, file=sys.stderr)) as stack:
            for number in range(2, setup.evaluators + 1):
                await stack.add_replica("evaluator", f"evaluator-{number}")
            engine = create_database(SecretStr(stack.addresses.database_url), APPLICATION_NAME, pool_size=1)
            try:
                _, token = await SqlTokenStore(engine).create("bench", "hmis", ["*"])
                rig = Rig(stack, engine, token, catalog)
                if "evaluator" in setup.services:
                    await rig.until_judged(60)
                    await rig.until_drained(60)
                yield rig
            finally:
                await engine.dispose()


@contextlib.contextmanager
def _folder() -> Iterator[Path]:
    """Yield a folder that is gone afterwards."""
    with tempfile.TemporaryDirectory(prefix="datchuan-bench-") as name:
        folder = Path(name)
        folder.chmod(0o711)  # root's PostgreSQL may have to run as another user, who must be able to pass
        yield folder
