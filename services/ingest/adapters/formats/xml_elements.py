"""XML read element by element, without a tree: bounded in memory and depth, and deaf to whatever a DOCTYPE asks."""

from abc import ABC, abstractmethod
from collections.abc import Iterator
from typing import Final, Generic, TypeVar
from xml.etree.ElementTree import ParseError
from xml.parsers import expat

from defusedxml.common import DefusedXmlException
from defusedxml.ElementTree import DefusedXMLParser

from services.ingest.domain.errors import MalformedBodyError
from services.ingest.domain.privacy import refuse_personal_names

MAX_DEPTH: Final = 20
MAX_ATTRIBUTES: Final = 200
# How many elements may give nothing: reading them takes the time of other senders.
MAX_EMPTY: Final = 100_000
# The longest start tag, comment or processing instruction.
MAX_TAG_BYTES: Final = 1_000_000
_CHUNK_BYTES: Final = 64 * 1024
_MAX_REMEMBERED: Final = 1_000

Item = TypeVar("Item")


class Elements(ABC, Generic[Item]):
    """Takes the elements of one document; a format says in `open_root`, `open` and `close` what they mean.

    `depth` counts from 0, the root; names come without their namespace. Items are put into `items`, from where
    `read_items` takes them.
    """

    root: str

    def __init__(self) -> None:
        self.items: list[Item] = []
        self.has_root = False
        self._depth = -1
        self._foreign_root: str | None = None
        self._empty = 0
        self._seen: set[str] = set()

    @abstractmethod
    def open_root(self, attributes: dict[str, str]) -> None:
        """Take the root's attributes."""

    @abstractmethod
    def open(self, depth: int, name: str, attributes: dict[str, str]) -> bool:
        """Take the beginning of an element inside of the root; return whether it says anything."""

    def close_element(self, depth: int) -> None:
        """Take the end of an element inside of the root."""

    def start(self, tag: str, attributes: dict[str, str]) -> None:
        """Take what the parser found; raises PatientLevelDataError or MalformedBodyError."""
        self._depth += 1
        if self._depth > MAX_DEPTH:
            raise MalformedBodyError(f"The XML is nested more than {MAX_DEPTH} deep.")
        if len(attributes) > MAX_ATTRIBUTES:
            raise MalformedBodyError(f"An element of the XML has more than {MAX_ATTRIBUTES} attributes.")
        if tag not in self._seen or not self._seen.issuperset(attributes):
            self._look_at_names(tag, attributes)
        name = tag[tag.find("}") + 1 :]
        if self._depth == 0:
            self.has_root = True
            if name == self.root:
                self.open_root(attributes)
            else:
                self._foreign_root = name
        elif self._foreign_root is not None or not self.open(self._depth, name, attributes):
            self._empty += 1
            if self._empty > MAX_EMPTY:
                raise MalformedBodyError(f"The XML has more than {MAX_EMPTY} elements that say nothing to us.")

    def end(self, _tag: str) -> None:
        """Take the end of an element."""
        if self._depth and self._foreign_root is None:
            self.close_element(self._depth)
        self._depth -= 1

    def close(self) -> None:
        """Take the end of the document: one with a foreign root is read to here to see whether it names persons."""
        if self._foreign_root is not None:
            raise MalformedBodyError(
                f"The root element is <{self._foreign_root[:60]}>, where <{self.root}> is read. Data values in XML "
                "come as <dataValueSet> (DHIS2) or <adx> (ADX)."
            )

    def _look_at_names(self, tag: str, attributes: dict[str, str]) -> None:
        names = [tag, *attributes]
        refuse_personal_names(name[name.find("}") + 1 :] for name in names)
        if len(self._seen) < _MAX_REMEMBERED:
            self._seen.update(names)


def read_items(body: bytes, elements: Elements[Item]) -> Iterator[Item | None]:
    """Return the items of a document as they are found; the first is None, once the root was read.

    Raises MalformedBodyError, naming line and column, for what is no XML or has a DOCTYPE, and PatientLevelDataError.
    """
    parser = DefusedXMLParser(target=elements, forbid_dtd=True)
    is_open, last, stuck = False, -1, 0
    for start in range(0, len(body), _CHUNK_BYTES):
        _feed(parser, body[start : start + _CHUNK_BYTES])
        position = parser.parser.CurrentByteIndex
        stuck = 0 if position != last else stuck + _CHUNK_BYTES
        last = position
        if stuck > MAX_TAG_BYTES:
            raise MalformedBodyError(f"A tag or a comment of the XML is longer than {MAX_TAG_BYTES} bytes.")
        if elements.has_root and not is_open:
            is_open = True
            yield None
        yield from elements.items
        elements.items.clear()
    _feed(parser, None)
    yield from elements.items


def _feed(parser: DefusedXMLParser, chunk: bytes | None) -> None:
    """Have the parser read on, or come to its end."""
    try:
        if chunk is None:
            parser.close()
        else:
            parser.feed(chunk)
    except DefusedXmlException:
        raise MalformedBodyError("The XML has a DOCTYPE or entities, which are never read: send it without.") from None
    except ParseError as error:
        line, column = error.position
        what = expat.ErrorString(error.code)
        raise MalformedBodyError(f"The XML cannot be read at line {line}, column {column + 1}: {what}.") from None
    except (LookupError, ValueError):
        raise MalformedBodyError("The XML declares an encoding that is not read here: send it as UTF-8.") from None
