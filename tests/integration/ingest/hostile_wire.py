"""Hostile HTTP: lengths that lie, senders that stall or vanish, forms without end, tricks with tokens and paths."""

# ruff: noqa: E501 - tables, one case a line

import socket
from collections.abc import Callable, Iterator

from tests.integration.ingest.hostile import (
    DHIS2,
    EVENTS,
    IMPORT,
    JSON,
    NOBODY,
    OVER,
    SECONDS,
    XML,
    Attack,
    Target,
    chunked,
    head,
    post,
    raw,
)
from tests.integration.ingest.hostile_persons import GOOD_EVENT, GOOD_VALUE, giamdinh

BROKEN, LARGE, SLOW, NO_TOKEN, WRONG = "malformed_body", "body_too_large", "body_too_slow", "unauthorized", "http"
GOOD = f'{{"dataValues":[{GOOD_VALUE}]}}'.encode()
GB = 1 << 30
BLANKS = b" " * (1 << 16)
FORM = "multipart/form-data; boundary=b"


Play = Callable[[Target], Iterator[bytes]]


def announced(length: str, body: bytes = b"", path: str = IMPORT, **headers: str) -> Play:
    def pieces(target: Target) -> Iterator[bytes]:
        yield head("POST", path, target.token, {"Content-Type": JSON, "Content-Length": length} | headers)
        yield body

    return pieces


def stalled(beginning: bytes, path: str = IMPORT) -> Play:
    return announced("1000000", beginning, path)


