"""Reading the audit back: its chain of blocks computed anew, to find what was changed, deleted or put in."""

import datetime as dt
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from services.notifier.adapters.audit_chain import place_of
from services.notifier.domain.chain import GENESIS, Block, Break, Fault, SealedLine, broken_line, broken_link

_NO_END = 2**63 - 1
_MOST_BREAKS = 20

BLOCK = "number, after_id, first_id, last_id, from_xid, to_xid, rows, sealed_at, previous, digests, hash"
LINE = "id, xid, at, kind, alert_id, delivery_id, actor, details"

_NEXT = text(f"SELECT {BLOCK} FROM notifier.audit_block WHERE number > :number ORDER BY number LIMIT 1")
_RUNS = text("SELECT DISTINCT after_id FROM notifier.audit_block ORDER BY after_id")
_BETWEEN = """
  FROM notifier.audit
 WHERE (xid, id) > (:from_xid, :from_id) AND (xid, id) <= (:to_xid, :to_id) AND id > :after_id AND id <= :until_id"""
_LINES = text(f"SELECT {LINE} {_BETWEEN} ORDER BY xid, id")
_COUNT = text(f"SELECT count(*), min(id) {_BETWEEN}")
_STRAY = text("SELECT id FROM notifier.audit WHERE id <= 0 ORDER BY id LIMIT 1")


@dataclass(frozen=True, slots=True)
class Verification:
    """What a check of the chain has found; `breaks` in the order of the blocks, at most twenty."""

    blocks: int
    lines: int
    unsealed: int
    head: str
    sealed_at: dt.datetime | None
    breaks: tuple[Break, ...]


async def verify(engine: AsyncEngine, known: str | None = None) -> Verification:
    """Compute the whole chain anew; `known` is a hash kept elsewhere that the chain must hold, too."""
    async with snapshot(engine) as connection:
        return await _Check(connection, known).run()


@asynccontextmanager
async def snapshot(engine: AsyncEngine) -> AsyncIterator[AsyncConnection]:
    """Open a connection that sees one picture of lines and blocks, whatever is written and sealed meanwhile."""
    async with engine.connect() as connection:
        await connection.execution_options(isolation_level="REPEATABLE READ")
        yield connection


class _Check:
    """One walk along the chain."""

    def __init__(self, connection: AsyncConnection, known: str | None) -> None:
        self._connection = connection
        self._known = known
        self._breaks: list[Break] = []
        self._lines = 0
        self._runs: list[int] = []

    async def run(self) -> Verification:
        """Walk along the whole chain."""
        place = await place_of(self._connection)
        restored = [] if place.restored_until is None else [place.restored_until]
        self._runs = [*(await self._connection.execute(_RUNS)).scalars(), *restored]
        stray = await self._connection.scalar(_STRAY)
        if stray is not None:
            self._breaks.append(Break(Fault.INSERTED, 0, stray))
        is_known = self._known is None
        before: Block | None = None
        while (block := await self._next(before)) is not None:
            is_known = is_known or block.hash == self._known
            await self._check(block, before)
            before = block
        if not is_known:
            self._breaks.append(Break(Fault.UNKNOWN_HASH, before.number if before else 0))
        unsealed = (await self._connection.execute(_COUNT, self._rest(before))).one()[0]
        if restored:
            later = self._range(0, 0, place.restored_until or 0)
            unsealed += (await self._connection.execute(_COUNT, later)).one()[0]
        return Verification(
            blocks=before.number if before else 0,
            lines=self._lines,
            unsealed=unsealed,
            head=before.hash if before else GENESIS,
            sealed_at=before.sealed_at if before else None,
            breaks=tuple(self._breaks[:_MOST_BREAKS]),
        )

    async def _check(self, block: Block, before: Block | None) -> None:
        follows = before is not None and block.after_id == before.after_id
        if before is not None and not follows:
            amount, first = (await self._connection.execute(_COUNT, self._rest(before))).one()
            if amount:
                self._breaks.append(Break(Fault.INSERTED, before.number, first))
        begin = (before.to_xid, before.last_id) if before and follows else (0, 0)
        asked = self._range(*begin, block.after_id) | {"to_xid": block.to_xid, "to_id": block.last_id}
        lines = [SealedLine(*row) for row in await self._connection.execute(_LINES, asked)]
        self._lines += len(lines)
        for found in (broken_link(block, before), broken_line(block, lines)):
            if found is not None:
                self._breaks.append(found)

    async def _next(self, before: Block | None) -> Block | None:
        row = (await self._connection.execute(_NEXT, {"number": before.number if before else 0})).one_or_none()
        return None if row is None else Block(*row)

    def _rest(self, last: Block | None) -> dict[str, int]:
        """Return the range of the lines after a block, to the end of its run of ids."""
        return self._range(0, 0, 0) if last is None else self._range(last.to_xid, last.last_id, last.after_id)

    def _range(self, xid: int, line: int, after_id: int) -> dict[str, int]:
        until = next((each for each in self._runs if each > after_id), _NO_END)
        start = {"from_xid": xid, "from_id": line, "after_id": after_id}
        return start | {"to_xid": _NO_END, "to_id": _NO_END, "until_id": until}
