"""The notifier as real processes with a real mail server, for tests: started, killed and asked what they did."""

import asyncio
import json
import os
import signal
import sys
from collections.abc import Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path
from typing import Any

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from shared.contracts.streams import VERDICT_CHANGED, partition_stream
from shared.contracts.wire import VerdictChangedBatch, encode
from shared.embedded.ports import free_port
from shared.runtime import mailbox
from shared.runtime.publisher import Publisher
from shared.testing.polling import until

STREAM = partition_stream(VERDICT_CHANGED, 0)
HURRIED = {
    "DATCHUAN_GROUP_WINDOW_SECONDS": "0.2",
    "DATCHUAN_GROUP_PAUSE_SECONDS": "0",
    "DATCHUAN_DATA_GAP_WINDOW_SECONDS": "0.4",
    "DATCHUAN_POLL_SECONDS": "0.05",
    "DATCHUAN_RETRY_FIRST_SECONDS": "0.3",
    "DATCHUAN_SEND_TIMEOUT_SECONDS": "2",
}


@dataclass(slots=True)
class Processes:
    """Child processes of one test; the rest is killed at its end."""

    stack: AsyncExitStack
    log: Path

    async def start(self, module: str, arguments: Sequence[str], environment: Mapping[str, str]) -> "Process":
        """Start `python -m module`."""
        with self.log.open("ab") as log:
            child = await asyncio.create_subprocess_exec(
                sys.executable, "-m", module, *arguments, env={**os.environ, **environment}, stdout=log, stderr=log
            )
        process = Process(child)
        self.stack.push_async_callback(process.kill)
        return process


@dataclass(slots=True)
class Process:
    """One child process."""

    child: asyncio.subprocess.Process

    async def kill(self) -> None:
        """End it at once, as a power cut would."""
        await self.end(signal.SIGKILL)

    async def end(self, number: signal.Signals = signal.SIGTERM) -> int:
        """Send a signal and return the exit status."""
        if self.child.returncode is None:
            self.child.send_signal(number)
        return await self.child.wait()


@dataclass(slots=True)
class Post:
    """A mail sink and what it has received."""

    processes: Processes
    folder: Path
    port: int = field(default_factory=free_port)

    async def open(self, *rejected: str) -> Process:
        """Start the sink on the port of this post; `rejected` are its ADDRESS=CODE."""
        arguments = ["--port", str(self.port), "--dir", str(self.folder)]
        for each in rejected:
            arguments += ["--reject", each]
        process = await self.processes.start("shared.embedded.mailsink", arguments, {})
        await until(self._listens, timeout=20, what="the mail sink listens")
        return process

    async def _listens(self) -> bool:
        try:
            _, writer = await asyncio.open_connection("127.0.0.1", self.port)
        except OSError:
            return False
        writer.close()
        await writer.wait_closed()
        return True

    def mails(self) -> list[EmailMessage]:
        """Return the mails received, the first received first."""
        found = []
        for path in sorted(self.folder.glob("*.eml")):
            mail = message_from_bytes(path.read_bytes(), policy=policy.default)
            assert isinstance(mail, EmailMessage)  # noqa: S101 - test code
            found.append(mail)
        return found

    def recipients(self) -> list[str]:
        """Return to whom the mails went, sorted."""
        return sorted(str(mail["X-Envelope-To"]) for mail in self.mails())


@dataclass(slots=True)
class Notifiers:
    """Starts notifiers against the servers of a test and speaks to them as the evaluator would."""

    processes: Processes
    engine: AsyncEngine
    publisher: Publisher
    post: Post
    database_url: str
    redis_url: str
    catalog: Path

    async def start(self, **settings: str) -> Process:
        """Start one notifier and wait until it is ready."""
        process, port = await self.start_unready(**settings)
        await until(lambda: is_ready(port), timeout=30, what="the notifier is ready")
        return process

    async def start_unready(self, **settings: str) -> tuple[Process, int]:
        """Start one notifier and return it with its port."""
        port = free_port()
        environment = {
            "DATCHUAN_DATABASE_URL": self.database_url,
            "DATCHUAN_REDIS_URL": self.redis_url,
            "DATCHUAN_PORT": str(port),
            "DATCHUAN_SMTP_PORT": str(self.post.port),
            "DATCHUAN_CATALOG": str(self.catalog),
            **HURRIED,
            **{f"DATCHUAN_{name.upper()}": value for name, value in settings.items()},
        }
        return await self.processes.start("services.notifier", (), environment), port

    async def tell(self, *batches: VerdictChangedBatch) -> None:
        """Commit the batches to the mailbox and publish them."""
        messages = self.copies(*batches)
        async with self.engine.begin() as connection:
            await mailbox.put(connection, messages)
        await self.publisher.publish(messages)

    @staticmethod
    def copies(*batches: VerdictChangedBatch) -> list[mailbox.Outgoing]:
        """Return the batches as messages."""
        return [
            mailbox.Outgoing(partition_stream(VERDICT_CHANGED, batch.partition), batch.message_id, encode(batch))
            for batch in batches
        ]

    async def rows(self, statement: str, **values: Any) -> list[tuple[Any, ...]]:
        """Return what the database answers."""
        async with self.engine.connect() as connection:
            return [tuple(row) for row in await connection.execute(text(statement), values)]

    async def tally(self, table: str) -> dict[str, int]:
        """Return how many rows of `ledger` or `delivery` have which status."""
        found = await self.rows(f"SELECT status, count(*) FROM notifier.{table} GROUP BY status ORDER BY status")
        return {str(row[0]): int(row[1]) for row in found}

    async def is_quiet(self) -> bool:
        """Return whether everything told so far was handled and has come to its end."""
        ((left,),) = await self.rows(
            "SELECT (SELECT count(*) FROM messaging.mailbox WHERE handled_at IS NULL)"
            " + (SELECT count(*) FROM notifier.ledger WHERE status IN ('waiting', 'grouped'))"
            " + (SELECT count(*) FROM notifier.delivery WHERE status IN ('pending', 'retry', 'sending'))"
        )
        return bool(left == 0)


async def is_ready(port: int) -> bool:
    """Return whether the service on a port says that it is ready."""
    try:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
    except OSError:
        return False
    try:
        writer.write(b"GET /readyz HTTP/1.0\r\nHost: localhost\r\n\r\n")
        answer = await reader.read()
        return bool(json.loads(answer.partition(b"\r\n\r\n")[2])["ready"])
    except (OSError, ValueError):
        return False
    finally:
        writer.close()
