"""A receiver of Đạt Chuẩn's webhooks, to be used as it is or to be rewritten in another language.

    DATCHUAN_WEBHOOK_SECRET_FILE=/etc/datchuan/webhook_secret python webhook_receiver.py --database inbox.db --port 8090

It needs nothing but Python 3.11. It does what every receiver has to do, in this order:

1. takes no more of a request than it can hold;
2. checks the signature over "timestamp.body" with the shared secret, in constant time, before it reads the body;
3. refuses a timestamp more than five minutes away from its own clock: an old request cannot be sent again;
4. stores the message under its id, once: a message that comes again (the sender did not see the answer) is answered
   with 2xx and not handled twice;
5. answers 2xx only when the message is safely on disk. After any 5xx, 408, 425 or 429 the sender tries again, for days
   if need be; any other answer ends as a dead letter, which an operator sees.

What is to be done with a message is done from the table, by another program or thread: never before the answer.
Put a reverse proxy with TLS in front of it: signed is not secret.
"""

import argparse
import hashlib
import hmac
import json
import os
import sqlite3
import sys
import time
from collections.abc import Sequence
from contextlib import closing
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

TOLERANCE_SECONDS = 300
MOST_BYTES = 8 * 1024 * 1024

_TABLE = """
CREATE TABLE IF NOT EXISTS message (
    id TEXT PRIMARY KEY, received_at REAL NOT NULL, subject TEXT NOT NULL, body BLOB NOT NULL)
"""


def is_number(text: str) -> bool:
    """Return whether a header's text is a number of sensible length."""
    return text.isascii() and text.isdigit() and len(text) <= 12


def is_signed(secret: bytes, header: str, body: bytes, now: float) -> bool:
    """Return whether a header "t=SECONDS,v1=HEX" signs the body with the secret, at about this time."""
    fields = dict(part.partition("=")[::2] for part in header.split(","))
    timestamp, given = fields.get("t", ""), fields.get("v1", "")
    if not is_number(timestamp) or abs(now - int(timestamp)) > TOLERANCE_SECONDS:
        return False
    expected = hmac.new(secret, timestamp.encode() + b"." + body, hashlib.sha256).hexdigest()
    return hmac.compare_digest(expected.encode(), given.encode())


class Inbox:
    """The messages received, in a file of SQLite."""

    def __init__(self, path: Path) -> None:
        self._path = path
        with closing(self._connect()) as connection, connection:
            connection.execute("PRAGMA journal_mode = WAL")
            connection.execute(_TABLE)

    def store(self, message_id: str, subject: str, body: bytes) -> bool:
        """Keep a message for good; return False when it was there already."""
        with closing(self._connect()) as connection, connection:
            row = (message_id, time.time(), subject, body)
            return connection.execute("INSERT OR IGNORE INTO message VALUES (?, ?, ?, ?)", row).rowcount == 1

    def _connect(self) -> sqlite3.Connection:
        connection = sqlite3.connect(self._path, timeout=10)
        connection.execute("PRAGMA synchronous = FULL")
        return connection


class Receiver(BaseHTTPRequestHandler):
    """One request."""

    timeout = 10
    secret: bytes
    inbox: Inbox

    def do_POST(self) -> None:
        """Take a message, or say why not."""
        length = self.headers.get("Content-Length", "")
        if not is_number(length):
            return self._answer(411, "Content-Length is missing")
        if int(length) > MOST_BYTES:
            return self._answer(413, f"more than {MOST_BYTES} bytes")
        body = self.rfile.read(int(length))
        if not is_signed(self.secret, self.headers.get("X-Datchuan-Signature", ""), body, time.time()):
            return self._answer(401, "the signature is missing or wrong, or the clocks differ by more than 5 minutes")
        # From here on the sender is known. The id counts from the body: the signature does not cover the headers.
        message = json.loads(body)
        if message.get("schema_version") != 1 or message["id"] != self.headers.get("Idempotency-Key"):
            return self._answer(422, "not a message of schema_version 1 with its id as Idempotency-Key")
        try:
            is_new = self.inbox.store(message["id"], message["subject"], body)
        except sqlite3.Error as error:
            return self._answer(503, f"cannot be stored now: {error}")
        return self._answer(200, "stored" if is_new else "known already")

    def _answer(self, status: int, text: str) -> None:
        content = text.encode()
        self.send_response(status)
        self.send_header("Content-Type", "text/plain; charset=utf-8")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)


def main(argv: Sequence[str] | None = None) -> None:
    """Receive until the process is ended."""
    parser = argparse.ArgumentParser(description="Receive Đạt Chuẩn's webhooks.")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=8090)
    parser.add_argument("--database", type=Path, default=Path("inbox.db"))
    arguments = parser.parse_args(argv)
    secret_file = os.environ.get("DATCHUAN_WEBHOOK_SECRET_FILE")
    if not secret_file:
        sys.exit("set DATCHUAN_WEBHOOK_SECRET_FILE to the file that addresses.yaml names as webhook_secret_file")
    Receiver.secret = Path(secret_file).read_bytes().strip()
    Receiver.inbox = Inbox(arguments.database)
    with ThreadingHTTPServer((arguments.host, arguments.port), Receiver) as server:
        sys.stdout.write(f"listening on {arguments.host}:{server.server_port}\n")
        sys.stdout.flush()
        server.serve_forever()


if __name__ == "__main__":
    main()
