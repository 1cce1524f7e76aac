"""The native event as senders write it, decoded row by row so that a bad row never harms its neighbours."""

import datetime as dt
import difflib
import functools
import math
import re
from collections.abc import Callable
from typing import Annotated, Final

import msgspec

from services.ingest.domain.documents import decode_document
from services.ingest.domain.faults import Fault, RefusedError, refuse
from services.ingest.domain.remedies import add_field
from shared.contracts.vocabulary import QuarantineReason, Stage

MAX_ID_LENGTH: Final = 200

_Aware = Annotated[dt.datetime, msgspec.Meta(tz=True)]
_Name = Annotated[str, msgspec.Meta(min_length=1, max_length=MAX_ID_LENGTH)]


class Evidence(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What proves a report: a certificate with its dates, a document, its hash."""

    issued_on: dt.date | None = None
    valid_until: dt.date | None = None
    uri: str | None = None
    sha256: str | None = None
    note: str | None = None


class NativeEvent(msgspec.Struct, frozen=True, gc=False, kw_only=True, forbid_unknown_fields=True):
    """One report as sent: types are right, meaning is not yet checked.

    Unknown fields are forbidden here only so that the fast decoder notices them: the slow one then looks whether they
    are personal data or nearly a known field, and ignores them otherwise. A row in the order of the fields is decoded
    fastest.
    """

    id: _Name
    source: _Name | None = None
    commune: str
    indicator: str
    sex: str | None = None
    sector: str | None = None
    period: str
    numerator: int | None = None
    denominator: int | None = None
    value: bool | float | None = None
    observed_at: _Aware | None = None
    deleted: bool = False
    stage: Stage | None = None
    evidence: Evidence | None = None


_FIELDS: Final = frozenset(NativeEvent.__struct_fields__)
_MAX_NAMES: Final = 100
_MAX_COMPARED: Final = 20  # who sends more unknown fields than this has not misspelt one
_NEARLY_AS_LONG: Final = 3
_NEARLY: Final = 0.8  # "delete", "Sex" and "observedAt" are near enough, "comment" is not
decode_fast: Final[Callable[[bytes | msgspec.Raw], NativeEvent]] = msgspec.json.Decoder(NativeEvent).decode
_QUOTE: Final = b'"'
_REQUIRED_QUOTES: Final = 16  # those of id, commune, indicator and period
_NAMES: Final = re.compile(rb'"(\w+)"\s*:')


def repeats_names(text: bytes, event: NativeEvent) -> bool:
    """Return whether the text of an event may give a name twice: it holds more quotation marks than the event needs.

    Each name has two, and each text two more; names that say nothing (null, false) are then looked for one by one. A
    backslash may hide anything, so such a text is always to be looked at closely.
    """
    texts = (
        (event.source is not None)
        + (event.sex is not None)
        + (event.sector is not None)
        + (event.observed_at is not None)
        + (event.stage is not None)
    )
    numbers = (
        (event.numerator is not None) + (event.denominator is not None) + (event.value is not None) + event.deleted
    )
    if text.count(_QUOTE) == _REQUIRED_QUOTES + 4 * texts + 2 * numbers:
        return False
    names = _NAMES.findall(text)
    return b"\\" in text or len(names) != len(set(names))


def diagnose(raw: bytes) -> NativeEvent | Fault:
    """Return the event in a row that the strict decoder did not take, or the first thing wrong with it.

    Raises only for personal data.
    """
    try:
        return event_from(decode_document(raw))
    except RefusedError as refused:
        return refused.fault


def event_from(document: object) -> NativeEvent:
    """Return the event in a decoded document; refuses the first field that is missing or of a wrong type."""
    if not isinstance(document, dict):
        raise refuse(QuarantineReason.WRONG_TYPE, "", document, "an event is a JSON object")
    if "resourceType" in document:
        raise refuse(
            QuarantineReason.UNSUPPORTED_DATA,
            "resourceType",
            document["resourceType"],
            "FHIR is read as application/fhir+json",
        )
    for name in ("id", "commune", "indicator", "period"):
        if document.get(name) in (None, ""):
            raise refuse(QuarantineReason.MISSING_FIELD, name, remedy=add_field(name))
    _refuse_misspelt(document)
    return NativeEvent(
        id=_name(document, "id") or "",
        commune=_text(document, "commune") or "",
        indicator=_text(document, "indicator") or "",
        period=_text(document, "period") or "",
        observed_at=_instant(document, "observed_at"),
        source=_name(document, "source"),
        sex=_text(document, "sex"),
        sector=_text(document, "sector"),
        numerator=_count(document, "numerator"),
        denominator=_count(document, "denominator"),
        value=_number(document, "value"),
        deleted=_flag(document, "deleted"),
        stage=_stage(document),
        evidence=_evidence(document),
    )


def _refuse_misspelt(document: dict[str, object]) -> None:
    """Refuse an unknown field that is nearly a known one; others are ignored, so that a sender may send more."""
    if len(document) > _MAX_NAMES:
        raise refuse(QuarantineReason.WRONG_TYPE, "", None, f"an event has more than {_MAX_NAMES} fields")
    unknown = [name for name in document if name not in _FIELDS]
    for name in unknown[:_MAX_COMPARED]:
        nearest = _nearest(name[:MAX_ID_LENGTH].casefold())
        if nearest is not None:
            raise refuse(QuarantineReason.MISSPELT_FIELD, name[:MAX_ID_LENGTH], None, f"is it {nearest}?")


@functools.lru_cache(maxsize=4_096)
def _nearest(name: str) -> str | None:
    """Return the known field that a name nearly is; a slip leaves the first letter or the last as it was.

    Comparing takes long: thousands of rows say the same names, and a hostile one thousands of names.
    """
    likely = [
        field
        for field in _FIELDS
        if (field[0] == name[:1] or field[-1] == name[-1:]) and abs(len(field) - len(name)) <= _NEARLY_AS_LONG
    ]
    return next(iter(difflib.get_close_matches(name, likely, n=1, cutoff=_NEARLY)), None) if likely else None


def _text(document: dict[str, object], field: str) -> str | None:
    value = document.get(field)
    if value is None or isinstance(value, str):
        return value
    raise refuse(QuarantineReason.WRONG_TYPE, field, value, "must be a text in quotes")


def _name(document: dict[str, object], field: str) -> str | None:
    text = _text(document, field)
    if text is not None and len(text) > MAX_ID_LENGTH:
        raise refuse(QuarantineReason.WRONG_TYPE, field, text, f"longer than {MAX_ID_LENGTH} characters")
    return text


def _instant(document: dict[str, object], field: str) -> dt.datetime | None:
    text = document.get(field)
    if text is None:
        return None
    try:
        return msgspec.convert(text, _Aware)
    except msgspec.ValidationError:
        raise refuse(QuarantineReason.BAD_OBSERVED_AT, field, text) from None


def _finite(field: str, value: object) -> int | float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise refuse(QuarantineReason.WRONG_TYPE, field, value, "must be a number without quotes")
    if isinstance(value, float) and not math.isfinite(value):
        raise refuse(QuarantineReason.NOT_A_NUMBER, field, str(value))
    return value


def _count(document: dict[str, object], field: str) -> int | None:
    if document.get(field) is None:
        return None
    number = _finite(field, document[field])
    if isinstance(number, float) and not number.is_integer():
        raise refuse(QuarantineReason.NOT_AN_INTEGER, field, number)
    return int(number)


def _number(document: dict[str, object], field: str) -> bool | float | None:
    value = document.get(field)
    if value is None or isinstance(value, bool):
        return value
    try:
        return float(_finite(field, value))
    except OverflowError:
        raise refuse(QuarantineReason.NUMBER_TOO_LARGE, field, value) from None


def _flag(document: dict[str, object], field: str) -> bool:
    value = document.get(field, False)
    if isinstance(value, bool):
        return value
    raise refuse(QuarantineReason.WRONG_TYPE, field, value, "must be true or false")


def _stage(document: dict[str, object]) -> Stage | None:
    value = document.get("stage")
    if value is None:
        return None
    if isinstance(value, str) and value in tuple(Stage):
        return Stage(value)
    raise refuse(QuarantineReason.WRONG_TYPE, "stage", value, f"must be one of {', '.join(Stage)}")


def _evidence(document: dict[str, object]) -> Evidence | None:
    value = document.get("evidence")
    if value is None:
        return None
    if not isinstance(value, dict):
        raise refuse(QuarantineReason.WRONG_TYPE, "evidence", value, "must be an object")
    known = {field: value[field] for field in Evidence.__struct_fields__ if field in value}
    for field, given in known.items():
        try:
            msgspec.convert({field: given}, Evidence)
        except msgspec.ValidationError as error:
            raise refuse(QuarantineReason.WRONG_TYPE, f"evidence.{field}", given, str(error)) from None
    return msgspec.convert(known, Evidence)
