"""The number, the moment and the meaning of one data value: what is left to do is to pair it with its other half."""

import datetime as dt
import re
from typing import Final

import msgspec

from services.ingest.domain.aliases import AliasTable, Meaning
from services.ingest.domain.communes import Communes, Spot
from services.ingest.domain.faults import refuse
from services.ingest.domain.places import Span
from services.ingest.domain.remedies import YES_NO_OR_NUMBER, add_field
from services.ingest.domain.values import DataValue
from shared.contracts.vocabulary import QuarantineReason

Number = int | float | bool | None

_NUMBER: Final = re.compile(r"[+-]?[0-9]{1,30}(\.[0-9]{1,30})?([eE][+-]?[0-9]{1,4})?")
_INFINITE: Final = (float("inf"), float("-inf"))
_YES_NO: Final = {"true": True, "false": False}


class Figure(msgspec.Struct, gc=False):
    """One data value after look-up: its row, what it measures, where, in which days, and what it says."""

    row: int
    value: DataValue
    meaning: Meaning
    spot: Spot
    span: Span
    number: Number
    observed_at: dt.datetime | None


def read_figure(row: int, value: DataValue, table: AliasTable, communes: Communes, default_period: str) -> Figure:
    """Return a value after look-up, or refuse it; `default_period` fills in a period that the value does not give."""
    if not value.element and value.indicator is None:
        raise refuse(QuarantineReason.MISSING_FIELD, "dataElement", remedy=add_field("dataElement"))
    if not value.period:
        if not default_period:
            raise refuse(QuarantineReason.MISSING_FIELD, "period", remedy=add_field("period"))
        value.period = default_period
    if not value.org_unit and not value.org_unit_name:
        raise refuse(QuarantineReason.MISSING_FIELD, "orgUnit", remedy=add_field("orgUnit"))
    meaning = table.meaning(value)
    return Figure(
        row,
        value,
        meaning,
        communes.find(table.commune(value.org_unit), value.org_unit_name, value.period),
        communes.span(value.period),
        read_number(value, meaning),
        _moment(value.observed_at, table.zone),
    )


def read_number(value: DataValue, meaning: Meaning) -> Number:
    """Return the number of a value: whole for a count, a percentage for a rate."""
    given = value.value
    if type(given) is str and given.isdigit() and given.isascii() and len(given) <= 18 and meaning.role != "value":
        return int(given)  # nearly all are such: the rest of this function takes six times as long
    if given is None or given == "":
        if value.deleted:
            return None
        raise refuse(QuarantineReason.NO_MEASURE, "value")
    if isinstance(given, str):
        given = given.strip()
        given = _YES_NO.get(given, given)
    if isinstance(given, bool):
        if meaning.role != "value":
            raise refuse(QuarantineReason.NOT_A_NUMBER, "value", given)
        return given
    text = str(given)
    if not _NUMBER.fullmatch(text) or float(text) in _INFINITE:
        remedy = YES_NO_OR_NUMBER if meaning.role == "value" else None
        raise refuse(QuarantineReason.NOT_A_NUMBER, "value", given, remedy=remedy)
    return _rate(float(text), meaning) if meaning.role == "value" else _count(text)


def _rate(number: float, meaning: Meaning) -> float:
    if not meaning.is_fraction:
        return number
    if number > 1:
        raise refuse(QuarantineReason.AMBIGUOUS_NUMBER, "value", number, "declared as a fraction: at most 1")
    return round(number * 100, 10)


def _count(text: str) -> int:
    if not float(text).is_integer():
        raise refuse(QuarantineReason.NOT_AN_INTEGER, "value", text, "is it a thousands separator?")
    return int(text) if text.lstrip("+-").isdigit() else int(float(text))


def _moment(text: str | None, zone: dt.timezone) -> dt.datetime | None:
    """Return the moment in a text; one without an offset is in the source's zone, as DHIS2 writes it."""
    if not text:
        return None
    try:
        moment = dt.datetime.fromisoformat(text)
        return moment if moment.tzinfo is not None else moment.replace(tzinfo=zone)
    except ValueError:
        raise refuse(QuarantineReason.BAD_OBSERVED_AT, "lastUpdated", text) from None
