"""DHIS2 dataValueSets in JSON: one number a row, whose meaning the source's alias table gives."""

from collections.abc import Iterator, Mapping
from typing import Any, Final

import msgspec

from services.ingest.adapters.formats.dhis2_values import Value, read_value
from services.ingest.domain.aliases import AliasTable
from services.ingest.domain.errors import MalformedBodyError
from services.ingest.domain.faults import Fault, RefusedError
from services.ingest.domain.identity import Arrival, content_id
from services.ingest.domain.native import NativeEvent, decode_document
from services.ingest.domain.reading import NO_MATE, BadRow, Desk, Reading, draft, judge
from shared.contracts.vocabulary import Stage

ROWS_PER_SLICE: Final = 500
_CONTEXT_FIELDS: Final = ("dataSet", "completeDate", "completedDate", "period", "orgUnit", "dataElement",
                          "categoryOptionCombo", "attributeOptionCombo")  # fmt: skip


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
            value = read_value(request.context, row, document, aliases)
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
        reading.set_aside(BadRow(value.row, fault, raw, None, mate_row))
    else:
        reading.good.append(draft(value.row, report, raw, arrival, mate_row))


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


_FIELD_WORDS: Final = {
    "commune": "orgUnit", "indicator": "dataElement", "sex": "categoryOptionCombo", "sector": "categoryOptionCombo",
    "numerator": "value", "denominator": "value", "observed_at": "lastUpdated",
}  # fmt: skip


def _in_dhis2_words(fault: Fault) -> Fault:
    return msgspec.structs.replace(fault, field=_FIELD_WORDS.get(fault.field, fault.field))
