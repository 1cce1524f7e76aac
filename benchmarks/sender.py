"""The load generator, a process of its own: posts a workload over keep-alive connections and times every answer.

`python -m benchmarks.sender FILE ...` cuts the file into bodies, prints "ready", waits for a line on standard input,
posts, and writes what it saw as JSON into a file. Without `--rate` every connection posts its next body as soon as the
last one was answered (closed loop). With it each post has a moment fixed in advance (open loop), and its latency counts
from that moment whether or not the connection was free. A commune's reports stay on one connection, in their order.
"""

import argparse
import asyncio
import os
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain, zip_longest
from pathlib import Path
from typing import cast

import msgspec
import uvloop

TOKEN_VARIABLE = "BENCH_TOKEN"  # noqa: S105 - the name of a variable
SERVICE_UNAVAILABLE = 503
_ANSWERED = (202, 422)
"""Taken in; or every row of the body set aside in the quarantine, and committed there."""
_PAUSE_SECONDS = 0.1
_COMMUNE = b'"commune":"'
_HEAD_END = b"\r\n\r\n"
_LENGTH = b"content-length:"


class Sent(msgspec.Struct):
    """What a sender did: rows answered for, answers of 503, moments of first post and last answer, times by post."""

    rows: int
    posts: int
    refused: int
    started: float
    ended: float
    cpu_seconds: float
    times: list[tuple[float, float]]
    """For every post the moment it was sent (open loop: was due) and the moment it was answered, as epoch seconds."""


class _Receipt(msgspec.Struct):
    accepted: int = 0
    duplicates: int = 0
    quarantined: int = 0


_read_receipt = msgspec.json.Decoder(_Receipt).decode


class RefusedError(Exception):
    """Ingest did not take a body in."""

    def __init__(self, status: int, body: bytes) -> None:
        super().__init__(f"{status} {body.decode(errors='replace')[:500]}")
        self.status = status


@dataclass(frozen=True)
class Post:
    """One request: its body, its connection, and when it is due, in seconds after the start (closed loop: 0)."""

    body: bytes
    connection: int
    due: float


def bodies_by_connection(workload: Path, connections: int, lines_per_post: int) -> list[list[bytes]]:
    """Return the request bodies of every connection; the reports of a commune keep their order on one connection."""
    lines: list[list[bytes]] = [[] for _ in range(connections)]
    for line in workload.read_bytes().splitlines(keepends=True):
        start = line.find(_COMMUNE) + len(_COMMUNE)
        commune = line[start : line.find(b'"', start)] if start >= len(_COMMUNE) else b""
        lines[sum(commune) % connections].append(line)
    return [[b"".join(part[i : i + lines_per_post]) for i in range(0, len(part), lines_per_post)] for part in lines]


def plan(bodies: Sequence[Sequence[bytes]], posts_per_s: float | None) -> list[Post]:
    """Return all posts, the connections taking turns; with a rate they are due at equal distances.

    >>> [(post.connection, post.due) for post in plan([[b"a", b"b"], [b"c"]], 10)]
    [(0, 0.0), (1, 0.1), (0, 0.2)]
    """
    rounds = zip_longest(*([(number, body) for body in part] for number, part in enumerate(bodies)))
    turns = [turn for turn in chain.from_iterable(rounds) if turn is not None]
    return [
        Post(body, connection, 0.0 if posts_per_s is None else index / posts_per_s)
        for index, (connection, body) in enumerate(turns)
    ]


