"""Bodies within a limit, compressed or not."""

import gzip
from collections.abc import AsyncIterator

import pytest

from services.ingest.adapters.web.bodies import declared_length, inflate, read_body
from services.ingest.domain.errors import BodyTooLargeError, MalformedBodyError, UnsupportedFormatError


async def chunks(*parts: bytes) -> AsyncIterator[bytes]:
    for part in parts:
        yield part


async def test_a_body_is_put_together() -> None:
    assert await read_body(chunks(b"ab", b"c", b""), {}, 3) == b"abc"


async def test_a_body_over_the_limit_is_refused_while_it_comes() -> None:
    seen: list[int] = []

    async def endless() -> AsyncIterator[bytes]:
        while True:
            seen.append(1)
            yield b"x" * 10

    with pytest.raises(BodyTooLargeError):
        await read_body(endless(), {}, 25)
    assert len(seen) == 3


def test_an_announced_length_over_the_limit_is_refused_at_once() -> None:
    assert declared_length({"content-length": "10"}, 10) == 10
    assert declared_length({}, 10) == 10
    with pytest.raises(BodyTooLargeError):
        declared_length({"content-length": "11"}, 10)


async def test_gzip_is_inflated_also_in_several_members() -> None:
    body = gzip.compress(b"one ") + gzip.compress(b"two")

    assert await read_body(chunks(body[:9], body[9:]), {"content-encoding": "gzip"}, 100) == b"one two"


def test_a_gzip_bomb_is_refused_before_it_unfolds() -> None:
    with pytest.raises(BodyTooLargeError):
        inflate(gzip.compress(b"0" * 10_000_000), 1_000_000)


@pytest.mark.parametrize("body", [b"not gzip", gzip.compress(b"cut off")[:-6], b"\x1f\x8b"])
def test_a_broken_gzip_is_refused(body: bytes) -> None:
    with pytest.raises(MalformedBodyError):
        inflate(body, 1_000)


async def test_another_encoding_is_refused() -> None:
    with pytest.raises(UnsupportedFormatError):
        await read_body(chunks(b""), {"content-encoding": "br"}, 10)
