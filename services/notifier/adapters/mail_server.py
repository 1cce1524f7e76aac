"""The mail server that takes our mail: how it is reached, and by whose word it is believed to be the right one."""

import asyncio
import ssl
from dataclasses import dataclass, field
from pathlib import Path

import aiosmtplib


@dataclass(frozen=True, slots=True)
class SmtpServer:
    """Where mail is handed over, and how. `ca_file` holds the certificates of a CA of one's own, beside the known ones.

    With `security` tls or starttls the certificate and the host's name in it are always verified.
    """

    host: str
    port: int
    security: str
    user: str | None
    password: str | None = field(repr=False)
    connections: int
    timeout_seconds: float
    ca_file: Path | None = None


class UntrustedServerError(Exception):
    """The connection cannot be made safe: no mail is handed over before an operator has mended it."""


class Connector:
    """Makes connections to one mail server."""

    def __init__(self, server: SmtpServer) -> None:
        self._server = server
        self._trust: ssl.SSLContext | None = None

    async def connect(self) -> aiosmtplib.SMTP:
        """Return a connection that is safe as demanded and logged in; raise what keeps it from being so."""
        server = self._server
        client = aiosmtplib.SMTP(
            hostname=server.host,
            port=server.port,
            use_tls=server.security == "tls",
            start_tls=server.security == "starttls",
            tls_context=None if server.security == "none" else await self._trusted(),
            username=server.user,
            password=server.password,
            timeout=server.timeout_seconds,
        )
        try:
            await client.connect()
        except BaseException as error:
            client.close()
            untrusted = self._untrusted(error)
            if untrusted is None:
                raise
            self._trust = None  # a CA file that is corrected counts from the next try on
            raise untrusted from error
        return client

    async def _trusted(self) -> ssl.SSLContext:
        if self._trust is None:
            self._trust = await asyncio.to_thread(_trust_of, self._server.ca_file)
        return self._trust

    def _untrusted(self, error: BaseException) -> UntrustedServerError | None:
        """Return what to do about a server that is not known to be the right one; None when it is something else."""
        server = self._server
        if isinstance(error, aiosmtplib.SMTPNotSupported) or (
            isinstance(error, aiosmtplib.SMTPException) and "STARTTLS" in str(error)
        ):
            return UntrustedServerError(
                f"{server.host}:{server.port} offers no STARTTLS, so mails could be read on the way; let the server "
                "offer it, or set DATCHUAN_SMTP_SECURITY to what it offers"
            )
        cause: BaseException | None = error
        while cause is not None and not isinstance(cause, ssl.SSLCertVerificationError):
            cause = cause.__cause__ or cause.__context__
        if cause is None:
            return None
        return UntrustedServerError(
            f"the certificate of {server.host}:{server.port} is not accepted: {cause.verify_message}; renew it, set "
            "DATCHUAN_SMTP_HOST to the name in it, or put the certificate of its CA into DATCHUAN_SMTP_CA_FILE"
        )


def _trust_of(ca_file: Path | None) -> ssl.SSLContext:
    trust = ssl.create_default_context()
    trust.minimum_version = ssl.TLSVersion.TLSv1_2
    if ca_file is not None:
        try:
            trust.load_verify_locations(cafile=ca_file)
        except OSError as error:  # also what is no certificate: ssl.SSLError
            raise UntrustedServerError(f"DATCHUAN_SMTP_CA_FILE {ca_file} cannot be read: {error}") from error
    return trust
