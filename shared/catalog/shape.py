"""Turning validation errors of the models into problems that a person who edits the files understands."""

from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from shared.catalog.problems import Problem

QUOTE_REMEDY = 'write it as text, in quotes: YAML reads 06211 as 3209 and 15.10 as 15.1; write "06211", "15.10"'
REMEDIES = {
    "missing": "add it",
    "extra_forbidden": "correct the spelling or remove it",
    "string_type": QUOTE_REMEDY,
    "string_pattern_mismatch": "write it in the form that the pattern shows",
    "date_type": "write a date as 2024-03-01, without quotes",
    "date_parsing": "write a date as 2024-03-01, without quotes",
    "date_from_datetime_parsing": "write a date as 2024-03-01, without quotes",
    "bool_type": "write true or false",
    "bool_parsing": "write true or false",
    "decimal_parsing": "write a number with a decimal point",
    "decimal_type": "write a number with a decimal point",
    "tuple_type": "write a list: [a, b] or one item per line with '- '",
    "dict_type": "write a mapping: {key: value}",
    "model_type": "write a mapping: {key: value}",
    "enum": "use one of the listed words",
    "too_short": "give at least one",
}
LABEL_KEYS = ("id", "key", "code", "name", "source")

M = TypeVar("M", bound=BaseModel)


def validate(model: type[M], file: str, data: Any) -> tuple[M | None, list[Problem]]:
    """Return the data of a file as its model, or every problem of its shape."""
    if not isinstance(data, dict):
        what = "is empty" if data is None else "is not a mapping of keys"
        return None, [Problem(file, "", None, what, f"give the keys: {', '.join(model.model_fields)}")]
    try:
        return model.model_validate(data), []
    except ValidationError as error:
        details = error.errors(include_url=False)
        return None, [_problem(file, data, detail) for detail in details if not _is_echo(detail, details)]


def label(item: Any) -> str:
    """Return the name by which a person knows an item of a list: its node, id, key, unit or indicator; or ""."""
    if not isinstance(item, dict):
        return ""
    if "standard" in item and "code" in item:
        return f"{item['standard']}/{item['code']}"
    for key in LABEL_KEYS:
        if key in item:
            return str(item[key])
    for keys in (("dispatch", "unit", "commune"), ("indicator", "sector"), ("element", "option")):
        if keys[0] in item:
            return "/".join(str(item[key]) for key in keys if item.get(key) is not None)
    return ""


def _is_echo(detail: ErrorDetails, details: list[ErrorDetails]) -> bool:
    """Return whether a list is told to be too short only because its items are wrong, of which each is told."""
    loc = detail["loc"]
    return detail["type"] == "too_short" and any(
        len(other["loc"]) > len(loc) and other["loc"][: len(loc)] == loc for other in details
    )


def _problem(file: str, data: dict[str, Any], detail: ErrorDetails) -> Problem:
    kind, what = detail["type"], detail["msg"].removeprefix("Value error, ")  # ours, as pydantic hands it on
    value = None if kind == "missing" else detail["input"]
    if isinstance(value, dict | list | tuple):
        value = None
    what = {"missing": "is missing", "extra_forbidden": "is not a known key"}.get(kind, what[:1].lower() + what[1:])
    return Problem(file, _path(data, detail["loc"]), value, what, REMEDIES.get(kind, "correct the value"))


def _path(data: Any, loc: tuple[int | str, ...]) -> str:
    path, item = "", data
    for part in loc:
        try:
            item = item[part]
        except (KeyError, IndexError, TypeError):
            item = None
        if isinstance(part, int):
            name = label(item)
            path += f"[{part}] ({name})" if name else f"[{part}]"
        else:
            path += f".{part}" if path else part
    return path