def endless(path: str, size: int, beginning: bytes = b"", **headers: str) -> Play:
    def pieces(target: Target) -> Iterator[bytes]:
        def body() -> Iterator[bytes]:
            yield beginning or b" "
            for _ in range(size // len(BLANKS)):
                yield BLANKS

        yield from chunked(path, target, body(), **headers)

    return pieces


def plain(text: str, body: bytes = b"") -> Play:
    """Bytes as they are; {token} stands for a good one."""

    def pieces(target: Target) -> Iterator[bytes]:
        yield text.replace("{token}", target.token).encode("latin-1") + body

    return pieces


def hang_up(path: str) -> Attack:
    """An upload whose sender goes away in its middle."""

    def pieces(target: Target) -> Iterator[bytes]:
        with socket.create_connection(("127.0.0.1", target.port), timeout=5) as line:
            line.sendall(head("POST", path, target.token, {"Content-Type": JSON, "Content-Length": "900000"}) + BLANKS)
        yield b""

    return raw(f"a sender to {path} that hangs up", "half a body, then nothing", pieces, (NOBODY,), seconds=0.3)


def form(*parts: bytes, end: bytes = b"--b--\r\n") -> bytes:
    return b"".join(b"--b\r\n" + part + b"\r\n" for part in parts) + end


def part(disposition: str, content: bytes = GOOD, more: str = "") -> bytes:
    return f"Content-Disposition: form-data; {disposition}\r\n{more}\r\n".encode() + content


FILE = 'name="file"; filename="a.json"'
LONG = part(FILE, GOOD, "X-Long: " + "x" * 900_000 + "\r\n")
NESTED = part(FILE, form(part(FILE)), "Content-Type: multipart/mixed; boundary=c\r\n")
_FORMS: list[tuple[str, bytes, int | tuple[int, ...], str, str]] = [
    ("a form without a boundary", form(part(FILE)), 400, BROKEN, "multipart/form-data"),
    ("a form with an empty boundary", form(part(FILE)), 400, BROKEN, 'multipart/form-data; boundary=""'),
    ("a form with a boundary of 10 KB", form(part(FILE)), 400, BROKEN, f"multipart/form-data; boundary={'b' * 10_000}"),
    ("a form of another boundary", form(part(FILE)), 400, BROKEN, "multipart/form-data; boundary=c"),
    ("a form of 10,000 files", form(*[part(FILE)] * 10_000), 400, BROKEN, FORM),
    ("a form of 10,000 fields", form(*[part(f'name="f{n}"', b"x") for n in range(10_000)]), 400, BROKEN, FORM),
    ("a form in a form", form(NESTED), (400, 415), "", FORM),
    ("a header of 900 KB in a form", form(LONG), 400, BROKEN, FORM),
    ("10,000 headers in a part", form(part(FILE, GOOD, "X: y\r\n" * 10_000)), 400, BROKEN, FORM),
    ("a form without its end", form(part(FILE), end=b""), 400, BROKEN, FORM),
    ("a form of nothing", form(), 400, BROKEN, FORM),
    ("a part without a name", form(part('filename="a"')), 400, BROKEN, FORM),
    ("a part without headers", form(b"\r\nx"), 400, BROKEN, FORM),
    ("a path for a file name", form(part('name="file"; filename="../../../etc/passwd"')), (200, 202), "taken", FORM),
    ("a header in a file name", form(part('name="file"; filename="a%0d%0aX: y"')), (200, 202), "taken", FORM),
    ("letters from right to left in a file name", form(part('name="file"; filename="a\u202egpj.exe"')), (200, 202), "taken", FORM),
    ("a part in base64", form(part(FILE, b"e30=", "Content-Transfer-Encoding: base64\r\n")), 400, BROKEN, FORM),
    ("a field of 900 KB", form(part('name="period"', b"x" * 900_000)), 400, BROKEN, FORM),
    ("a field given twice", form(*[part('name="period"', b"202409")] * 2), 400, BROKEN, FORM),
    ("a field that nobody knows", form(part(FILE), part('name="admin"', b"true")), 409, "unsupported_request", FORM),
    ("persons beside a good file", form(part(FILE), part(FILE, giamdinh())), (200, 202), "patient_level_data", FORM),
    ("a form of 900 KB of dashes", b"-" * 900_000, 400, BROKEN, FORM),
]  # fmt: skip

H = "Host: ingest\r\nContent-Type: application/json\r\n"
AUTH = H + "Authorization: Bearer {token}\r\n"
_RAW = [
    raw("1 GB announced", "Content-Length: 1 GB, and no body", announced(str(GB)), (413,), LARGE),
    raw("1 GB announced to events", "Content-Length: 1 GB", announced(str(GB), path=EVENTS), (413,), LARGE),
    raw("10**30 bytes announced", "Content-Length of 31 digits", announced("1" + "0" * 30), (400, 413)),
    raw("a negative length", "Content-Length: -1", announced("-1", GOOD), (400,)),
    raw("a length of words", "Content-Length: many", announced("many", GOOD), (400,)),
    raw("two lengths", "two Content-Lengths", plain(f"POST {IMPORT} HTTP/1.1\r\n{AUTH}Content-Length: 5\r\nContent-Length: 6\r\n\r\n12345"), (400,)),
    raw("length and chunks", "Content-Length and chunked", plain(f"POST {IMPORT} HTTP/1.1\r\n{AUTH}Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"), (400,)),
    raw("a body longer than announced", "a second request hidden behind the body", announced("2", b"{}GET /admin HTTP/1.1\r\n\r\n"), (400, 415)),
    raw("a body shorter than announced", "then the line is left open", stalled(b"{"), (408,), SLOW),
    raw("chunks of no size", "chunk size ZZZ", plain(f"POST {IMPORT} HTTP/1.1\r\n{AUTH}Transfer-Encoding: chunked\r\n\r\nZZZ\r\n"), (400,)),
    raw("a chunk of 2**64", "chunk size FFFFFFFFFFFFFFFFF", plain(f"POST {IMPORT} HTTP/1.1\r\n{AUTH}Transfer-Encoding: chunked\r\n\r\nFFFFFFFFFFFFFFFFF\r\n"), (400,)),
    raw("an unknown transfer", "Transfer-Encoding: gzip", plain(f"POST {IMPORT} HTTP/1.1\r\n{AUTH}Transfer-Encoding: gzip\r\n\r\n"), (400, 501)),
    raw("a body without end", "chunks until the limit", endless(IMPORT, OVER), (413,), LARGE),
    raw("a body without end to events", "chunks until the limit", endless(EVENTS, OVER), (413,), LARGE),
    raw("a body without end to DHIS2", "chunks until the limit", endless(DHIS2, OVER), (413,)),
    raw("a form without end", "a header that never ends, in chunks", endless(IMPORT, OVER, b"--b\r\nX: ", **{"Content-Type": FORM}), (400, 413)),
    raw("a slow body", "1 byte, then nothing", stalled(b" ", EVENTS), (408,), SLOW),
    raw("slow headers", "half a head, then nothing", plain(f"POST {IMPORT} HTTP/1.1\r\nHost: ing"), (NOBODY, 408), seconds=1),
    raw("a head of 1 MB", "a header of 1 MB", plain(f"POST {IMPORT} HTTP/1.1\r\n{AUTH}X: {'x' * 1_000_000}\r\n\r\n"), (400, 431)),
    raw("100,000 headers", "100,000 headers", plain(f"POST {IMPORT} HTTP/1.1\r\n{AUTH}{'X: y' * 1}" + "\r\nX: y" * 100_000 + "\r\nContent-Length: 0\r\n\r\n"), (400, 431)),
    raw("an address of 1 MB", "a path of 1 MB", plain(f"POST /{'x' * 1_000_000} HTTP/1.1\r\n{AUTH}\r\n"), (400, 404, 414)),
    raw("no HTTP", "a TLS hello", plain("\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + "\x00" * 500), (400,)),
    raw("HTTP/2", "PRI * HTTP/2.0", plain("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"), (400, NOBODY), seconds=1),
    raw("a NUL in a header", "X: a NUL b", plain(f"GET / HTTP/1.1\r\n{AUTH}X: a\0b\r\n\r\n"), (400,)),
    raw("a line break in a header", "a bare line feed", plain(f"POST {IMPORT} HTTP/1.1\r\n{AUTH}X: a\nContent-Length: 2\r\n\r\n{{}}"), (400, 415)),
    raw("a method of nobody", "EVIL /v1/import", plain(f"EVIL {IMPORT} HTTP/1.1\r\n{AUTH}\r\n"), (400, 405)),
    raw("TRACE", "TRACE /v1/import", plain(f"TRACE {IMPORT} HTTP/1.1\r\n{AUTH}\r\n"), (400, 405)),
    raw("DELETE", "DELETE /v1/import", plain(f"DELETE {IMPORT} HTTP/1.1\r\n{AUTH}Connection: close\r\n\r\n"), (405,), WRONG),
    raw("1 GB in chunks", "1 GB of blanks", endless(IMPORT, GB), (413,), LARGE, seconds=SECONDS, slow=True),
    raw("1 GB in chunks to events", "1 GB of blanks", endless(EVENTS, GB), (413,), LARGE, seconds=SECONDS, slow=True),
    raw("100 MB in one line", "CSV in one line", endless(IMPORT, 100_000_000, b"dataelement,period,orgunit,value\n", **{"Content-Type": "text/csv"}), (400, 413, 415), seconds=SECONDS, slow=True),
    raw("200 MB in a header of a form", "one header", endless(IMPORT, 200_000_000, b"--b\r\nX: ", **{"Content-Type": FORM}), (400, 413), seconds=SECONDS, slow=True),
]  # fmt: skip

_TOKENS: list[tuple[str, str, str]] = [
    ("no token", "-", NO_TOKEN),
    ("an empty token", "Bearer ", NO_TOKEN),
    ("a wrong token", "Bearer wrong", NO_TOKEN),
    ("a token of SQL", "Bearer ' OR 1=1 --", NO_TOKEN),
    ("a token of 60 KB", f"Bearer {'x' * 60_000}", NO_TOKEN),
    ("a token with letters", "Bearer \u1ed9\u1eaf", NO_TOKEN),
    ("a name and a password", "Basic YWRtaW46ZGlzdHJpY3Q=", NO_TOKEN),
    ("a token that signs itself", "Bearer eyJhbGciOiJub25lIn0.eyJzdWIiOiJobWlzIn0.", NO_TOKEN),
]
_PATHS: list[tuple[str, str, tuple[int, ...]]] = [
    ("two slashes", "//v1/import", (404,)),
    ("a slash behind", "/v1/import/", (404,)),
    ("parents", "/v1/../../etc/passwd", (404,)),
    ("parents, escaped", "/v1/%2e%2e/%2e%2e/etc/passwd", (404,)),
    ("a NUL in a path", "/v1/import%00.json", (404,)),
    ("capitals", "/V1/IMPORT", (404,)),
    ("a parameter of a path", "/v1/import;admin", (404,)),
    ("a template of another folder", "/v1/templates/..%2f..%2fpyproject.toml", (404, 405)),
    ("a version below 0", "/api/-1/dataValueSets", (404,)),
    ("a version of 40 digits", f"/api/{'9' * 40}/dataValueSets", (200, 404)),
    ("a version of 5,000 digits", f"/api/{'9' * 5_000}/dataValueSets", (200, 400, 404)),
    ("an absolute address", "http://evil/v1/import", (200, 202, 400, 404)),
]

ATTACKS: list[Attack] = [
    *(post(name, body, status, reason, kind) for name, body, status, reason, kind in _FORMS),
    *_RAW,
    *(post(name, GOOD, 401, reason, Authorization=said) for name, said, reason in _TOKENS),
    *(post(f"path: {name}", GOOD, statuses, "", JSON, path) for name, path, statuses in _PATHS),
    post("a method of another in a header", GOOD, (200, 202), "taken", X_HTTP_Method_Override="DELETE"),
    post("an event of XML", b"<a/>", 415, "unsupported_format", XML, EVENTS),
    post("events of nothing but good", GOOD_EVENT % 1, 202, "taken", JSON, EVENTS),
    hang_up(IMPORT),
    hang_up(EVENTS),
]
