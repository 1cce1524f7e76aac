"""A file of silences: YAML or JSON, a list of records as the notifier's interface takes them."""

import unicodedata
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec

from datchuan.errors import USAGE, CommandError
from shared.catalog.strict_yaml import parse_yaml

_MOST_BYTES = 4 * 1024 * 1024
_SHAPE = "Give a list of records with author, reason, ends_at and units, nodes, responsible_units or all: true."


def read_records(path: Path) -> list[Any]:
    """Return the records of a file, whatever stands in them; raise CommandError for one that cannot be read as such."""
    try:
        content = path.read_bytes()
    except OSError as error:
        raise CommandError(f"{path} cannot be read: {error.strerror}", "Name a file that is there.", USAGE) from error
    if len(content) > _MOST_BYTES:
        raise CommandError(f"{path} has {len(content)} bytes", f"Split it: at most {_MOST_BYTES} are read.")
    document = _document(path, content)
    if isinstance(document, Mapping) and set(document) == {"silences"}:
        document = document["silences"]
    if not isinstance(document, list) or not document:
        raise CommandError(f"{path} holds no list of silences", _SHAPE)
    return document


def _document(path: Path, content: bytes) -> Any:
    try:
        text = unicodedata.normalize("NFC", content.decode("utf-8-sig"))
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise CommandError(f"{path}, line {line}: is not UTF-8", "Save the file as UTF-8.") from error
    if text.lstrip()[:1] in ("{", "["):
        try:
            return msgspec.json.decode(text)
        except msgspec.DecodeError as error:
            raise CommandError(f"{path} is not valid JSON: {error}", "Mend the place that is named.") from error
    document, problem = parse_yaml(str(path), text.encode())
    if problem is not None:
        raise CommandError(str(problem), "Mend the line and import the file again.")
    return document
