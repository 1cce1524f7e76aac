"""Unfolds a gzip piece by piece as it comes, so that neither its size nor a bomb surprises anybody."""

import zlib
from collections.abc import Iterator
from typing import Final

from services.ingest.domain.errors import MalformedBodyError

_GZIP: Final = 16 + zlib.MAX_WBITS
_PIECE: Final = 64 * 1024


class Gunzip:
    """The unfolding of one gzip of one or more members."""

    def __init__(self) -> None:
        self._inflater = zlib.decompressobj(_GZIP)
        self._is_inside = False

    def pieces(self, chunk: bytes) -> Iterator[bytes]:
        """Yield what a further chunk unfolds to, in small pieces: who has seen enough need not take the next one."""
        while chunk := chunk if self._is_inside else chunk.lstrip(b"\0"):  # zeros may stand between members
            self._is_inside = True
            try:
                piece = self._inflater.decompress(chunk, _PIECE)
            except zlib.error:
                raise MalformedBodyError(
                    "The gzip is broken, or is none though the content encoding says so."
                ) from None
            chunk = self._inflater.unconsumed_tail
            if self._inflater.eof:
                chunk = self._inflater.unused_data
                self._inflater = zlib.decompressobj(_GZIP)
                self._is_inside = False
            if piece:
                yield piece

    def finish(self) -> None:
        """Raise unless the last member is complete."""
        if self._is_inside:
            raise MalformedBodyError("The gzip body is cut off.")
