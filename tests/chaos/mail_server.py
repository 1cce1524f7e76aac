"""A mail server whose behaviour the suite chooses while it runs, as a process of its own, and the handle on it.

The process keeps mails as files like the sink of the demo does, and reads how to behave from a file beside them. It
grants so many connections at once and no more, and writes down how many there ever were.
"""

import argparse
import asyncio
import hashlib
import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from email.parser import BytesHeaderParser
from enum import StrEnum
from pathlib import Path

from aiosmtpd.smtp import SMTP, Envelope, Session

from datchuan.stack.environment import service_environment
from datchuan.stack.process import ChildProcess
from shared.embedded.mailsink import MailSink
from shared.embedded.ports import LOOPBACK, free_port

_BEHAVIOUR = "behaviour"
_PEAK = "most-connections"
_MANY = 1_000


class Behaviour(StrEnum):
    """What the server does with a mail."""

    TAKE = "take"
    BUSY = "busy"
    DROP = "drop"
    HANG = "hang"
    REFUSE = "refuse"


class _FaultyServer(MailSink):
    """The handler that aiosmtpd calls."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder, {})
        self._behaviour = folder / _BEHAVIOUR

    def _behaves(self) -> tuple[str, str]:
        if not self._behaviour.exists():
            return Behaviour.TAKE, ""
        kind, _, address = self._behaviour.read_text(encoding="utf-8").partition(" ")
        return kind, address

    async def handle_MAIL(  # noqa: N802 - aiosmtpd's name
        self, _server: SMTP, _session: Session, envelope: Envelope, address: str, _options: list[str]
    ) -> str:
        """Take the sender, or be too busy for any mail."""
        if self._behaves()[0] == Behaviour.BUSY:
            return "421 too busy, try again later"
        envelope.mail_from = address
        return "250 OK"

    async def handle_RCPT(  # noqa: N802 - aiosmtpd's name
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        """Take the recipient, or refuse one for good."""
        if self._behaves() == (Behaviour.REFUSE, address):
            return f"550 no such mailbox: {address}"
        return await super().handle_RCPT(server, session, envelope, address, options)

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802
        """Keep the mail, and answer or be gone; or say nothing about it at all."""
        if self._behaves()[0] == Behaviour.HANG:
            await asyncio.Event().wait()
        answer = await super().handle_DATA(server, session, envelope)
        if self._behaves()[0] == Behaviour.DROP and isinstance(server.transport, asyncio.Transport):
            server.transport.abort()
        return answer


class _Door:
    """Counts the connections, and lets in no more than `most` at once."""

    def __init__(self, most: int, folder: Path) -> None:
        self._most = most
        self._folder = folder
        self._inside = self._peak = 0

    def enter(self) -> bool:
        """Count a connection; return whether it may stay."""
        self._inside += 1
        if self._inside > self._peak:
            self._peak = self._inside
            (self._folder / _PEAK).write_text(str(self._peak), encoding="utf-8")
        return self._inside <= self._most

    def leave(self) -> None:
        """Count a connection that has ended."""
        self._inside -= 1


class _CountedConnection(SMTP):
    """One connection; refused with 421 when there are too many."""

    def __init__(self, handler: MailSink, door: _Door, loop: asyncio.AbstractEventLoop) -> None:
        super().__init__(handler, hostname="faulty", loop=loop)
        self._door = door
        self._is_inside = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Talk, or say that there are too many."""
        self._is_inside = self._door.enter()
        if self._is_inside:
            super().connection_made(transport)
        elif isinstance(transport, asyncio.Transport):
            transport.write(b"421 too many connections\r\n")
            transport.close()

    def connection_lost(self, error: Exception | None) -> None:
        """Make room for another."""
        self._door.leave()
        if self._is_inside:
            super().connection_lost(error)


def most_connections(folder: Path) -> int:
    """Return how many connections there ever were at once, those counted that were refused."""
    return int((folder / _PEAK).read_text(encoding="utf-8"))


@dataclass(frozen=True, slots=True)
class Received:
    """One mail that the server kept: its id, and a digest of recipient and text."""

    message_id: str
    digest: str


class MailServer:
    """The handle on the process: how it behaves, whether it runs, and what it has received."""

    def __init__(self, folder: Path, log: Path, connections: int = _MANY) -> None:
        self.port = free_port()
        self._folder = folder
        command = [sys.executable, "-m", "tests.chaos.mail_server", str(self.port), str(folder)]
        command += ["--connections", str(connections)]
        self._child = ChildProcess("mail server", command, service_environment(os.environ, {}), log)
        self._received: dict[str, Received] = {}

    async def start(self) -> None:
        """Start the process."""
        self._folder.mkdir(parents=True, exist_ok=True)
        self.behave(Behaviour.TAKE)
        await self._child.start()

    async def stop(self) -> None:
        """End the process: its port refuses connections."""
        await self._child.stop(grace_seconds=3)

    def behave(self, behaviour: Behaviour, address: str = "") -> None:
        """Choose what is done with the mails to come."""
        part = self._folder / f".{_BEHAVIOUR}"
        part.write_text(f"{behaviour} {address}".strip(), encoding="utf-8")
        part.rename(self._folder / _BEHAVIOUR)

    @contextmanager
    def frozen(self) -> Iterator[None]:
        """Let the server hang inside the block: connections are made, and nothing ever answers."""
        pid = self._child.pid
        if pid is None:
            raise AssertionError("the mail server does not run")
        os.kill(pid, signal.SIGSTOP)
        try:
            yield
        finally:
            os.kill(pid, signal.SIGCONT)

    def received(self) -> list[Received]:
        """Return every mail that was kept; a mail sent again stands here again."""
        for path in self._folder.glob("*.eml"):
            if path.name not in self._received:
                self._received[path.name] = _read(path.read_bytes())
        return list(self._received.values())


def _read(content: bytes) -> Received:
    head, _, body = content.partition(b"\r\n\r\n")
    headers = BytesHeaderParser().parsebytes(head + b"\r\n\r\n")
    digest = hashlib.sha256(str(headers["To"]).encode() + b"\n" + body).hexdigest()
    return Received(str(headers["Message-ID"]), digest)


async def _serve(port: int, folder: Path, most: int) -> None:
    loop = asyncio.get_running_loop()
    stop = asyncio.Event()
    loop.add_signal_handler(signal.SIGTERM, stop.set)
    handler, door = _FaultyServer(folder), _Door(most, folder)
    server = await loop.create_server(lambda: _CountedConnection(handler, door, loop), LOOPBACK, port, backlog=_MANY)
    async with server:
        await stop.wait()


def main() -> None:
    """Serve until SIGTERM."""
    parser = argparse.ArgumentParser(prog="python -m tests.chaos.mail_server", description="A mail server with faults.")
    parser.add_argument("port", type=int)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--connections", type=int, default=_MANY, help="so many at once; more are answered 421")
    arguments = parser.parse_args()
    asyncio.run(_serve(arguments.port, arguments.folder, arguments.connections))


if __name__ == "__main__":
    main()
