"""Posting a workload: bodies of 1,000 NDJSON lines over a few connections, each commune always on the same one."""

import asyncio
from collections.abc import Sequence
from pathlib import Path

import httpx

LINES_PER_REQUEST = 1_000
_COMMUNE = b'"commune":"'


def bodies_by_connection(workload: Path, connections: int) -> list[list[bytes]]:
    """Return the request bodies of every connection; the reports of a commune keep their order on one connection."""
    lines: list[list[bytes]] = [[] for _ in range(connections)]
    for line in workload.read_bytes().splitlines():
        start = line.find(_COMMUNE) + len(_COMMUNE)
        commune = line[start : line.find(b'"', start)] if start >= len(_COMMUNE) else b""
        lines[sum(commune) % connections].append(line)
    return [
        [b"\n".join(part[i : i + LINES_PER_REQUEST]) + b"\n" for i in range(0, len(part), LINES_PER_REQUEST)]
        for part in lines
    ]


async def post_all(url: str, token: str, bodies: Sequence[Sequence[bytes]]) -> int:
    """Post every connection's bodies one after another, all connections at once; return the rows answered for."""
    headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/x-ndjson"}
    limits = httpx.Limits(max_connections=len(bodies), max_keepalive_connections=len(bodies))
    async with httpx.AsyncClient(base_url=url, headers=headers, timeout=60, limits=limits) as client:
        counts = await asyncio.gather(*(_post_in_order(client, part) for part in bodies))
    return sum(counts)


async def _post_in_order(client: httpx.AsyncClient, bodies: Sequence[bytes]) -> int:
    answered = 0
    for body in bodies:
        response = await client.post("/v1/events", content=body)
        response.raise_for_status()
        report = response.json()
        answered += report["accepted"] + report["duplicates"] + report["quarantined"]
    return answered
