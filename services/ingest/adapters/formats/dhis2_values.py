"""One data value of DHIS2: its fields, its number, and what the alias table says it measures."""

import datetime as dt
import re
from collections.abc import Mapping
from typing import Any, Final

import msgspec

from services.ingest.domain.aliases import AliasTable
from services.ingest.domain.faults import refuse
from shared.catalog.profiles import Alias
from shared.contracts.vocabulary import QuarantineReason

_TIMES: Final = ("lastUpdated", "timestamp", "created")
_NUMBER: Final = re.compile(r"[+-]?[0-9]{1,30}(\.[0-9]{1,30})?([eE][+-]?[0-9]{1,4})?")


class Value(msgspec.Struct):
    """One data value after look-up: what it measures, and what it says."""

    row: int
    document: dict[str, Any]
    commune: str
    period: str
    alias: Alias
    number: int | float | bool | None
    observed_at: dt.datetime | None
    deleted: bool


def read_value(context: Mapping[str, Any], row: int, document: object, aliases: AliasTable) -> Value:
    """Return one row after look-up; `context` holds the defaults that stand above all rows."""
    if not isinstance(document, dict):
        raise refuse(QuarantineReason.WRONG_TYPE, f"dataValues[{row}]", document, "a data value is an object")
    fields = {**context} | {name: value for name, value in document.items() if value is not None}
    element, period, org_unit = (_required(fields, name) for name in ("dataElement", "period", "orgUnit"))
    alias = aliases.find(element, fields.get("categoryOptionCombo"), fields.get("attributeOptionCombo"))
    deleted = fields.get("deleted", False)
    if not isinstance(deleted, bool):
        raise refuse(QuarantineReason.WRONG_TYPE, "deleted", deleted, "must be true or false")
    return Value(
        row=row,
        document=document,
        commune=aliases.commune(org_unit),
        period=period,
        alias=alias,
        number=_number(fields.get("value"), alias.role, deleted),
        observed_at=_observed_at(fields),
        deleted=deleted,
    )


def _required(fields: Mapping[str, Any], name: str) -> str:
    value = fields.get(name)
    if value in (None, ""):
        raise refuse(QuarantineReason.MISSING_FIELD, name)
    if not isinstance(value, str):
        raise refuse(QuarantineReason.WRONG_TYPE, name, value, "must be a text in quotes")
    return value


def _number(value: object, role: str, deleted: bool) -> int | float | bool | None:
    if value in (None, ""):
        if deleted:
            return None
        raise refuse(QuarantineReason.NO_MEASURE, "value")
    if isinstance(value, bool) or (isinstance(value, str) and value in ("true", "false")):
        if role != "value":
            raise refuse(QuarantineReason.NOT_A_NUMBER, "value", value)
        return value in (True, "true")
    if not isinstance(value, str | int | float):
        raise refuse(QuarantineReason.WRONG_TYPE, "value", value, "must be a number or a number in quotes")
    text = str(value).strip()
    if not _NUMBER.fullmatch(text) or float(text) in (float("inf"), float("-inf")):
        raise refuse(QuarantineReason.NOT_A_NUMBER, "value", value)
    if role == "value":
        return float(text)
    if not float(text).is_integer():
        raise refuse(QuarantineReason.NOT_AN_INTEGER, "value", value, "is it a thousands separator?")
    return int(text) if text.lstrip("+-").isdigit() else int(float(text))


def _observed_at(fields: Mapping[str, Any]) -> dt.datetime | None:
    name = next((name for name in _TIMES if fields.get(name)), None)
    if name is None:
        return None
    text = fields[name]
    try:
        moment = dt.datetime.fromisoformat(text)
    except (TypeError, ValueError):
        raise refuse(QuarantineReason.BAD_OBSERVED_AT, name, text) from None
    if moment.tzinfo is None:
        raise refuse(QuarantineReason.BAD_OBSERVED_AT, name, text, "no offset from UTC")
    return moment
