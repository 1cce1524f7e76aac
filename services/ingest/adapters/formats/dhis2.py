"""DHIS2 dataValueSets in JSON: one number a row, whose meaning the source's alias table gives."""

import datetime as dt
import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

import msgspec

from services.ingest.domain.aliases import AliasTable
from services.ingest.domain.errors import MalformedBodyError
from services.ingest.domain.faults import Fault, RefusedError, refuse
from services.ingest.domain.identity import Arrival, content_id
from services.ingest.domain.native import NativeEvent, decode_document
from services.ingest.domain.reading import NO_MATE, BadRow, Desk, Draft, Reading, judge
from shared.catalog.profiles import Alias
from shared.contracts.vocabulary import QuarantineReason, Stage

ROWS_PER_SLICE: Final = 500
_CONTEXT_FIELDS: Final = ("dataSet", "completeDate", "completedDate", "period", "orgUnit", "dataElement",
                          "categoryOptionCombo", "attributeOptionCombo")  # fmt: skip
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


class DataValueSet(msgspec.Struct):
    """A request: its rows and the defaults that stand above them."""

    context: dict[str, Any]
    rows: list[Any]

    def raw(self, *documents: object) -> bytes:
        """Return a request of just these rows, complete in itself: what is kept of a quarantined row."""
        return msgspec.json.encode(self.context | {"dataValues": documents})

    @property
    def complete_date(self) -> str | None:
        """When the sender says the form was completed."""
        date = self.context.get("completeDate") or self.context.get("completedDate")
        return None if date is None else str(date)

    @property
    def stage(self) -> Stage | None:
        """Final when the sender says that the form is complete."""
        return Stage.FINAL if self.complete_date else None


def decode_data_value_set(body: bytes) -> DataValueSet:
    """Return the request in a body; one that is none is refused as a whole."""
    if not body.strip():
        raise MalformedBodyError("The body is empty.")
    try:
        document = decode_document(body)
    except RefusedError as refused:
        raise MalformedBodyError(f"The body is not JSON: {refused.fault.detail}.") from None
    if not isinstance(document, dict) or not isinstance(document.get("dataValues"), list):
        raise MalformedBodyError('A data value set is an object with an array "dataValues".')
    if document.get("deletion"):
        raise MalformedBodyError('"deletion" is not supported: send the rows with "deleted": true.')
    context = {name: document[name] for name in _CONTEXT_FIELDS if document.get(name) is not None}
    return DataValueSet(context, document["dataValues"])


def read_data_values(request: DataValueSet, desk: Desk, reading: Reading, aliases: AliasTable) -> Iterator[None]:
    """Read a data value set: the two halves of a ratio become one report when both are in the request."""
    halves: dict[tuple[object, ...], Value] = {}
    for row, document in enumerate(request.rows):
        if row % ROWS_PER_SLICE == 0:
            yield
        reading.rows += 1
        try:
            value = _value(request, row, document, aliases)
        except RefusedError as refused:
            reading.refuse(row, refused.fault, request.raw(document))
            continue
        if value.alias.role == "value":
            _take(desk, reading, request, value)
            continue
        key = _half_key(value)
        other = halves.get(key)
        if other is None:
            halves[key] = value
        elif other.alias.role != value.alias.role:
            del halves[key]
            _take(desk, reading, request, other, value)
        else:  # the same half twice: the later one stands alone after the earlier one
            _take(desk, reading, request, other)
            halves[key] = value
    for value in halves.values():
        _take(desk, reading, request, value)


def _half_key(value: Value) -> tuple[object, ...]:
    alias = value.alias
    return (value.commune, value.period, alias.indicator, alias.sex, alias.sector, value.deleted)


def _take(desk: Desk, reading: Reading, request: DataValueSet, value: Value, mate: Value | None = None) -> None:
    """Judge one report made of one or two values."""
    values = (value,) if mate is None else (value, mate)
    raw = request.raw(*(item.document for item in values))
    mate_row = NO_MATE if mate is None else mate.row
    event, arrival = _event(desk, request, values)
    report = judge(desk, event)
    if isinstance(report, Fault):
        fault = _in_dhis2_words(report)
        reading.bad.append(BadRow(value.row, fault, raw, None, mate_row))
    else:
        reading.good.append(Draft(value.row, report, raw, arrival, mate_row))


def _event(desk: Desk, request: DataValueSet, values: tuple[Value, ...]) -> tuple[NativeEvent, Arrival | None]:
    first = values[0]
    numbers = {item.alias.role: item.number for item in values}
    times = [item.observed_at for item in values if item.observed_at is not None]
    source = desk.grant.source
    fact = (first.commune, first.period, first.alias.indicator, first.alias.sex, first.alias.sector, *sorted(numbers))
    said = (*(numbers[role] for role in sorted(numbers)), first.deleted, request.stage)
    if len(times) == len(values):
        observed_at, arrival = max(times), None
        event_id = content_id(source, *fact, *said, observed_at.isoformat())
    else:
        observed_at, arrival = desk.received_at, Arrival(content_id(source, *fact), content_id(*said))
        event_id = arrival.key
    value = numbers.get("value")
    event = NativeEvent(
        id=event_id,
        commune=first.commune,
        indicator=first.alias.indicator,
        period=first.period,
        observed_at=observed_at,
        sex=first.alias.sex,
        sector=first.alias.sector,
        numerator=_half(numbers, "numerator", first),
        denominator=_half(numbers, "denominator", first),
        value=value if value is None or isinstance(value, bool) else float(value),
        deleted=first.deleted,
        stage=request.stage,
    )
    return event, arrival


def _half(numbers: Mapping[str, int | float | bool | None], role: str, first: Value) -> int | None:
    """Return one half of the ratio; a deleted half needs no number, only its role."""
    if role not in numbers:
        return None
    number = numbers[role]
    return 0 if number is None and first.deleted else number if number is None else int(number)


def _value(request: DataValueSet, row: int, document: object, aliases: AliasTable) -> Value:
    if not isinstance(document, dict):
        raise refuse(QuarantineReason.WRONG_TYPE, f"dataValues[{row}]", document, "a data value is an object")
    fields = request.context | {name: value for name, value in document.items() if value is not None}
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


_FIELD_WORDS: Final = {
    "commune": "orgUnit", "indicator": "dataElement", "sex": "categoryOptionCombo", "sector": "categoryOptionCombo",
    "numerator": "value", "denominator": "value", "observed_at": "lastUpdated",
}  # fmt: skip


def _in_dhis2_words(fault: Fault) -> Fault:
    return msgspec.structs.replace(fault, field=_FIELD_WORDS.get(fault.field, fault.field))
