"""A row of DHIS2 in JSON read field by field: the careful way, which names what is wrong."""

from typing import Any

import msgspec

from services.ingest.adapters.formats.dhis2_rows import RowContext
from services.ingest.domain.documents import decode_document
from services.ingest.domain.faults import RefusedError, refuse
from services.ingest.domain.remedies import ONLY_DEFAULT_ATTRIBUTE
from services.ingest.domain.values import BadValue, DataValue, Row
from shared.contracts.vocabulary import QuarantineReason


def read_raw(text: bytes, context: RowContext) -> Row:
    """Return a row by its JSON text, or what is wrong with it. Raises PatientLevelDataError."""
    try:
        return _read(decode_document(text), context)
    except RefusedError as refused:
        return BadValue(refused.fault, text)


def read_fields(document: object, context: RowContext) -> Row:
    """Return a decoded row, or what is wrong with it."""
    try:
        return _read(document, context)
    except RefusedError as refused:
        return BadValue(refused.fault, msgspec.json.encode(document))


def _read(document: object, context: RowContext) -> DataValue:
    if not isinstance(document, dict):
        raise refuse(QuarantineReason.WRONG_TYPE, "", document, "a data value is an object")
    deleted, value = document.get("deleted"), document.get("value")
    if not isinstance(deleted, bool | None):
        raise refuse(QuarantineReason.WRONG_TYPE, "deleted", deleted, "must be true or false")
    if not isinstance(value, str | int | float | None):
        raise refuse(QuarantineReason.WRONG_TYPE, "value", value, "must be a number or a number in quotes")
    option = document.get("categoryOptionCombo")
    return context.value(
        _text(document, "dataElement"),
        _text(document, "period"),
        _text(document, "orgUnit"),
        None if isinstance(option, dict) else _text(document, "categoryOptionCombo"),
        _attribute(document),
        value,
        _text(document, "lastUpdated") or _text(document, "timestamp") or _text(document, "created"),
        bool(deleted),
        _categories(option) if isinstance(option, dict) else None,
    )


def _categories(options: dict[str, Any]) -> dict[str, str] | None:
    """Return a disaggregation that came as pairs of category and option (DHIS2 2.43)."""
    if not all(isinstance(option, str) for option in options.values()):
        raise refuse(QuarantineReason.WRONG_TYPE, "categoryOptionCombo", options, "every option is a text in quotes")
    return options or None


def _attribute(document: dict[str, Any]) -> str | None:
    """Return the attribute of a row; options of one are none that any profile could know."""
    given = document.get("attributeOptionCombo") or document.get("attributeCategoryOptions")
    if isinstance(given, dict | list) and given:
        detail = "only the default is read: these options would merge values that are kept apart"
        raise refuse(QuarantineReason.UNKNOWN_ALIAS, "attributeOptionCombo", given, detail, ONLY_DEFAULT_ATTRIBUTE)
    name = "attributeOptionCombo" if document.get("attributeOptionCombo") else "attributeCategoryOptions"
    return _text(document, name) if given else None


def _text(document: dict[str, Any], name: str) -> str | None:
    """Return a text; a whole number is one, as DHIS2 takes it."""
    value = document.get(name)
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    raise refuse(QuarantineReason.WRONG_TYPE, name, value, "must be a text in quotes")
