"""DHIS2 dataValueSets in JSON: one number a row, with defaults that stand above all rows."""

import re
from collections.abc import Iterator, Sequence
from typing import Any, Final

import msgspec
from msgspec import UNSET, UnsetType

from services.ingest.adapters.formats.dhis2_fields import read_fields, read_raw
from services.ingest.adapters.formats.dhis2_rows import HEAD_FIELDS, RowContext
from services.ingest.adapters.formats.dhis2_schemes import SCHEME_FIELDS
from services.ingest.adapters.formats.value_set import ValueSet, Wishes
from services.ingest.domain.aliases import AliasTable
from services.ingest.domain.documents import UNDECODABLE, decode_document, refuse_crowded
from services.ingest.domain.errors import MalformedBodyError
from services.ingest.domain.faults import RefusedError
from services.ingest.domain.repeated_names import NAME_END, look_closely
from services.ingest.domain.values import Row

_BLANKS: Final = (b" ", b"\n", b"\t", b"\r")
_SPACED: Final = re.compile(rb'"[ \t\r\n]+:')
_NAME_END: Final = re.compile(rb'"[ \t\r\n]*:')
_HEAD: Final = (*HEAD_FIELDS, *SCHEME_FIELDS)
# A set with nothing above its rows but what we know; the rows are decoded one by one, when they are asked for.
_decode_set: Final = msgspec.json.Decoder(
    msgspec.defstruct(
        "_Set",
        [("dataValues", list[msgspec.Raw]), *((name, str | int | bool | UnsetType | None, UNSET) for name in _HEAD)],
        forbid_unknown_fields=True,
    )
).decode


async def read_json(body: bytes, wishes: Wishes, table: AliasTable) -> ValueSet:
    """Open a dataValueSets document."""
    if not body.strip():
        raise MalformedBodyError("The body is empty.")
    refuse_crowded(body)
    try:
        document: Any = _decode_set(body)
    except UNDECODABLE:
        head, documents = _open_loosely(body)
        context = RowContext.of(head, wishes, table)
        rows: Iterator[Row] = (read_fields(row, context) for row in documents)
    else:
        head = {name: value for name in _HEAD if (value := getattr(document, name)) is not UNSET}
        context = RowContext.of(head, wishes, table)
        rows = _read_rows(document.dataValues, context, _Names(body, len(head) + 1))
    return ValueSet(rows=rows, locate=lambda row: f"dataValues[{row}]", complete_date=context.complete_date)


def _open_loosely(body: bytes) -> tuple[dict[str, object], list[object]]:
    """Return head and rows of a body with something in it that we do not expect."""
    try:
        document = decode_document(body)
    except RefusedError as refused:
        raise MalformedBodyError(f"The body is not JSON: {refused.fault.detail}.") from None
    rows = document.get("dataValues") if isinstance(document, dict) else None
    if not isinstance(document, dict) or not isinstance(rows, list):
        raise MalformedBodyError('A data value set is an object with an array "dataValues".')
    if document.get("deletion"):
        raise MalformedBodyError('"deletion" is not supported: send the rows with "deleted": true.')
    return {name: document[name] for name in _HEAD if name in document}, rows


class _Names:
    """Counts the names of a body: any that its rows and its head do not account for are given twice.

    White space before a colon hides a name from the quick way of counting.
    """

    __slots__ = ("body", "is_spaced", "left")

    def __init__(self, body: bytes, head: int) -> None:
        self.body = body
        self.is_spaced = any(blank in body for blank in _BLANKS) and _SPACED.search(body) is not None
        self.left = self.count(body) - head

    def count(self, text: bytes) -> int:
        """Return how many names a text seems to have."""
        return len(_NAME_END.findall(text)) if self.is_spaced else text.count(NAME_END)

    def settle(self) -> None:
        """Raise MalformedBodyError when a name stands twice above the rows."""
        try:
            if self.left:
                look_closely(self.body)
        except RefusedError as refused:
            raise MalformedBodyError(f"{refused.fault.field!r}: {refused.fault.detail}.") from None


class _Fields(
    msgspec.Struct,
    forbid_unknown_fields=True,
    gc=False,
    rename={
        "element": "dataElement",
        "org_unit": "orgUnit",
        "option": "categoryOptionCombo",
        "attribute": "attributeOptionCombo",
        "updated": "lastUpdated",
        "stored_by": "storedBy",
        "follow_up": "followUp",
    },
):
    """The fields of a row. One with others is read again field by field: among them may be personal data."""

    element: str | UnsetType | None = UNSET
    period: str | UnsetType | None = UNSET
    org_unit: str | UnsetType | None = UNSET
    option: str | dict[str, str] | UnsetType | None = UNSET
    attribute: str | UnsetType | None = UNSET
    value: str | int | float | bool | UnsetType | None = UNSET
    updated: str | UnsetType | None = UNSET
    timestamp: str | UnsetType | None = UNSET
    created: str | UnsetType | None = UNSET
    deleted: bool | UnsetType | None = UNSET
    stored_by: str | UnsetType | None = UNSET
    comment: str | UnsetType | None = UNSET
    followup: bool | UnsetType | None = UNSET
    follow_up: bool | UnsetType | None = UNSET


_MAX_NAMES: Final = len(_Fields.__struct_fields__)
_decode_fields: Final = msgspec.json.Decoder(_Fields).decode
_tuple: Final = msgspec.structs.astuple


def _read_rows(documents: Sequence[msgspec.Raw], context: RowContext, names: _Names) -> Iterator[Row]:
    """Read row after row: the hot loop. A row that seems to give a name twice is looked at closely."""
    count_names = names.count if names.is_spaced else None
    for raw in documents:
        text = bytes(raw)
        count = text.count(NAME_END) if count_names is None else count_names(text)
        names.left -= count
        try:
            fields = _decode_fields(text)
        except UNDECODABLE:
            yield read_raw(text, context)
            continue
        option = fields.option
        if type(option) is dict or count != _MAX_NAMES - _tuple(fields).count(UNSET):
            yield read_raw(text, context)
            continue
        value = fields.value
        yield context.value(
            fields.element,
            fields.period,
            fields.org_unit,
            option,  # type: ignore[arg-type]  # an object went the careful way above
            fields.attribute,
            None if value is UNSET else value,
            fields.updated or fields.timestamp or fields.created,
            fields.deleted,
        )
    names.settle()
