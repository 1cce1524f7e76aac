"""Credentials of a poll: read from their file for every pass, so that a new one needs no restart; never shown."""

import base64
import stat
from pathlib import Path

import structlog

from services.ingest.adapters.polling.failures import PollFailedError
from services.ingest.domain.polls import PollFailure

_log = structlog.get_logger(__name__)
_OF_OTHERS = stat.S_IRGRP | stat.S_IWGRP | stat.S_IROTH | stat.S_IWOTH
_TOKEN_SCHEME = "ApiToken "  # noqa: S105 - the name of DHIS2's scheme


def read_authorization(path: Path) -> str:
    """Return the Authorization header of a file that holds "ApiToken TOKEN" or "user:password".

    Raises PollFailedError when it cannot be read or holds neither.
    """
    try:
        text = path.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "not UTF-8"
        raise PollFailedError(PollFailure.CREDENTIALS, f"credentials_file {path} cannot be read: {reason}") from None
    if not text.isprintable() or not text:
        raise _unusable(path)
    if text.startswith(_TOKEN_SCHEME) and text.isascii() and " " not in text[len(_TOKEN_SCHEME) :]:
        return text
    user, _, password = text.partition(":")
    if not (user and password) or text.startswith(_TOKEN_SCHEME):
        raise _unusable(path)
    return f"Basic {base64.b64encode(text.encode()).decode()}"


def warn_of_open_file(path: Path) -> bool:
    """Return whether others than the owner may read or write a file of credentials, and warn of it."""
    try:
        mode = path.stat().st_mode
    except OSError:
        return False
    is_open = bool(mode & _OF_OTHERS)
    if is_open:
        _log.warning("others may read a file of credentials: chmod 600", file=str(path), mode=oct(stat.S_IMODE(mode)))
    return is_open


def _unusable(path: Path) -> PollFailedError:
    return PollFailedError(
        PollFailure.CREDENTIALS, f'credentials_file {path} must hold one line: "ApiToken TOKEN" or "user:password"'
    )
