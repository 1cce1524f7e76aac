"""Bodies within a limit of size, memory and time, compressed or not."""

import asyncio
import gzip
from collections.abc import AsyncIterator, Mapping

import pytest

from services.ingest.adapters.web.bodies import BodyReader
from services.ingest.adapters.web.memory import BodyMemory
from services.ingest.domain.errors import (
    BodyTooLargeError,
    MalformedBodyError,
    OverloadedError,
    SlowBodyError,
    UnsupportedFormatError,
)

GZIP = {"content-encoding": "gzip"}
LIMIT = 1_000_000


async def chunks(*parts: bytes) -> AsyncIterator[bytes]:
    for part in parts:
        yield part


async def read(*parts: bytes, headers: Mapping[str, str] | None = None, limit: int = LIMIT) -> bytes:
    memory = BodyMemory(10 * LIMIT)
    try:
        async with BodyReader(limit, memory, 10).read(chunks(*parts), headers or {}, "hmis") as body:
            return body
    finally:
        assert memory.held == 0


async def test_a_body_is_put_together() -> None:
    assert await read(b"ab", b"c", b"", limit=3) == b"abc"


async def test_a_body_over_the_limit_is_refused_while_it_comes() -> None:
    seen: list[int] = []

    async def endless() -> AsyncIterator[bytes]:
        while True:
            seen.append(1)
            yield b"x" * 10

    with pytest.raises(BodyTooLargeError):
        async with BodyReader(25, BodyMemory(100), 10).read(endless(), {}, "hmis"):
            pass
    assert len(seen) == 3


async def test_an_announced_length_over_the_limit_is_refused_at_once() -> None:
    assert await read(b"x", headers={"content-length": "10"}, limit=10) == b"x"
    with pytest.raises(BodyTooLargeError):
        await read(b"x", headers={"content-length": "11"}, limit=10)


async def test_a_body_that_does_not_come_in_time_is_refused_and_its_memory_given_back() -> None:
    async def stalled() -> AsyncIterator[bytes]:
        yield b"x" * 1000
        await asyncio.Event().wait()

    memory = BodyMemory(LIMIT)
    with pytest.raises(SlowBodyError):
        async with BodyReader(LIMIT, memory, 0.02).read(stalled(), {"content-length": "2000"}, "hmis"):
            pass
    assert memory.held == 0


async def test_what_is_done_with_a_body_may_take_longer_than_its_reading() -> None:
    async with BodyReader(LIMIT, BodyMemory(LIMIT), 0.02).read(chunks(b"x"), {}, "hmis") as body:
        late = asyncio.Event()
        asyncio.get_running_loop().call_later(0.05, late.set)
        await late.wait()
        assert body == b"x"


@pytest.mark.parametrize("cut", [1, 9, 23, 24, 25, 40])
async def test_gzip_is_inflated_also_in_several_members_with_zeros_between(cut: int) -> None:
    body = gzip.compress(b"one ") + b"\0\0\0" + gzip.compress(b"two") + b"\0"

    assert await read(body[:cut], body[cut:], headers=GZIP) == b"one two"
    assert await read(*(body[at : at + 1] for at in range(len(body))), headers=GZIP) == b"one two"


async def test_a_large_gzip_comes_out_whole() -> None:
    content = bytes(range(256)) * 3_000

    assert await read(gzip.compress(content), headers=GZIP) == content
    assert await read(b"", headers=GZIP) == b""


async def test_a_gzip_bomb_is_refused_before_it_unfolds() -> None:
    memory = BodyMemory(10 * LIMIT)
    most = 0

    async def bomb() -> AsyncIterator[bytes]:
        nonlocal most
        body = gzip.compress(b"0" * 100_000_000)
        for at in range(0, len(body), 100):
            most = max(most, memory.held)
            yield body[at : at + 100]

    with pytest.raises(BodyTooLargeError):
        async with BodyReader(LIMIT, memory, 10).read(bomb(), GZIP, "hmis"):
            pass
    assert 0 < most <= LIMIT


@pytest.mark.parametrize("body", [b"not gzip", gzip.compress(b"cut off")[:-6], b"\x1f\x8b"])
async def test_a_broken_gzip_is_refused(body: bytes) -> None:
    with pytest.raises(MalformedBodyError):
        await read(body, headers=GZIP)


async def test_an_endless_gzip_of_nothing_is_refused() -> None:
    with pytest.raises(BodyTooLargeError):
        await read(*[gzip.compress(b"")] * 10, headers=GZIP, limit=100)


async def test_another_encoding_is_refused() -> None:
    with pytest.raises(UnsupportedFormatError):
        await read(headers={"content-encoding": "br"})


async def test_a_gzip_counts_as_what_it_unfolds_to() -> None:
    memory = BodyMemory(2 * LIMIT)
    reader = BodyReader(LIMIT, memory, 10)
    body = gzip.compress(b" " * 600_000)

    async with reader.read(chunks(body), GZIP, "hmis"):
        assert memory.held == 600_000
        with pytest.raises(OverloadedError):
            async with reader.read(chunks(body), GZIP, "hmis"):
                pass
        assert memory.held == 600_000
    assert memory.held == 0


def test_one_source_holds_at_most_half_of_the_memory_and_all_together_no_more_than_all() -> None:
    memory = BodyMemory(100)
    with memory.body_of("hmis") as first, memory.body_of("hmis") as second, memory.body_of("bhxh") as other:
        first(30)
        second(20)
        with pytest.raises(OverloadedError, match="hmis"):
            second(1)
        other(50)
        with memory.body_of("agri") as third, pytest.raises(OverloadedError):
            third(1)
    with memory.body_of("hmis") as again:
        again(50)
        assert memory.held == 50


def test_a_body_that_is_alone_is_let_in_whatever_the_limit() -> None:
    memory = BodyMemory(10)
    with memory.body_of("hmis") as alone:
        alone(15)
        alone(15)
        assert memory.held == 30
    assert memory.held == 0
