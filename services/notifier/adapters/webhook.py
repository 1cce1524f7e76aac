"""Webhooks: a signed JSON request per delivery, with its id as idempotency key."""

import hashlib
import hmac
from collections.abc import Mapping
from pathlib import Path

import httpx

from services.notifier.domain.delivery import Delivery, Failed, Result, Sent
from shared.runtime.clock import Clock

SIGNATURE_HEADER = "X-Datchuan-Signature"
_TRY_AGAIN = frozenset({408, 425, 429})
_MAX_REPLY_CHARACTERS = 500


def sign(secret: bytes, timestamp: int, body: bytes) -> str:
    """Return the signature header: HMAC-SHA256 over "timestamp.body", so that an old request cannot be replayed.

    >>> sign(b"secret", 1728955800, b"{}")[:36]
    't=1728955800,v1=c97da0bdb98190efd892'
    """
    digest = hmac.new(secret, f"{timestamp}.".encode() + body, hashlib.sha256).hexdigest()
    return f"t={timestamp},v1={digest}"


class WebhookChannel:
    """Posts deliveries to the addresses of the catalog; `secret_files` names the secret of each that has one."""

    def __init__(
        self, secret_files: Mapping[str, str | None], connections: int, timeout_seconds: float, clock: Clock
    ) -> None:
        self._secret_files = secret_files
        self._clock = clock
        self._client = httpx.AsyncClient(
            timeout=timeout_seconds,
            limits=httpx.Limits(max_connections=connections, max_keepalive_connections=connections),
            follow_redirects=False,
            headers={"User-Agent": "datchuan"},
        )

    async def send(self, delivery: Delivery) -> Result:
        """Post one delivery; the answer or its absence becomes the result."""
        body = delivery.payload.encode()
        try:
            headers = self._headers(delivery, body)
        except OSError as error:
            return Failed(permanent=False, reply=f"the secret file cannot be read: {error}")
        try:
            response = await self._client.post(delivery.address, content=body, headers=headers)
        except (httpx.InvalidURL, httpx.UnsupportedProtocol) as error:
            return Failed(permanent=True, reply=f"{type(error).__name__}: {error}")
        except httpx.HTTPError as error:
            return Failed(permanent=False, reply=f"{type(error).__name__}: {error}")
        reply = f"{response.status_code} {response.text[:_MAX_REPLY_CHARACTERS]}".rstrip()
        if response.is_success:
            return Sent(reply)
        return Failed(permanent=response.status_code < 500 and response.status_code not in _TRY_AGAIN, reply=reply)

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
