"""Errors that concern a whole request; what is wrong with one row is a `Fault`, a returned value."""


class IngestError(Exception):
    """Base of the errors of this service."""


class PatientLevelDataError(IngestError):
    """The request carries data of single persons; only counts of people may be sent here."""


class MalformedBodyError(IngestError):
    """The body cannot be read as what its content type says; the text says where."""


class UnsupportedRequestError(IngestError):
    """The request asks for something that would change its meaning if it were ignored; the text names it."""


class BodyTooLargeError(IngestError):
    """The body is larger than the limit, as sent or after decompression."""


class SlowBodyError(IngestError):
    """The body did not come in time; nothing of it was read as a report."""


class OverloadedError(IngestError):
    """Too many reports wait for their commit, or too many bodies are being read; the sender must come again later."""


class BackloggedError(IngestError):
    """Too many stored reports wait to be judged; the sender must come again much later."""


class StoreUnavailableError(IngestError):
    """The database did not take the reports; nothing of the request was stored."""


class UnauthorizedError(IngestError):
    """The request has no token, or one that is unknown or revoked."""


class ForbiddenError(IngestError):
    """The token is valid, but not for this."""


class UnsupportedFormatError(IngestError):
    """The content type or encoding is none that this endpoint reads."""


class PartlyTakenError(IngestError):
    """A large body was taken in part when something failed: `cause` says what, `taken` how many rows became what."""

    def __init__(self, taken: dict[str, int], place: str, cause: Exception) -> None:
        why = f" {cause}" if isinstance(cause, IngestError) and str(cause) else ""
        super().__init__(
            f"Reading stopped at {place}.{why} The {taken['rows']} rows before it had been worked off and stay so, "
            f"{taken['quarantined']} of them set aside. Send the whole body again: they are duplicates then."
        )
        self.taken = taken
        self.cause = cause
