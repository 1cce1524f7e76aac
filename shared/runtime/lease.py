"""The lease: a PostgreSQL session lock on the very connection its holder commits on, so the fence costs nothing."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from shared.runtime.database import is_outage, raw_connection
from shared.runtime.errors import LeaseLostError, OtherLayoutError

__all__ = ["Lease", "LeaseLostError"]

# First half of the advisory lock's key, so that other uses of advisory locks in the database never meet ours.
_CLASS_ID = 0x0DA7
# The same for the locks that say with how many partitions the holders of leases work; all of one number share one.
# Nobody else may use this class (relays and the notifier's outbox have 0x0DA8): its keys are read as such numbers.
_LAYOUT_CLASS_ID = 0x0DA9

_TAKE = text("SELECT pg_try_advisory_lock(:class_id, :key)")
_SHARE_LAYOUT = text("SELECT pg_advisory_lock_shared(:class_id, :layout)")
# Looked at after sharing: of two that begin at once with different numbers at least one sees the other.
_OTHER_LAYOUT = text(
    "SELECT max(objid::bigint) FROM pg_locks WHERE locktype = 'advisory' AND classid = :class_id AND objid <> :layout "
    "AND database = (SELECT oid FROM pg_database WHERE datname = current_database())"
)


class Lease:
    """At most one process holds the lease of a key; its lock ends with its connection, however the process ends."""

    def __init__(self, engine: AsyncEngine, key: int, layout: int = 1) -> None:
        self._engine = engine
        self._key = key
        self._layout = layout
        self._connection: AsyncConnection | None = None
        self._driver: object | None = None
        self._lock = asyncio.Lock()

    @property
    def is_held(self) -> bool:
        """Tell whether the lease was acquired and its connection has not been seen broken."""
        connection = self._connection
        return connection is not None and not connection.closed and not connection.invalidated

    async def try_acquire(self) -> bool:
        """Try to take the lease on a new connection; return False when another process holds it.

        Raise OtherLayoutError when leases are held by processes that work with another number of partitions: the same
        unit would have two writers.
        """
        if self.is_held:
            return True
        await self.release()
        connection = await self._engine.connect()
        try:
            granted = await connection.scalar(_TAKE, {"class_id": _CLASS_ID, "key": self._key})
            if granted:
                await self._share_layout(connection)
            await connection.commit()
            if granted:
                self._driver = await raw_connection(connection)
                self._connection = connection
                return True
        except BaseException:
            await connection.invalidate()
            await connection.close()
            raise
        await connection.close()
        return False

    async def _share_layout(self, connection: AsyncConnection) -> None:
        parameters = {"class_id": _LAYOUT_CLASS_ID, "layout": self._layout}
        await connection.execute(_SHARE_LAYOUT, parameters)
        other = await connection.scalar(_OTHER_LAYOUT, parameters)
        if other is not None:
            raise OtherLayoutError(
                f"Writers with {other} partitions are running, DATCHUAN_PARTITIONS is {self._layout} here: it must be "
                "the same for all services. To change it, let the mailbox drain, stop all, and start with the new one."
            )

    @property
    def connection(self) -> AsyncConnection:
        """The connection that holds the lock: every commit under the lease goes through it."""
        if self._connection is None or not self.is_held:
            # SQLAlchemy would silently reconnect an invalidated connection, and the new session holds no lock.
            raise LeaseLostError("The lease is not held: its connection is gone.")
        return self._connection

    @asynccontextmanager
    async def begin(self) -> AsyncIterator[AsyncConnection]:
        """Run one transaction on the lease's connection; raise LeaseLostError when the lock went with the old one."""
        async with self._lock:
            connection = self.connection
            async with connection.begin():
                if await raw_connection(connection) is not self._driver:
                    raise LeaseLostError("The lease is lost: its connection was replaced.")
                yield connection

    async def check(self) -> None:
        """Make a round trip on the lease's connection; raise LeaseLostError when it is broken."""
        try:
            async with self.begin() as connection:
                await connection.execute(text("SELECT 1"))
        except Exception as error:
            if isinstance(error, LeaseLostError) or not is_outage(error):
                raise
            raise LeaseLostError("The lease is lost: PostgreSQL closed its connection.") from error

    async def release(self) -> None:
        """Give the lease up by closing its connection; harmless when it is not held."""
        connection, self._connection, self._driver = self._connection, None, None
        if connection is None:
            return
        # Never back to the pool: a session lock outlives the transaction, it ends only with its session.
        try:
            if not connection.closed:
                await connection.invalidate()
        finally:
            await connection.close()
