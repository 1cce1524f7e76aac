"""The root element of an XML text by its beginning, found without parsing it."""

import re
from typing import Final

from services.ingest.domain.errors import MalformedBodyError

_BEFORE_ROOT: Final = re.compile(r"\s*+(?:<\?.*?\?>|<!--.*?-->)", re.DOTALL)
_ROOT: Final = re.compile(r"\s*+<(?:[^\s<>/:=\"'!?]++:)?([^\s<>/:=\"'!?]++)")
_DOCTYPE: Final = re.compile(r"\s*+<!DOCTYPE\s++([\w:-]*+)", re.IGNORECASE)


def root_of(text: str) -> str:
    """Return the local name of the root element; raises MalformedBodyError when there is none, or a DOCTYPE.

    >>> root_of('<?xml version="1.0"?><!-- a comment --><a:adx xmlns:a="urn:ihe:qrph:adx:2015">')
    'adx'
    """
    at = 0
    while match := _BEFORE_ROOT.match(text, at):
        at = match.end()
    doctype = _DOCTYPE.match(text, at)
    if doctype is not None and doctype[1].casefold() == "html":
        return "html"
    if doctype is not None:
        raise MalformedBodyError("The XML has a DOCTYPE, which is never read: send it without.")
    root = _ROOT.match(text, at)
    if root is None:
        raise MalformedBodyError("The body looks like XML, but no root element stands at its beginning.")
    return root[1]
