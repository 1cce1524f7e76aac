import datetime as dt
import hashlib
from dataclasses import replace

import pytest

from services.notifier.domain.chain import (
    GENESIS,
    Block,
    Break,
    Fault,
    SealedLine,
    broken_line,
    broken_link,
    digest_of,
    hash_of,
    text_of,
)

AT = dt.datetime(2024, 10, 15, 2, 30, tzinfo=dt.UTC)


def a_line(number: int, details: str = '{"word": "đạt \\"x\\""}') -> SealedLine:
    return SealedLine(number, 7, AT, "sent", None, "d1", "Nguyễn Văn A", details)


def a_block(number: int, lines: list[SealedLine], previous: str = GENESIS) -> Block:
    digests = b"".join(map(digest_of, lines))
    block = Block(number, 0, lines[0].id, lines[-1].id, 7, 7, len(lines), AT, previous, digests, "")
    return replace(block, hash=hash_of(block))


LINES = [a_line(number) for number in range(1, 6)]


def test_a_line_is_hashed_as_a_json_array_in_utf8() -> None:
    text = '[1, 7, "2024-10-15T02:30:00.000000Z", "sent", null, "d1", "Nguyễn Văn A", "{}"]'

    assert text_of(a_line(1, "{}")) == text
    assert digest_of(a_line(1, "{}")) == hashlib.sha256(text.encode()).digest()


@pytest.mark.parametrize(
    ("found", "broken"),
    [
        (LINES, None),
        ([*LINES[:2], a_line(3, "{}"), *LINES[3:]], Break(Fault.CHANGED, 1, 3, 2)),
        ([*LINES[:2], *LINES[3:]], Break(Fault.DELETED, 1, after_line=2)),
        (LINES[1:], Break(Fault.DELETED, 1)),
        (LINES[:4], Break(Fault.DELETED, 1, after_line=4)),
        ([], Break(Fault.DELETED, 1)),
        ([*LINES[:2], a_line(99), *LINES[2:]], Break(Fault.INSERTED, 1, 99, 2)),
        ([*LINES, a_line(99)], Break(Fault.INSERTED, 1, 99, 5)),
    ],
)
def test_the_first_line_that_is_not_what_was_sealed_is_named(found: list[SealedLine], broken: Break | None) -> None:
    assert broken_line(a_block(1, LINES), found) == broken


def test_a_block_holds_its_place_by_the_hash_of_the_block_before() -> None:
    first = a_block(1, LINES)
    second = a_block(2, LINES, first.hash)

    assert broken_link(first, None) is None
    assert broken_link(second, first) is None
    assert broken_link(second, None) == Break(Fault.BLOCK_MISSING, 1)
    assert broken_link(replace(second, rows=4), first) == Break(Fault.BLOCK_CHANGED, 2)
    assert broken_link(replace(second, digests=b"x" * 32), first) == Break(Fault.BLOCK_CHANGED, 2)
    assert broken_link(a_block(2, LINES), first) == Break(Fault.BLOCK_CHANGED, 2)