class Connection(asyncio.Protocol):
    """One keep-alive connection: HTTP/1.1, one request at a time, as little work as possible."""

    def __init__(self, head: bytes) -> None:
        self._head = head
        self._transport: asyncio.WriteTransport | None = None
        self._received = b""
        self._answer: asyncio.Future[tuple[int, bytes]] | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport."""
        self._transport = cast(asyncio.WriteTransport, transport)  # uvloop's own class is no subclass

    def data_received(self, data: bytes) -> None:
        """Collect an answer; when it is whole, hand it to the one who waits."""
        self._received += data
        head, end, body = self._received.partition(_HEAD_END)
        if not end or self._answer is None:
            return
        lowered = head.lower()
        start = lowered.index(_LENGTH) + len(_LENGTH)
        if len(body) >= int(lowered[start:].split(b"\r\n", 1)[0]):
            self._received = b""
            self._answer.set_result((int(head[9:12]), body))

    def connection_lost(self, exc: Exception | None) -> None:
        """Tell the one who waits."""
        if self._answer is not None and not self._answer.done():
            self._answer.set_exception(exc or ConnectionError("ingest closed the connection"))

    def close(self) -> None:
        """Close the connection."""
        if self._transport is not None:
            self._transport.close()

    async def post(self, body: bytes) -> _Receipt:
        """Post a body and return what became of its rows."""
        assert self._transport is not None
        self._answer = asyncio.get_running_loop().create_future()
        self._transport.write(b"%bContent-Length: %d\r\n\r\n%b" % (self._head, len(body), body))
        status, answer = await self._answer
        if status not in _ANSWERED:
            raise RefusedError(status, answer)
        return _read_receipt(answer)


class Sender:
    """Posts what is planned and remembers the times."""

    def __init__(self, posts: Sequence[Post]) -> None:
        self._posts = posts
        self._times: list[tuple[float, float]] = [(0.0, 0.0)] * len(posts)
        self._rows = self._refused = 0

    async def run(self, connections: Sequence[Connection]) -> Sent:
        """Post everything, all connections at once."""
        work: list[list[int]] = [[] for _ in connections]
        for index, post in enumerate(self._posts):
            work[post.connection].append(index)
        cpu_before, started = time.process_time(), time.time()
        async with asyncio.TaskGroup() as group:
            for connection, indexes in zip(connections, work, strict=True):
                group.create_task(self._post_in_order(connection, indexes, started))
        return Sent(
            rows=self._rows,
            posts=len(self._posts),
            refused=self._refused,
            started=started,
            ended=time.time(),
            cpu_seconds=time.process_time() - cpu_before,
            times=self._times,
        )

    async def _post_in_order(self, connection: Connection, indexes: Sequence[int], started: float) -> None:
        for index in indexes:
            post = self._posts[index]
            due = time.time()
            if post.due:
                wait, due = started + post.due - due, started + post.due
                if wait > 0:
                    await asyncio.sleep(wait)
            receipt = await self._post_until_taken(connection, post.body)
            self._times[index] = (due, time.time())
            self._rows += receipt.accepted + receipt.duplicates + receipt.quarantined

    async def _post_until_taken(self, connection: Connection, body: bytes) -> _Receipt:
        while True:
            try:
                return await connection.post(body)
            except RefusedError as error:
                if error.status != SERVICE_UNAVAILABLE:
                    raise
                self._refused += 1
                await asyncio.sleep(_PAUSE_SECONDS)


async def _run(options: argparse.Namespace, posts: Sequence[Post]) -> Sent:
    head = (
        f"POST /v1/events HTTP/1.1\r\nHost: {options.host}:{options.port}\r\n"
        f"Authorization: Bearer {os.environ[TOKEN_VARIABLE]}\r\nContent-Type: application/x-ndjson\r\n"
    ).encode()
    loop = asyncio.get_running_loop()
    connections = [
        (await loop.create_connection(lambda: Connection(head), options.host, options.port))[1]
        for _ in range(options.connections)
    ]
    print("ready", flush=True)
    await asyncio.to_thread(sys.stdin.readline)
    sent = await Sender(posts).run(connections)
    for connection in connections:
        connection.close()
    return sent


def main() -> None:
    """Post the file that the arguments name and write down what was seen."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.sender", description=__doc__)
    parser.add_argument("file", type=Path)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--connections", type=int, required=True)
    parser.add_argument("--lines", type=int, required=True, help="reports in each body")
    parser.add_argument("--out", type=Path, required=True, help="file for what was seen")
    parser.add_argument("--rate", type=float, default=None, help="posts a second, open loop")
    options = parser.parse_args()
    posts = plan(bodies_by_connection(options.file, options.connections, options.lines), options.rate)
    sent = uvloop.run(_run(options, posts))
    options.out.write_bytes(msgspec.json.encode(sent))


if __name__ == "__main__":
    main()
