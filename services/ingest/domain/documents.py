"""JSON documents of any format: decoded, or refused with what is wrong with the text."""

import json
from typing import Final

import msgspec

from services.ingest.domain.errors import BodyTooLargeError
from services.ingest.domain.faults import refuse
from services.ingest.domain.privacy import refuse_personal_data, refuse_personal_text
from services.ingest.domain.repeated_names import refuse_repeated_names
from shared.contracts.vocabulary import QuarantineReason

# Each value takes some hundred bytes of memory once it is decoded, and time: a text of nothing but `{},` has millions.
MAX_VALUES: Final = 1_500_000
# What is not strict JSON is read by a parser that is slow and lets nobody else work meanwhile.
_MAX_LOOSE: Final = 2_000_000
UNDECODABLE: Final = (msgspec.MsgspecError, UnicodeDecodeError, RecursionError)


def refuse_crowded(raw: bytes) -> None:
    """Raise BodyTooLargeError for a JSON text that may hold more than MAX_VALUES values, before it is decoded."""
    if len(raw) > MAX_VALUES and raw.count(b",") + raw.count(b"{") + raw.count(b"[") > MAX_VALUES:
        refuse_personal_text(raw)
        raise BodyTooLargeError(f"The JSON holds more than {MAX_VALUES} values: send it in smaller parts.")


def decode_document(raw: bytes) -> object:
    """Return the JSON document in `raw`, NaN and Infinity included unless it is large.

    Refuses malformed text, a name given twice in one object, and personal data; raises BodyTooLargeError.
    """
    refuse_crowded(raw)
    try:
        document = msgspec.json.decode(raw)
    except UNDECODABLE as error:
        if len(raw) > _MAX_LOOSE:
            refuse_personal_text(raw)
            raise refuse(QuarantineReason.MALFORMED_JSON, "", detail=f"no strict JSON: {str(error)[:200]}") from None
        document = _decode_loosely(raw)
    refuse_repeated_names(raw, refuse_personal_data(document))
    return document


def _decode_loosely(raw: bytes) -> object:
    try:
        document = json.loads(raw)
        json.dumps(document, ensure_ascii=False).encode()  # half a surrogate pair is no text: nobody could store it
    except RecursionError:
        refuse_personal_text(raw)
        raise refuse(QuarantineReason.MALFORMED_JSON, "", detail="nested too deeply") from None
    except ValueError as error:
        refuse_personal_text(raw)
        half_a_pair = isinstance(error, UnicodeEncodeError)
        not_utf8 = isinstance(error, UnicodeDecodeError)
        detail = "half a surrogate pair" if half_a_pair else "not UTF-8" if not_utf8 else str(error)
        raise refuse(QuarantineReason.MALFORMED_JSON, "", detail=detail) from None
    return document
