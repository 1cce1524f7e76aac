"""What is wrong with one row, as a value: reason, field and the offending value, shortened."""

from typing import Final, final

import msgspec

from shared.contracts.vocabulary import QuarantineReason

MAX_VALUE_LENGTH: Final = 120


@final
class Fault(msgspec.Struct, frozen=True):
    """Why a row cannot be applied. `value` is for reading only: the raw row is kept beside it."""

    reason: QuarantineReason
    field: str
    value: str = ""
    detail: str = ""


class RefusedError(Exception):
    """Carries a fault out of nested rules; never leaves the package."""

    def __init__(self, fault: Fault) -> None:
        super().__init__(fault.reason.value)
        self.fault = fault


def refuse(reason: QuarantineReason, field: str, value: object = "", detail: str = "") -> RefusedError:
    """Return the exception that refuses a row because of one field."""
    return RefusedError(Fault(reason=reason, field=field, value=shorten(value), detail=detail))


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
