"""Damages to a valid body: what broken software, bad lines and hostile people do to bytes."""

from collections.abc import Callable, Sequence
from random import Random
from typing import Final

MAX_BYTES: Final = 64 * 1024
ODD_BYTES: Final = (
    b"\0", b"\x01", b"\x7f", b"\xff", b"\xc0\xaf", b"\xed\xa0\x80", b"\xf4\x90\x80\x80", b"\xef\xbb\xbf", b"\xff\xfe",
    b"\xfe\xff", b"\xe1\xba\xa1", b"a\xcc\x81", b"\xe2\x80\xa8", b"\xc2\x85", b"\r", b"\n", b"\r\n\r\n", b"\t", b" ",
    b'"', b'""', b"'", b"\\", b"\\u0000", b"\\ud800", b"\\udc00\\ud800", b"\\x", b"{", b"}", b"[", b"]", b":", b",",
    b";", b"|", b"<", b">", b"/", b"</", b"/>", b"&", b"&amp;", b"&#0;", b"&#xD800;", b"&#x1F600;", b"&x;", b"<!--",
    b"-->", b"<![CDATA[", b"]]>", b"<?x ?>", b"<!DOCTYPE a [<!ENTITY x 'y'>]>", b'xmlns="a"', b'xml:id="x"', b"null",
    b"true", b"NaN", b"-Infinity", b"1e400", b"-1", b"-0", b"1e-400", b"0x10", b"1_0", b"9223372036854775807",
    b"9223372036854775808", b"9" * 400, b"0." + b"3" * 400, b"1.5", b"1,5", b"0000", b"0000-00-00", b"9999-12-31",
    b"9999-12-31T23:59:59-14:00", b"0001-01-01T00:00:00+14:00", b"2024-02-30", b"2024-13", b"2024W53", b"/P9999Y",
    b"2024-09-31/P1M", b"\xd9\xa3", b"\xef\xbc\x91", b"\xc2\xb2", b"=1+1", b"@SUM(A1)", b"--b", b"--b--", b"%00",
    b"%zz", b"+07:00", b"Z",
)  # fmt: skip
_DEPTHS: Final = (5, 50, 600, 3_000, 20_000)
_OPENINGS: Final = (b"[", b'{"a":', b"<a>", b"(", b'[{"data":', b"<group>")
_ENCODINGS: Final = ("utf-16", "utf-16-le", "utf-16-be", "utf-32", "cp1258", "latin-1", "utf-8-sig", "utf-7")

Mutation = Callable[[Random, bytes, Sequence[bytes]], bytes]


def _place(random: Random, body: bytes) -> int:
    return random.randrange(len(body) + 1)


def _span(random: Random, body: bytes) -> tuple[int, int]:
    start = _place(random, body)
    return start, min(len(body), start + int(random.expovariate(1 / 12)))


def flip_bits(random: Random, body: bytes, others: Sequence[bytes]) -> bytes:
    changed = bytearray(body)
    for _ in range(random.choice((1, 1, 2, 8)) if body else 0):
        changed[random.randrange(len(changed))] ^= 1 << random.randrange(8)
    return bytes(changed)


def truncate(random: Random, body: bytes, others: Sequence[bytes]) -> bytes:
    return body[: _place(random, body)] if random.random() < 0.8 else body[_place(random, body) :]


def put_odd(random: Random, body: bytes, others: Sequence[bytes]) -> bytes:
    start, end = _span(random, body)
    return body[:start] + random.choice(ODD_BYTES) + body[random.choice((start, end)) :]


def splice(random: Random, body: bytes, others: Sequence[bytes]) -> bytes:
    other = random.choice(others) if others else body
    start, at = _place(random, other), _place(random, body)
    end = start + random.choice((4, 40, 400, len(other)))
    return body[:at] + other[start:end] + body[random.choice((at, _span(random, body)[1])) :]


def repeat(random: Random, body: bytes, others: Sequence[bytes]) -> bytes:
    start = _place(random, body)
    end = min(len(body), start + random.choice((1, 5, 40, 400)))
    return body[:end] + body[start:end] * random.choice((1, 1, 2, 30, 2_000)) + body[end:]


def drop(random: Random, body: bytes, others: Sequence[bytes]) -> bytes:
    start, end = _span(random, body)
    return body[:start] + body[end:]


def recode(random: Random, body: bytes, others: Sequence[bytes]) -> bytes:
    return body.decode("utf-8", "replace").encode(random.choice(_ENCODINGS), "replace")


def swap(random: Random, body: bytes, others: Sequence[bytes]) -> bytes:
    one, two = sorted((_span(random, body), _span(random, body)))
    if one[1] > two[0]:
        return body
    return body[: one[0]] + body[two[0] : two[1]] + body[one[1] : two[0]] + body[one[0] : one[1]] + body[two[1] :]


def renumber(random: Random, body: bytes, others: Sequence[bytes]) -> bytes:
    """Put another number in the place of one."""
    digits = [at for at, byte in enumerate(body) if 48 <= byte <= 57]
    if not digits:
        return body
    start = end = random.choice(digits)
    while end < len(body) and 48 <= body[end] <= 57:
        end += 1
    return body[:start] + str(random.choice((0, 1, 9, 99, 2**31, 2**63, 10**30, -1, 0.5))).encode() + body[end:]


def nest(random: Random, body: bytes, others: Sequence[bytes]) -> bytes:
    at = _place(random, body)
    return body[:at] + random.choice(_OPENINGS) * random.choice(_DEPTHS) + body[at:]


def fill(random: Random, body: bytes, others: Sequence[bytes]) -> bytes:
    """Repeat one piece until the body is as large as may be: what takes time by the square of its length shows then."""
    start, end = _span(random, body)
    end = random.choice((end, min(len(body), start + 150)))
    if start == end:
        return body
    return body[:end] + body[start:end] * (max(0, MAX_BYTES - len(body)) // (end - start)) + body[end:]


_MUTATIONS: Final[tuple[Mutation, ...]] = (
    flip_bits, flip_bits, truncate, put_odd, put_odd, put_odd, splice, splice, repeat, drop, drop, swap, renumber,
    renumber,
)  # fmt: skip
_RARE: Final[tuple[Mutation, ...]] = (recode, nest, fill)


def mutate(random: Random, body: bytes, others: Sequence[bytes]) -> bytes:
    """Return a body with a few damages, of at most 64 KB; `others` lend their pieces."""
    for _ in range(random.choice((1, 1, 1, 2, 2, 3, 5))):
        mutation = random.choice(_RARE if random.random() < 0.04 else _MUTATIONS)
        body = mutation(random, body, others)
    return body[:MAX_BYTES]
