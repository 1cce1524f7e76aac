"""Reading one YAML file strictly: UTF-8, NFC, no duplicate keys; every failure says file, line and remedy."""

import unicodedata
from collections.abc import Hashable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from shared.catalog.problems import Problem

# The C parser is eight times quicker; a PyYAML built without libyaml has only the Python one.
if TYPE_CHECKING:
    _BaseLoader = yaml.SafeLoader
else:
    _BaseLoader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class _DuplicateKeyError(yaml.MarkedYAMLError):
    """A mapping has the same key twice."""


class _StrictLoader(_BaseLoader):
    """Safe YAML in which a key given twice is an error: YAML itself would silently keep the last."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:
        seen: set[str] = set()
        for key, _ in node.value:
            if isinstance(key, yaml.ScalarNode):
                if key.value in seen:
                    raise _DuplicateKeyError(problem=key.value, problem_mark=key.start_mark)
                seen.add(key.value)
        mapping: dict[Hashable, Any] = super().construct_mapping(node, deep)
        return mapping

    def construct_day(self, node: yaml.ScalarNode) -> Any:
        """Return a date, or the text of one that no calendar has, so that the model can say where it stands."""
        try:
            return self.construct_yaml_timestamp(node)
        except ValueError:
            return node.value


_StrictLoader.add_constructor("tag:yaml.org,2002:timestamp", _StrictLoader.construct_day)


def decode(file: str, content: bytes) -> tuple[str, Problem | None]:
    """Return the text of a file, or the problem that keeps it from being one: it is not UTF-8, or not in NFC."""
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        return "", Problem(file, f"line {line}", None, "is not UTF-8", "save the file as UTF-8")
    if not unicodedata.is_normalized("NFC", text):
        lines = enumerate(text.splitlines(), start=1)
        line = next((n for n, found in lines if not unicodedata.is_normalized("NFC", found)), 1)
        return "", Problem(file, f"line {line}", None, "is not in Unicode form NFC", "save the file in NFC")
    return text, None


def parse_yaml(file: str, content: bytes) -> tuple[Any, Problem | None]:
    """Return the data of a YAML file, or the problem that keeps it from being read. `file` is its name in messages."""
    text, problem = decode(file, content)
    if problem is not None:
        return None, problem
    loader = _StrictLoader(text)
    try:
        return loader.get_single_data(), None
    except _DuplicateKeyError as error:
        remedy = "keep one of the two"
        return None, Problem(file, _line(error), error.problem, "this key is given twice in one mapping", remedy)
    except yaml.YAMLError as error:
        return None, Problem(file, _line(error), None, f"is not valid YAML ({_reason(error)})", "correct this line")
    except (ValueError, RecursionError) as error:
        return None, Problem(file, "", None, f"cannot be read as YAML ({_reason(error)})", "correct the file")
    finally:
        loader.dispose()


def read_bytes(directory: Path, file: str, named: str | None = None) -> tuple[bytes, Problem | None]:
    """Return the bytes of a file in `directory`, or the problem that keeps it from being read."""
    named = named or file
    try:
        return (directory / file).read_bytes(), None
    except FileNotFoundError:
        return b"", Problem(named, "", None, "the file is missing", f"create it in {directory}")
    except OSError as error:
        reason = error.strerror or type(error).__name__
        return b"", Problem(named, "", None, f"cannot be read ({reason})", "make it readable")


def read_yaml(directory: Path, file: str, named: str | None = None) -> tuple[bytes, Any, Problem | None]:
    """Return the bytes and the data of a file in `directory`, or the problem that keeps it from being read.

    `named` is its name in messages, `file` when left out.
    """
    content, problem = read_bytes(directory, file, named)
    if problem is not None:
        return content, None, problem
    data, problem = parse_yaml(named or file, content)
    return content, data, problem


def _line(error: yaml.YAMLError) -> str:
    mark = getattr(error, "problem_mark", None) or getattr(error, "context_mark", None)
    return f"line {mark.line + 1}" if mark else "line ?"


def _reason(error: Exception) -> str:
    reason = getattr(error, "problem", None) or getattr(error, "reason", None) or str(error)
    return " ".join(str(reason).split())
