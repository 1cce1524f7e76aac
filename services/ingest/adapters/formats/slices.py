"""A large body as slices: each, between its head and its tail, is a complete small body of the same format."""

import mmap
from collections.abc import Callable, Generator
from contextlib import AbstractContextManager
from typing import Final, Protocol

import msgspec

from services.ingest.domain.errors import BodyTooLargeError

SLICE_BYTES: Final = 1024 * 1024
MAX_ROW_BYTES: Final = 4 * 1024 * 1024
MAX_ROWS: Final = 100_000
MAX_HEAD_BYTES: Final = 256 * 1024
# What is written between two rows; more of it is no document that anybody sends.
MAX_GAP_BYTES: Final = 64 * 1024

Relocate = Callable[[str], str]


class Slice(msgspec.Struct, frozen=True):
    """The bytes of a body from `start` to `end`, and what makes a document of them: `head` before, `tail` after.

    `place` is where it begins. `relocate` turns a place in that small document into the place in the whole body.
    `first_row` is the number of its first row; None where only reading tells how many rows came before.
    """

    start: int
    end: int
    head: bytes
    tail: bytes
    place: str
    relocate: Relocate
    first_row: int | None = None


class LargeBody(Protocol):
    """A body that is kept outside of memory."""

    def read(self, start: int, end: int) -> bytes:
        """Return the bytes from `start` to `end`."""
        ...

    def mapped(self) -> AbstractContextManager[mmap.mmap]:
        """Return the body as bytes that are read when they are looked at."""
        ...


Cutting = Generator[None, None, list[Slice]]


class Cutter(Protocol):
    """Cuts a body that is mapped into memory; yields now and then so that others work.

    Raises IngestErrors for a body that is no document of the format, that holds data of persons, or one of whose rows
    is too large: the whole body was looked at when it returns, and nothing of it was stored.
    """

    def __call__(self, body: mmap.mmap, slice_bytes: int = SLICE_BYTES) -> Cutting:
        """Return the slices, which together hold every row exactly once and in order."""
        ...


def too_many_rows(place: str) -> BodyTooLargeError:
    """Return the refusal of rows that are smaller than any row is: millions of them are no data, and take minutes."""
    return BodyTooLargeError(f"There are more than {MAX_ROWS} rows before {place} in less than a megabyte.")


def row_too_large(place: str) -> BodyTooLargeError:
    """Return the refusal of a row that is larger than any row is."""
    limit = MAX_ROW_BYTES // 1024 // 1024
    return BodyTooLargeError(f"What stands at {place} does not end within {limit} MB; no row is that large.")
