"""Takes a body too large for memory part by part, each of them as a small body, and adds up what became of them."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import nullcontext
from typing import Final

import msgspec

from services.ingest.adapters.formats.cutting import cut
from services.ingest.adapters.formats.slices import SLICE_BYTES, LargeBody, Slice
from services.ingest.adapters.intake import Import
from services.ingest.domain.errors import BodyTooLargeError, PartlyTakenError
from services.ingest.domain.reading import MAX_BAD_ROWS, PayloadFormat
from services.ingest.domain.report import ImportReport, counts_of
from services.ingest.domain.tokens import Grant

Take = Callable[[Grant, Import], Awaitable[ImportReport]]
_BIG_BODY: Final = 2 * 1024 * 1024
_BIG_WORKBOOK: Final = 256 * 1024


class Imports:
    """Takes bodies of any size. Of the large ones one at a time: others wait on disk meanwhile, and small ones go on.
    Of those that are read whole though they are big, one at a time too: their rows take ten times the memory.

    The whole of a large body is looked at first: what is no document, and data of persons, is refused with nothing
    stored. What fails later leaves the parts before it committed, and says so.
    """

    def __init__(self, take: Take, admit: Callable[[], None], slice_bytes: int = SLICE_BYTES) -> None:
        """`admit` raises when the service takes no more rows at present."""
        self._take = take
        self._admit = admit
        self._slice_bytes = slice_bytes
        self._turn, self._whole_turn = asyncio.Lock(), asyncio.Lock()

    async def take(self, grant: Grant, asked: Import) -> ImportReport:
        """Return what became of every row of the body."""
        body = asked.large
        if body is None:
            async with self._whole_turn if _is_big(asked) else nullcontext():
                return await self._take(grant, asked)
        if asked.atomic:
            raise BodyTooLargeError(
                "A body of this size is taken in parts, so it cannot be atomic: leave atomic out, or split the body."
            )
        async with self._turn:
            slices = await self._cut(asked.format, body)
            total = await self._take_part(grant, asked, body, slices[0], 0)
            for part in slices[1:]:
                try:
                    self._admit()
                    _refuse_too_many(total)
                    total += await self._take_part(grant, asked, body, part, total.rows)
                except Exception as error:  # whatever it is, the sender learns what was taken before
                    raise PartlyTakenError(counts_of(total), part.place, error) from error
            return total

    async def _cut(self, format_: PayloadFormat, body: LargeBody) -> list[Slice]:
        with body.mapped() as mapped:
            cutting = cut(format_, mapped, self._slice_bytes)
            while True:
                try:
                    next(cutting)
                except StopIteration as done:
                    slices: list[Slice] = done.value
                    return slices
                await asyncio.sleep(0)

    async def _take_part(
        self, grant: Grant, asked: Import, body: LargeBody, part: Slice, rows_before: int
    ) -> ImportReport:
        text = b"".join((part.head, body.read(part.start, part.end), part.tail))
        first_row = rows_before if part.first_row is None else part.first_row
        return await self._take(
            grant, msgspec.structs.replace(asked, body=text, large=None, first_row=first_row, relocate=part.relocate)
        )


def _is_big(asked: Import) -> bool:
    """Return whether the rows of a body take much more memory than it: of such only one at a time is read whole."""
    return len(asked.body) > (_BIG_WORKBOOK if asked.format is PayloadFormat.SPREADSHEET else _BIG_BODY)


def _refuse_too_many(total: ImportReport) -> None:
    if total.quarantined > MAX_BAD_ROWS:
        raise BodyTooLargeError(f"More than {MAX_BAD_ROWS} rows cannot be taken. Correct what they have in common.")
