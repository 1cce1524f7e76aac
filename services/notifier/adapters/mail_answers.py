"""What a failure to hand over a mail says of it: refused for good, not now, or nothing of this mail at all."""

import aiosmtplib

from services.notifier.adapters.mail_server import UntrustedServerError
from services.notifier.domain.delivery import Failed

# The server took the connection and refused this mail: the connection is good for the next one.
REFUSALS = (aiosmtplib.SMTPRecipientsRefused, aiosmtplib.SMTPResponseException)
_TOO_BIG = 552
# Log in first, or differently: whatever mail it is said of (RFC 4954, RFC 3207).
_LOG_IN = frozenset({454, 530, 534, 535, 538})


def failed(error: Exception, *, is_connected: bool) -> Failed:
    """Tell a refusal of this mail (for good: 5xx) from trouble with the server or the line (for now).

    Wrong credentials, a sender that is not allowed or a server that is not trusted concern every mail: an operator
    mends them, so they never make a dead letter by themselves.
    """
    if isinstance(error, UntrustedServerError):
        return Failed(permanent=False, reply=str(error), concerns_all=True)
    if isinstance(error, aiosmtplib.SMTPRecipientsRefused):
        refused = error.recipients[0]
        return _answered(refused.code, refused.message, concerns_all=refused.code in _LOG_IN)
    if isinstance(error, aiosmtplib.SMTPResponseException):
        is_sender = isinstance(error, aiosmtplib.SMTPSenderRefused) and error.code != _TOO_BIG
        return _answered(error.code, error.message, not is_connected or is_sender or error.code in _LOG_IN)
    reply = f"{type(error).__name__}: {error}".removesuffix(": ")
    if isinstance(error, aiosmtplib.SMTPNotSupported | ValueError):
        return Failed(permanent=is_connected, reply=reply, concerns_all=not is_connected)
    return Failed(permanent=False, reply=reply, concerns_all=not is_connected)


def _answered(code: int, message: str, concerns_all: bool) -> Failed:
    return Failed(permanent=code >= 500 and not concerns_all, reply=f"{code} {message}", concerns_all=concerns_all)
