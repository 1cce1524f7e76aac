"""The outline of a JSON text by its beginning: its outermost keys, found without decoding it."""

import re
from typing import Final

import msgspec

# One word at a time; a text that is cut off inside a string is one word too, so that the time stays linear.
_WORD: Final = re.compile(r'"([^"\\]*+(?:\\.[^"\\]*+)*+)(?:"|\\?\Z)|[{}\[\],:]', re.DOTALL)


class Outline(msgspec.Struct):
    """What the beginning of a JSON text shows.

    `keys` are those of the outermost object, or of the objects in the outermost array; `inner_keys` those further
    inside. `is_many` says that a second document follows the first one.
    """

    is_array: bool = False
    is_many: bool = False
    keys: set[str] = msgspec.field(default_factory=set)
    inner_keys: set[str] = msgspec.field(default_factory=set)


def outline_of(text: str, decisive: frozenset[str]) -> Outline:
    """Return the outline; looks no further than the first outermost key that is decisive.

    >>> sorted(outline_of('[{"id": 1, "data": {"x": [1, {"y": 2}', frozenset()).keys)
    ['data', 'id']
    >>> outline_of('{"a": 1}\\n{"a": 2}', frozenset()).is_many
    True
    """
    outline = Outline(is_array=text.startswith("["))
    outermost = 2 if outline.is_array else 1
    depth, last = 0, None
    for match in _WORD.finditer(text):
        word, string = match[0], match[1]
        if string is not None:
            last = string
            continue
        if word in "{[":
            if depth == 0 and match.start() > 0:
                outline.is_many = True
                break
            depth += 1
        elif word in "}]":
            depth -= 1
        elif word == ":" and last is not None:
            (outline.keys if depth == outermost else outline.inner_keys).add(last)
            if depth == outermost and last in decisive:
                break
        last = None
    return outline
