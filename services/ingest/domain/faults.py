"""What is wrong with one row, as a value: reason, field and the offending value, shortened."""

from typing import Final, final

import msgspec

from shared.contracts.vocabulary import QuarantineReason

MAX_VALUE_LENGTH: Final = 120


class Remedy(msgspec.Struct, frozen=True):
    """What to do, for the engineer of the sending system and for the official who asks."""

    en: str
    vi: str


@final
class Fault(msgspec.Struct, frozen=True):
    """Why a row cannot be applied. `value` is for reading only: the raw row is kept beside it.

    `remedy` is what to do in this very case; without it the report says what is to be done about the reason in general.
    """

    reason: QuarantineReason
    field: str
    value: str = ""
    detail: str = ""
    remedy: Remedy | None = None


class RefusedError(Exception):
    """Carries a fault out of nested rules; never leaves the package."""

    def __init__(self, fault: Fault) -> None:
        super().__init__(fault.reason.value)
        self.fault = fault


def refuse(
    reason: QuarantineReason, field: str, value: object = "", detail: str = "", remedy: Remedy | None = None
) -> RefusedError:
    """Return the exception that refuses a row because of one field."""
    return RefusedError(Fault(reason=reason, field=field, value=shorten(value), detail=detail, remedy=remedy))


def shorten(value: object) -> str:
    """Return a value as one short line that every database and log takes.

    >>> shorten("x" * 500)[-1], shorten(None), shorten(True)
    ('…', 'null', 'true')
    """
    text = value if isinstance(value, str) else _as_json(value)
    text = "".join(char if char.isprintable() else "\N{REPLACEMENT CHARACTER}" for char in text[: MAX_VALUE_LENGTH + 1])
    return text if len(text) <= MAX_VALUE_LENGTH else text[: MAX_VALUE_LENGTH - 1] + "…"


def _as_json(value: object) -> str:
    try:
        return msgspec.json.encode(value).decode("utf-8", "replace")
    except (TypeError, ValueError, OverflowError, RecursionError, msgspec.MsgspecError):
        return f"<{type(value).__name__}>"
