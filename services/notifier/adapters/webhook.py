"""Webhooks: a signed JSON request per delivery, with its id as idempotency key."""

import asyncio
import hashlib
import hmac
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import httpx

from services.notifier.domain.delivery import Delivery, Failed, Result, Sent
from shared.runtime.clock import Clock

SIGNATURE_HEADER = "X-Datchuan-Signature"
_TRY_AGAIN = frozenset({408, 425, 429})
_MAX_REPLY_BYTES = 500


def sign(secret: bytes, timestamp: int, body: bytes) -> str:
    """Return the signature header: HMAC-SHA256 over "timestamp.body", so that an old request cannot be replayed.

    >>> sign(b"secret", 1728955800, b"{}")[:36]
    't=1728955800,v1=c97da0bdb98190efd892'
    """
    digest = hmac.new(secret, f"{timestamp}.".encode() + body, hashlib.sha256).hexdigest()
    return f"t={timestamp},v1={digest}"


class WebhookChannel:
    """Posts deliveries to the addresses of the catalog; `secret_files` names the secret of each that has one.

    `timeout_seconds` bounds a whole request, also to a receiver that drips its answer: none outlives its claim.
    """

    def __init__(
        self, secret_files: Mapping[str, str | None], connections: int, timeout_seconds: float, clock: Clock
    ) -> None:
        self._secret_files = secret_files
        self._clock = clock
        self._timeout_seconds = timeout_seconds
        self._client = httpx.AsyncClient(
            timeout=timeout_seconds,
            limits=httpx.Limits(max_connections=connections, max_keepalive_connections=connections),
            follow_redirects=False,
            headers={"User-Agent": "datchuan", "Accept-Encoding": "identity"},
        )

    async def send(self, delivery: Delivery) -> Result:
        """Post one delivery; the answer or its absence becomes the result."""
        body = delivery.payload.encode()
        try:
            headers = self._headers(delivery, body)
        except OSError as error:
            return Failed(permanent=False, reply=f"the secret file cannot be read: {error}")
        reply = _Reply()
        try:
            async with asyncio.timeout(self._timeout_seconds):
                await self._post(delivery.address, body, headers, reply)
        except (httpx.InvalidURL, httpx.UnsupportedProtocol) as error:
            return Failed(permanent=True, reply=f"{type(error).__name__}: {error}")
        except (httpx.HTTPError, TimeoutError) as error:
            # Once its status has come the receiver has answered; the text after it is only kept as proof.
            if reply.status is None:
                words = str(error) or f"no answer within {self._timeout_seconds:g} s"
                return Failed(permanent=False, reply=f"{type(error).__name__}: {words}")
        return reply.result()

    async def _post(self, address: str, body: bytes, headers: dict[str, str], reply: "_Reply") -> None:
        """Post and read the answer into `reply`, as far as it comes and no further than what is kept of it."""
        async with self._client.stream("POST", address, content=body, headers=headers) as response:
            reply.status = response.status_code
            async for chunk in response.aiter_raw():
                reply.text += chunk[: _MAX_REPLY_BYTES - len(reply.text)]
                if len(reply.text) == _MAX_REPLY_BYTES:
                    return

    async def close(self) -> None:
        """Close the connections."""
        await self._client.aclose()

    def _headers(self, delivery: Delivery, body: bytes) -> dict[str, str]:
        headers = {"Content-Type": "application/json; charset=utf-8", "Idempotency-Key": delivery.id}
        secret_file = self._secret_files.get(delivery.address)
        if secret_file is not None:
            secret = Path(secret_file).read_bytes().strip()
            headers[SIGNATURE_HEADER] = sign(secret, int(self._clock.now().timestamp()), body)
        return headers


@dataclass(slots=True)
class _Reply:
    """What has come of an answer so far."""

    status: int | None = None
    text: bytes = b""

    def result(self) -> Result:
        """Return what the answer says of the delivery."""
        status = self.status or 0
        reply = f"{status} {self.text.decode(errors='replace')}".rstrip()
        if 200 <= status < 300:
            return Sent(reply)
        return Failed(permanent=status < 500 and status not in _TRY_AGAIN, reply=reply)
