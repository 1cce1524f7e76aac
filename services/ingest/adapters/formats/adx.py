"""ADX (IHE QRPH, urn:ihe:qrph:adx:2015): groups of data values of one unit and period, disaggregated by attributes."""

import bisect
from collections.abc import Iterator
from typing import Final

import msgspec

from services.ingest.adapters.formats.dhis2_rows import FIGURE, RowContext, read_flag, refuse_long_head
from services.ingest.adapters.formats.value_set import ValueSet, Wishes
from services.ingest.adapters.formats.xml_elements import Elements, read_items
from services.ingest.domain.aliases import AliasTable
from services.ingest.domain.errors import MalformedBodyError
from services.ingest.domain.faults import RefusedError
from services.ingest.domain.values import BadValue, DataValue, Row
from shared.contracts.vocabulary import MeasureKind, Stage

_Attributes = dict[str, str]
# Whatever else stands in a group or a value is a disaggregation.
_OF_GROUP: Final = frozenset({"attributeOptionCombo", "comment", "completeDate", "dataSet", "orgUnit", "period"})
_OF_VALUE: Final = frozenset(
    {
        "annotation", "attributeOptionCombo", "categoryOptionCombo", "comment", "created", "dataElement", "deleted",
        "followUp", "followup", "lastUpdated", "storedBy", "timestamp", "value",
    }
)  # fmt: skip
_MAX_ANNOTATION: Final = 1_000
MAX_GROUP_ATTRIBUTES: Final = 20
_VALUE: Final = "value"


class _Group(msgspec.Struct, frozen=True):
    """What a group says of its values."""

    attributes: _Attributes
    categories: _Attributes
    stage: Stage | None

    @staticmethod
    def of(attributes: _Attributes) -> "_Group":
        stage = Stage.FINAL if attributes.get("completeDate") else None
        return _Group(attributes, _categories(attributes, _OF_GROUP), stage)


class _Value(msgspec.Struct):
    """A value as it stands in its group."""

    group: _Group
    attributes: _Attributes
    annotation: str | None = None


async def read_adx(body: bytes, wishes: Wishes, table: AliasTable) -> ValueSet:
    """Open an ADX document."""
    if not body.strip():
        raise MalformedBodyError("The body is empty.")
    elements = _Adx()
    items = read_items(body, elements)
    next(items, None)
    context = RowContext.of({}, wishes, table)
    if elements.exported:
        context = msgspec.structs.replace(context, observed_at=elements.exported)
    return ValueSet(rows=_rows(items, context, table), locate=elements.locate)


class _Adx(Elements[_Value]):
    """Collects the values with their groups, and where the groups begin."""

    root = "adx"

    def __init__(self) -> None:
        super().__init__()
        self.exported = ""
        self._group: _Group | None = None
        self._value: _Value | None = None
        self._in_annotation = False
        self._count = 0
        self._firsts: list[int] = []

    def locate(self, row: int) -> str:
        """Return the place of a value that was read."""
        group = bisect.bisect_right(self._firsts, row)
        return f"/adx/group[{group}]/dataValue[{row - self._firsts[group - 1] + 1}]"

    def open_root(self, attributes: _Attributes) -> None:
        """Keep when the document was made."""
        self.exported = attributes.get("exported", "")

    def open(self, depth: int, name: str, attributes: _Attributes) -> bool:
        """Take a group, a value or its annotation; elements of other names are none of ours."""
        if depth == 1:
            self._group = None
        if name == "dataValue":
            return self._open_value(depth, attributes)
        if name == "group":
            return self._open_group(depth, attributes)
        value = self._value
        if name != "annotation" or depth != 3 or value is None or value.annotation is not None:
            return False
        value.annotation = ""
        self._in_annotation = True
        return True

    def _open_group(self, depth: int, attributes: _Attributes) -> bool:
        if depth != 1:
            raise MalformedBodyError("A <group> stands inside of another element than <adx>.")
        follows_empty = bool(self._firsts) and self._firsts[-1] == self._count
        if len(attributes) > MAX_GROUP_ATTRIBUTES:
            raise MalformedBodyError(f"A <group> has more than {MAX_GROUP_ATTRIBUTES} attributes.")
        refuse_long_head(attributes)
        self._group = _Group.of(attributes)
        self._firsts.append(self._count)
        return not follows_empty

    def _open_value(self, depth: int, attributes: _Attributes) -> bool:
        if depth != 2 or self._group is None:
            raise MalformedBodyError("A <dataValue> stands outside of a <group>: nothing says where and when.")
        self._value = _Value(self._group, attributes)
        self._count += 1
        return True

    def data(self, text: str) -> None:
        """Take text, of which only that of an annotation is kept."""
        if self._in_annotation and self._value is not None:
            self._value.annotation = f"{self._value.annotation}{text}"[:_MAX_ANNOTATION]

    def close_element(self, depth: int) -> None:
        """Hand over a value that is complete."""
        self._in_annotation = False
        if depth == 2 and self._value is not None:
            self.items.append(self._value)
            self._value = None


def _rows(items: Iterator[_Value | None], context: RowContext, table: AliasTable) -> Iterator[Row]:
    for item in items:
        if item is None:
            continue
        try:
            value = _data_value(item, context)
        except RefusedError as refused:
            yield BadValue(refused.fault, msgspec.json.encode(item.group.attributes | item.attributes))
            continue
        if item.annotation:
            value.value = _annotated(value, item.annotation.strip(), table)
        yield value


def _data_value(item: _Value, context: RowContext) -> DataValue:
    group, get = item.group, item.attributes.get
    of_group = group.attributes
    categories = _categories(item.attributes, _OF_VALUE)
    if group.categories:
        categories = group.categories | categories
    deleted = get("deleted")
    value = context.value(
        get("dataElement"),
        of_group.get("period"),
        of_group.get("orgUnit"),
        get("categoryOptionCombo"),
        get("attributeOptionCombo") or of_group.get("attributeOptionCombo"),
        get("value"),
        get("lastUpdated") or get("timestamp") or get("created"),
        read_flag("deleted", deleted) if deleted else False,
        categories or None,
    )
    value.stage = group.stage
    return value


def _categories(attributes: _Attributes, known: frozenset[str]) -> _Attributes:
    return {name: text for name, text in attributes.items() if name not in known and name[0] != "{"}


def _annotated(value: DataValue, annotation: str, table: AliasTable) -> str | float | bool | None:
    """Return what a value with an annotation says.

    ADX has numbers only: a yes/no or a text stands in the annotation, beside the value 0. But a count of 0 may have a
    note as well, so there the number holds.
    """
    given = value.value
    if value.deleted or given not in (None, "", "0"):
        return given
    if not given or FIGURE.fullmatch(annotation):
        return annotation
    return annotation if _may_be_yes_or_no(value, table) else given


def _may_be_yes_or_no(value: DataValue, table: AliasTable) -> bool:
    alias = table.alias(value)  # none for what is refused later, with the reason, when the value is looked up
    if alias is None or alias.role != _VALUE:
        return False
    indicator = table.indicator_of(alias)
    return indicator is None or MeasureKind.BOOLEAN in indicator.measures
