"""Data values as the quarantine keeps them, whatever format they came in."""

import msgspec

from services.ingest.adapters.formats.value_set import ValueSet, Wishes
from services.ingest.domain.aliases import AliasTable
from services.ingest.domain.errors import MalformedBodyError
from services.ingest.domain.values import decode_values


async def read_kept(body: bytes, wishes: Wishes, table: AliasTable) -> ValueSet:
    """Open rows that were set aside; a row that was no data value at all is none now."""
    del wishes, table
    try:
        values = decode_values(body)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        raise MalformedBodyError("The row is no data value, whatever the catalog says.") from None
    return ValueSet(rows=values, locate=lambda row: f"[{row}]")
