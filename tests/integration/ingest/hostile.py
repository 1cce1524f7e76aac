"""Hostile and broken inputs: how each is sent over a socket, and what must be answered."""

import contextlib
import json
import os
import select
import socket
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import msgspec

IMPORT, DHIS2, FHIR, EVENTS = "/v1/import", "/api/dataValueSets", "/fhir", "/v1/events"
JSON, NDJSON, XML, CSV, ADX = (
    "application/json",
    "application/x-ndjson",
    "application/xml",
    "text/csv",
    "application/adx+xml",
)
FHIR_JSON, CLOUDEVENT = "application/fhir+json", "application/cloudevents+json"
ZIP, GZIP, ANY = "application/zip", "application/gzip", "application/octet-stream"
MARKER = "DAUVET7F3A"
NOBODY = 0
SLOW = "DATCHUAN_HOSTILE_SLOW" in os.environ  # the true sizes, under the limits of production
SECONDS = 30.0
DEADLINE = SECONDS if SLOW else 5
OVER = 300_000_000 if SLOW else 12_000_000  # more than is taken
TITLES = {
    "Data of single persons is refused": "patient_level_data",
    "The body is too large": "body_too_large",
    "The body cannot be read": "malformed_body",
    "The format is not read here": "unsupported_format",
}
Body = bytes | Callable[[], bytes]


class Target(msgspec.Struct, frozen=True):
    """Where the service listens, and a token for it."""

    port: int
    token: str


class Answer(msgspec.Struct, frozen=True):
    """The status (NOBODY when there was none) and why: the slug of the problem, or the reasons of bad rows."""

    status: int
    reason: str = ""
    text: str = ""


class Attack(msgspec.Struct, frozen=True, kw_only=True):
    """One input. `send` plays it and returns the answer; `is_personal` ones must leave no trace at all."""

    name: str
    sent: str
    statuses: tuple[int, ...]
    reason: str
    send: Callable[[Target], Answer]
    is_personal: bool = False
    is_slow: bool = False


def post(
    name: str,
    body: Body,
    statuses: int | tuple[int, ...],
    reason: str,
    kind: str = JSON,
    path: str = IMPORT,
    *,
    personal: bool = False,
    slow: bool = False,
    **headers: str,
) -> Attack:
    """An attack by an ordinary POST; names of headers are written with _ for -."""

    def send(target: Target) -> Answer:
        content = body if isinstance(body, bytes) else body()
        named = {"Content-Type": kind, "Content-Length": str(len(content))}
        named |= {key.replace("_", "-"): value for key, value in headers.items()}
        return exchange(target, [head("POST", path, target.token, named), content], 3 * SECONDS if slow else DEADLINE)

    expected = statuses if isinstance(statuses, tuple) else (statuses,)
    return Attack(name=name, sent=f"POST {path[:60]} {kind}", statuses=expected, reason=reason, send=send,
                  is_personal=personal, is_slow=slow)  # fmt: skip


def raw(
    name: str,
    sent: str,
    pieces: Callable[[Target], Iterable[bytes]],
    statuses: tuple[int, ...],
    reason: str = "",
    *,
    seconds: float = 5,
    slow: bool = False,
) -> Attack:
    """An attack in bytes of our own."""
    return Attack(
        name=name, sent=sent, statuses=statuses, reason=reason, is_slow=slow,
        send=lambda target: exchange(target, pieces(target), seconds),
    )  # fmt: skip


def head(method: str, path: str, token: str, headers: dict[str, str]) -> bytes:
    """The head of a request; nothing in it is checked."""
    named = {"Host": "ingest", "Authorization": f"Bearer {token}", "Connection": "close"} | headers
    lines = [f"{method} {path} HTTP/1.1", *(f"{name}: {value}" for name, value in named.items() if value != "-")]
    return "\r\n".join([*lines, "", ""]).encode("utf-8", "surrogateescape")


def chunked(path: str, target: Target, pieces: Iterable[bytes], **headers: str) -> Iterator[bytes]:
    """A request whose body has no announced length."""
    named = {"Content-Type": JSON, "Transfer-Encoding": "chunked"} | headers
    yield head("POST", path, target.token, named)
    for piece in pieces:
        yield b"%x\r\n%s\r\n" % (len(piece), piece)
    yield b"0\r\n\r\n"


def exchange(target: Target, pieces: Iterable[bytes], seconds: float = 5) -> Answer:
    """Send the pieces until all are sent or an answer comes; return it, or NOBODY when none came in time."""
    with contextlib.closing(socket.create_connection(("127.0.0.1", target.port), timeout=seconds)) as line:
        with contextlib.suppress(OSError):
            for piece in pieces:
                for start in range(0, len(piece), 1 << 20):
                    if select.select([line], [], [], 0)[0]:
                        return read_answer(line)
                    line.sendall(piece[start : start + (1 << 20)])
        return read_answer(line)


def read_answer(line: socket.socket) -> Answer:
    """Read one answer to its end."""
    received = bytearray()
    with contextlib.suppress(OSError):
        while not _is_complete(received) and (piece := line.recv(1 << 16)):
            received += piece
    top, _, body = bytes(received).partition(b"\r\n\r\n")
    if not top.startswith(b"HTTP/1.1 "):
        return Answer(status=NOBODY)
    return Answer(status=int(top[9:12]), reason=reason_of(body), text=body.decode("utf-8", "replace"))


def _is_complete(received: bytearray) -> bool:
    top, found, body = bytes(received).partition(b"\r\n\r\n")
    if not found:
        return False
    lengths = [line.split(b":")[1] for line in top.lower().split(b"\r\n") if line.startswith(b"content-length:")]
    return bool(lengths) and len(body) >= int(lengths[0])


def reason_of(body: bytes) -> str:
    """What an answer gives as its reason, in whichever endpoint's words."""
    try:
        said = json.loads(body)
    except ValueError:
        return ""
    if not isinstance(said, dict):
        return ""
    rows = [*_rows(said), *_rows(said.get("response", {}))]
    codes = dict.fromkeys(str(row.get("code") or row.get("reason") or row.get("errorCode")) for row in rows)
    files = [problem for file in said.get("files", []) for problem in (_slug(file) or "taken",)]
    return "+".join([*files, *codes]) or _slug(said) or _issue(said) or _title(said)


def _rows(said: Any) -> list[dict[str, Any]]:
    return [*said.get("conflicts", []), *said.get("errors", [])] if isinstance(said, dict) else []


def _slug(said: dict[str, Any]) -> str:
    return str(said.get("type", "")).rpartition(":")[2]


def _title(said: dict[str, Any]) -> str:
    """The problem that an answer of DHIS2's endpoint begins with."""
    return TITLES.get(str(said.get("message", "")).partition(".")[0], "")


def _issue(said: dict[str, Any]) -> str:
    if said.get("resourceType") != "OperationOutcome":
        return "taken" if "accepted" in said else ""
    codes = [coding for issue in said["issue"] for coding in issue["details"].get("coding", [])]
    return "+".join(coding["code"] for coding in codes if not coding["system"].endswith(":count"))
