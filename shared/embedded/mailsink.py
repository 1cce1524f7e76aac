"""A mail server that delivers nothing: it keeps every mail as a file, and refuses the addresses it is told to refuse.

`python -m shared.embedded.mailsink --port P --dir D [--reject ADDRESS=550] [--reject ADDRESS=451x2]`: the second form
refuses the first two tries only. Prints one line of JSON when it listens. For tests and the demo: loopback, no TLS.
"""

import argparse
import asyncio
import itertools
import json
import os
import signal
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from aiosmtpd.smtp import SMTP, Envelope, Session

_MAX_MAIL_BYTES = 32 * 1024 * 1024


@dataclass(slots=True)
class Refusal:
    """What an address is answered instead of 250, and how often (None: always)."""

    code: int
    times: int | None = None

    @classmethod
    def parse(cls, text: str) -> "tuple[str, Refusal]":
        """Return the address and the refusal that ADDRESS=CODE or ADDRESS=CODExTIMES stands for.

        >>> Refusal.parse("a@b.example=451x2")
        ('a@b.example', Refusal(code=451, times=2))
        """
        address, separator, answer = text.rpartition("=")
        code, _, times = answer.partition("x")
        if not separator or not address or not code.isdigit() or not 400 <= int(code) <= 599:
            raise argparse.ArgumentTypeError(f"{text!r} is not ADDRESS=CODE with a code from 400 to 599")
        if times and not times.isdigit():
            raise argparse.ArgumentTypeError(f"{text!r}: after the x there must be a number")
        return address.lower(), cls(int(code), int(times) if times else None)


class MailSink:
    """The handler that aiosmtpd calls."""

    def __init__(self, folder: Path, refusals: dict[str, Refusal]) -> None:
        self._folder = folder
        self._refusals = refusals
        self._numbers = itertools.count(len(list(folder.glob("*.eml"))) + 1)

    async def handle_RCPT(  # noqa: N802 - aiosmtpd's name
        self, _server: SMTP, _session: Session, envelope: Envelope, address: str, _options: list[str]
    ) -> str:
        """Accept a recipient, or refuse it as told."""
        refusal = self._refusals.get(address.lower())
        if refusal is not None and refusal.times != 0:
            if refusal.times is not None:
                refusal.times -= 1
            word = "mailbox unavailable" if refusal.code >= 500 else "try again later"
            return f"{refusal.code} {word}: {address}"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, _server: SMTP, _session: Session, envelope: Envelope) -> str:  # noqa: N802
        """Keep the mail as a file, whole or not at all."""
        number = next(self._numbers)
        content = envelope.original_content or b""
        heads = "".join(f"X-Envelope-To: {address}\r\n" for address in envelope.rcpt_tos)
        part, whole = self._folder / f".{number:06d}.part", self._folder / f"{number:06d}.eml"
        part.write_bytes(heads.encode() + content)
        part.rename(whole)
        return f"250 kept as {whole.name}"


async def serve(port: int, folder: Path, refusals: dict[str, Refusal], stop: asyncio.Event) -> None:
    """Listen on 127.0.0.1 until `stop` is set."""
    sink = MailSink(folder, refusals)
    loop = asyncio.get_running_loop()
    server = await loop.create_server(
        lambda: SMTP(sink, data_size_limit=_MAX_MAIL_BYTES, enable_SMTPUTF8=True, hostname="mailsink", loop=loop),
        "127.0.0.1",
        port,
    )
    async with server:
        listens_on = server.sockets[0].getsockname()[1]
        sys.stdout.write(json.dumps({"port": listens_on, "dir": str(folder), "pid": os.getpid()}) + "\n")
        sys.stdout.flush()
        await stop.wait()


async def run(arguments: argparse.Namespace) -> None:
    """Serve until SIGTERM or SIGINT."""
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    await serve(arguments.port, arguments.dir, dict(arguments.reject), stop)


def main(argv: Sequence[str] | None = None) -> None:
    """Read the arguments and serve."""
    parser = argparse.ArgumentParser(prog="python -m shared.embedded.mailsink", description="Keep mails as files.")
    parser.add_argument("--port", type=int, default=0, help="port on 127.0.0.1; 0 takes a free one")
    parser.add_argument("--dir", type=Path, required=True, help="folder for the .eml files")
    parser.add_argument("--reject", type=Refusal.parse, action="append", default=[], metavar="ADDRESS=CODE[xTIMES]")
    arguments = parser.parse_args(argv)
    try:
        arguments.dir.mkdir(parents=True, exist_ok=True)
        asyncio.run(run(arguments))
    except OSError as error:
        sys.exit(f"mailsink: cannot keep mails from 127.0.0.1:{arguments.port} in {arguments.dir}: {error}")


if __name__ == "__main__":
    main()
