"""COPY from memory, as part of the transaction that SQLAlchemy keeps."""

from collections.abc import Sequence

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from shared.runtime.copying import pieces
from shared.runtime.database import raw_connection

_NOTHING = text("SELECT")


async def copy_in(
    connection: AsyncConnection,
    table: str,
    columns: Sequence[str],
    rows: bytes,
    *,
    schema: str | None = None,
    null: str = r"\N",
) -> None:
    """Append rows in COPY's text format inside the caller's transaction."""
    driver = await raw_connection(connection)
    if not driver.is_in_transaction():
        # SQLAlchemy begins with its first statement; a COPY before that would be committed by itself.
        await connection.execute(_NOTHING)
    await driver.copy_to_table(table, schema_name=schema, columns=columns, source=pieces([rows]), null=null)
