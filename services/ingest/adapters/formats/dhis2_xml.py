"""DHIS2 dataValueSets in XML (dxf2): the fields of a row are attributes, the defaults stand in the root."""

from collections.abc import Iterator
from typing import Final

import msgspec

from services.ingest.adapters.formats.dhis2_rows import HEAD_FIELDS, RowContext, read_flag
from services.ingest.adapters.formats.dhis2_schemes import SCHEME_FIELDS
from services.ingest.adapters.formats.value_set import ValueSet, Wishes
from services.ingest.adapters.formats.xml_elements import Elements, read_items
from services.ingest.domain.aliases import AliasTable
from services.ingest.domain.errors import MalformedBodyError
from services.ingest.domain.faults import RefusedError
from services.ingest.domain.values import BadValue, Row

_HEAD: Final = (*HEAD_FIELDS, *SCHEME_FIELDS)
_Attributes = dict[str, str]


async def read_xml(body: bytes, wishes: Wishes, table: AliasTable) -> ValueSet:
    """Open a dataValueSet document."""
    if not body.strip():
        raise MalformedBodyError("The body is empty.")
    elements = _DataValueSet()
    items = read_items(body, elements)
    next(items, None)
    context = RowContext.of(elements.head, wishes, table)
    return ValueSet(
        rows=_rows(items, context),
        locate=lambda row: f"/dataValueSet/dataValue[{row + 1}]",
        complete_date=context.complete_date,
    )


class _DataValueSet(Elements[_Attributes]):
    """Collects the attributes of the rows, and those of the root that say something of them."""

    root = "dataValueSet"

    def __init__(self) -> None:
        super().__init__()
        self.head: _Attributes = {}

    def open_root(self, attributes: _Attributes) -> None:
        """Keep what stands above the rows."""
        self.head = {name: attributes[name] for name in _HEAD if name in attributes}

    def open(self, depth: int, name: str, attributes: _Attributes) -> bool:
        """Take a row; elements of other names are none of ours, as in DHIS2."""
        if name == "deletion":
            raise MalformedBodyError('<deletion> is not supported: send the rows with deleted="true".')
        if name != "dataValue":
            return False
        if depth != 1:
            raise MalformedBodyError("A <dataValue> stands inside of another element than <dataValueSet>.")
        self.items.append(attributes)
        return True


def _rows(items: Iterator[_Attributes | None], context: RowContext) -> Iterator[Row]:
    for attributes in items:
        if attributes is None:
            continue
        get = attributes.get
        try:
            deleted = read_flag("deleted", get("deleted"))
        except RefusedError as refused:
            yield BadValue(refused.fault, msgspec.json.encode(attributes))
            continue
        yield context.value(
            get("dataElement"),
            get("period"),
            get("orgUnit"),
            get("categoryOptionCombo"),
            get("attributeOptionCombo") or get("attributeCategoryOptions"),
            get("value"),
            get("lastUpdated") or get("timestamp") or get("created"),
            deleted,
        )
