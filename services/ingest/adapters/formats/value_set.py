"""What every format of data values gives: its rows one by one, and where in the body each of them stands."""

from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping
from typing import Protocol

import msgspec

from services.ingest.domain.aliases import AliasTable
from services.ingest.domain.reading import Desk, PayloadFormat, Reading, Remark
from services.ingest.domain.values import Row

# Reads events, which explain themselves, into a reading; yields now and then so that others can work, or something
# that must be awaited before it goes on.
EventReader = Callable[[bytes, Desk, Reading], Iterator[Awaitable[None] | None]]


class Wishes(msgspec.Struct, frozen=True, kw_only=True):
    """What a request says beside its body.

    `period` and `observed_at` (ISO 8601) stand in for what the rows do not say, `form` names a column template,
    `file_name` is the name of the file as sent. `id_schemes` are DHIS2's, by what they name ("dataElement", "orgUnit",
    ..., "all" for what is not named). `first_row_is_header` is for DHIS2's CSV; None leaves it to the look of that row.
    `delete` takes every row back. `apart` makes one report of two halves only when one moment holds for both.
    """

    period: str = ""
    observed_at: str = ""
    form: str = ""
    file_name: str = ""
    id_schemes: dict[str, str] = {}
    delete: bool = False
    first_row_is_header: bool | None = None
    apart: bool = False


class ValueSet(msgspec.Struct, kw_only=True):
    """The rows of a body, read one by one as they are asked for; `locate` tells the place of a row by its number.

    `remarks` grow as the rows are read. `line` tells of rows that stand side by side on one line of a table the same:
    what is wrong with the line is told once.
    """

    rows: Iterable[Row]
    locate: Callable[[int], str]
    complete_date: str | None = None
    remarks: list[Remark] = []
    line: Callable[[int], object] | None = None


class ValueReader(Protocol):
    """Opens a body in one format. Raises IngestErrors for a body that is none as a whole, or that must be refused."""

    async def __call__(self, body: bytes, wishes: Wishes, table: AliasTable) -> ValueSet:
        """Return the rows of the body."""
        ...


class Readers(msgspec.Struct, frozen=True):
    """The readers of events, and those of data values, by format."""

    events: Mapping[PayloadFormat, EventReader]
    values: Mapping[PayloadFormat, ValueReader]
